"""Brings the registry up to date: runs whatever is due, of sources and campaigns, until nothing is.

Every stage decides by itself what is due, so a refresh costs what changed. A stage that can't go on does not keep
the others from doing what they can. One refresh runs at a time.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from pymongo.errors import PyMongoError

from ..stores.bookkeeping import runs
from ..stores.bookkeeping.leases import Lease, LeaseLost
from ..stores.bookkeeping.runs import StageReport
from ..stores.connection import Connection
from ..stores.disk_room import require_room_in_database
from ..stores.errors import ConfigurationError, ExfolioError
from ..stores.schema import initialise, is_up_to_date
from ..stores.writes import first_filling
from . import extensions, resting_point
from .calculations.vasp_results_stage import VaspStage
from .candidates.campaigns.campaign import Campaign
from .candidates.campaigns.gate_outline import recorded_campaigns
from .candidates.known import known_campaigns
from .candidates.settings_labels import claimed
from .engine.batches import Doc
from .engine.execution import plan
from .engine.execution.beside import Beside
from .engine.execution.interruption import Interrupted, stopping_on_signals
from .engine.execution.runner import Progress, run_stage
from .engine.execution.workers import Workforce
from .engine.stage import Stage
from .engine.version import VERSION
from .materials.preferred_stage import PreferredStage
from .recipe import agreed, common_stages, in_order, stages_of, stages_of_other_packages
from .sources.file_stage import SourceStage
from .sources.live.service_stage import LiveSourceStage
from .sources.services.service import LIVE_KINDS

logger = logging.getLogger(__name__)
_BYTES_OF_DRAW = 350
"""On disk, with indexes: 550 a composition, of which two million draws made 1.28 million (docs/measured/scale.md)."""
_STOPPED = "the refresh stopped between two stages; run again to go on"


@dataclass(slots=True)
class RefreshReport:
    """What a refresh did; `errors` say what happened and, on a line of its own, what to do about it."""

    run_id: str
    stages: list[StageReport] = field(default_factory=list)
    errors: dict[str, str] = field(default_factory=dict)

    def add(self, done: StageReport) -> None:
        """Add what a stage did; of one that ran again, together with what it did before."""
        for report in self.stages:
            if report.stage == done.stage:
                report.add(done)
                return
        self.stages.append(replace(done))

    @property
    def nothing_done(self) -> bool:
        """Whether no stage had anything to do."""
        return not self.errors and not any(report.did_anything for report in self.stages)

    @property
    def exit_code(self) -> int:
        """0 all done, 1 some items or stages failed, or some input was put into quarantine."""
        return 1 if self.errors or any(report.incomplete for report in self.stages) else 0

    @property
    def what_went_wrong(self) -> str | None:
        """The errors in a line."""
        return "; ".join(f"{stage}: {error}".replace("\n", " ") for stage, error in self.errors.items()) or None

    @property
    def state(self) -> str:
        """How the run ended."""
        return "partial" if self.exit_code else "succeeded"


def source_stage(kind: str, options: Doc) -> SourceStage | LiveSourceStage:
    """Stage of a source: one that reads files, or one that asks a service; with what can be said of each record alone.

    Raises
    ------
    ConfigurationError
        There is no such kind, or the options are not its.
    """
    stage = LiveSourceStage(kind, options) if kind in LIVE_KINDS else SourceStage(kind, options)
    return stage.fused_with(PreferredStage())


def known_sources(connection: Connection) -> Iterator[SourceStage | LiveSourceStage | VaspStage]:
    """Stages of every source that was ingested before, as it was; folders of VASP results among them."""
    for name, arguments in _ingested(connection):
        yield _made_again(name, arguments)


def ingestion_names(connection: Connection) -> list[str]:
    """Names of the stages that bring in what was ingested before."""
    return [name for name, _ in _ingested(connection)]


def _ingested(connection: Connection) -> list[tuple[str, Doc]]:
    stored = connection.database["stage_states"].find({"stage": {"$regex": "^ingest:"}}, {"stage": 1, "maker": 1})
    known = [(state["stage"], state.get("maker", {}).get("arguments")) for state in stored.sort("stage", 1)]
    return [(name, arguments) for name, arguments in known if arguments]


def _made_again(name: str, arguments: Doc) -> SourceStage | LiveSourceStage | VaspStage:
    if name == VaspStage.name:
        return VaspStage(**arguments)
    return source_stage(arguments["kind"], arguments["options"])


def planned_stages(
    connection: Connection,
    campaigns: Sequence[Campaign],
    errors: dict[str, str] | None = None,
    *,
    claim: bool = True,
) -> list[plan.Circle]:
    """Stages of sources and campaigns in the order in which they run, whatever that of the campaigns.

    Parameters
    ----------
    errors
        By stage, filled with what keeps a source, or what another package adds, from being made; one keeps nothing
        else from running.
    claim
        Whether the campaigns' claims on settings are kept, as they are where the stages are run.

    Raises
    ------
    ConfigurationError
        Two campaigns want the same stage with different settings, and it is one that can't be told apart.
    """
    errors = {} if errors is None else errors
    stages = list(_sources(connection, campaigns, errors))
    unkept: dict[str, dict[str, Doc]] | None = None if claim else {}
    for campaign in sorted(campaigns, key=lambda campaign: campaign.name):
        try:
            stages += stages_of(campaign, claimed(connection, campaign.name, unkept=unkept), errors)
        except ConfigurationError as error:  # as of a list of formulas that is gone: the other campaigns go on
            if len(campaigns) == 1:
                raise
            errors[f"campaign:{campaign.name}"] = str(error)
    if not campaigns:
        stages += common_stages()
    stages = agreed(stages)
    stages += stages_of_other_packages([stage.name for stage in stages], errors)
    return in_order(stages)


def refresh(
    connection: Connection,
    campaigns: Sequence[Campaign] = (),
    *,
    processes: int = 1,
    workforce: Workforce | None = None,
    progress: Progress | None = None,
    stage_done: Callable[[StageReport], None] | None = None,
    leave_out: Collection[str] = (),
) -> RefreshReport:
    """Run everything that is due, until nothing is.

    Parameters
    ----------
    campaigns
        The campaigns to bring up to date; those that were refreshed before when none is given.
    processes
        Worker processes of the heavy stages.
    workforce
        What computes for heavy stages instead, as the workers of a cluster.
    progress, stage_done
        Called after every batch and after every stage that did anything.
    leave_out
        Names of stages that are not run, because somebody else sees to them.

    Raises
    ------
    ConfigurationError
        Two campaigns want the same stage with settings that can't be told apart.
    LeaseHeld
        Another refresh runs.
    Interrupted
        Somebody asked it to stop; what was done stays done.
    """
    if not is_up_to_date(connection):
        initialise(connection)
    campaigns = list(campaigns) or known_campaigns(connection)
    job = " ".join(["refresh", *(campaign.name for campaign in campaigns)])
    report = RefreshReport("")

    def farewell() -> str:
        if report.run_id:
            runs.end(connection, report.run_id, "interrupted", error=f"Interrupted: {_STOPPED}")
        return _STOPPED

    seconds = connection.settings.lease_seconds
    with stopping_on_signals(farewell) as asked_to_stop, Lease(connection, "refresh", seconds=seconds) as lease:
        circles = planned_stages(connection, campaigns, report.errors)
        if resting_point.is_at_rest(connection, campaigns, leave_out) and not report.errors:
            return report
        require_room_in_database(connection, "a refresh", _least_bytes(connection, campaigns))
        report.run_id = runs.begin(connection, job, version=VERSION)
        put_off: set[str] = set()
        beside = Beside(connection.settings, report.run_id)

        def go_on() -> None:
            lease.check()
            if asked_to_stop.is_set():
                raise Interrupted(_STOPPED)

        def run(stage: Stage) -> None:
            go_on()
            if processes > 1 and beside.stage is None and stage.runs_long_alone():
                beside.start(stage)
                return
            own: dict[str, Any] = {"processes": processes, "run_id": report.run_id, "progress": progress}
            note(stage, lambda: run_stage(stage, connection, workforce=workforce, **own))

        def wait_for_the_other() -> None:
            if (stage := beside.stage) is None:
                return

            def tell(stage: Stage) -> None:
                go_on()
                if progress is not None:
                    progress(stage, stage.report)

            try:
                note(stage, lambda: beside.wait(tell))
            finally:
                beside.stop()

        def note(stage: Stage, work: Callable[[], StageReport]) -> None:
            done = _done(stage, report, work)
            if done is None:
                return
            if stage.put_off:
                put_off.add(stage.name)
            report.add(done)
            if done.did_anything or stage.looks_for_itself:  # when a source was looked at is worth knowing
                runs.note_stage(connection, report.run_id, done)
            if done.did_anything and stage_done is not None:
                stage_done(done)

        def due(stage: Stage) -> bool:
            if beside.is_needed_by(stage):
                wait_for_the_other()
            return stage.name not in put_off and is_due(stage, connection, report.errors)

        try:
            chosen = [[stage for stage in circle if stage.name not in leave_out] for circle in circles]
            # What a stage leaves for the next refresh is not done by this one's next pass.
            with first_filling.made_beside(connection):
                plan.settle(chosen, connection, run, due, wait_for_the_other, beside.holds_up)
        except plan.Unsettled as unsettled:
            report.errors["refresh"] = (
                f"these stages made each other due {plan.MOST_PASSES} times over and were stopped: "
                f"{', '.join(unsettled.names)}\nPlease report it: it is a defect of one of them."
            )
        except BaseException as error:
            how = "interrupted" if isinstance(error, KeyboardInterrupt | SystemExit) else "failed"
            runs.end(connection, report.run_id, how, error=f"{type(error).__name__}: {error}")
            raise
        finally:
            beside.stop()
        runs.end(connection, report.run_id, report.state, error=report.what_went_wrong)
        others = {plain.get("name") for plain in recorded_campaigns(connection)} - {
            campaign.name for campaign in campaigns
        }
        if not (report.exit_code or put_off or leave_out or others):
            resting_point.note(connection, campaigns)
        return report


def is_due(stage: Stage, connection: Connection, errors: dict[str, str]) -> bool:
    """Whether anything is due for a stage; where it can't say so, the error is noted and nothing is.

    Parameters
    ----------
    stage
        A fresh stage.
    connection
        The registry.
    errors
        By stage, filled with what went wrong.
    """
    try:
        return stage.is_due(connection)
    except ExfolioError as error:
        errors[stage.name] = str(error)
    except PyMongoError:
        raise
    except Exception as error:  # noqa: BLE001  raised again unless another package is to blame
        errors[stage.name] = str(_blamed(error, stage))
    return False


def _sources(connection: Connection, campaigns: Sequence[Campaign], errors: dict[str, str]) -> Iterator[Stage]:
    asked_for: set[str] = set()
    for campaign in campaigns:
        for source in campaign.sources:
            try:
                stage = source_stage(source.kind, source.options)
            except ExfolioError as error:
                errors[f"ingest:{source.kind}"] = str(error)
                continue
            if stage.name not in asked_for:
                asked_for.add(stage.name)
                yield stage
    for name, arguments in _ingested(connection):
        if name not in asked_for:
            try:
                yield _made_again(name, arguments)
            except ExfolioError as error:
                errors[name] = str(error)


def _done(stage: Stage, report: RefreshReport, work: Callable[[], StageReport]) -> StageReport | None:
    try:
        return work()
    except (Interrupted, LeaseLost):
        raise
    except PyMongoError:
        raise
    except Exception as error:  # noqa: BLE001  raised again unless it is explained, or another package is to blame
        explained = error if isinstance(error, ExfolioError) else _blamed(error, stage)
        logger.error("%s: %s", stage.name, explained.message)
        report.errors[stage.name] = str(explained)
        return None


def _least_bytes(connection: Connection, campaigns: Sequence[Campaign]) -> int:
    """What the first draws of compositions take, which is most of what a refresh adds."""
    drawn = connection.database["compositions"].find_one({}, {"_id": 1})
    most = max((campaign.compositions.draws for campaign in campaigns if campaign.compositions is not None), default=0)
    return 0 if drawn else most * _BYTES_OF_DRAW


def _blamed(error: Exception, stage: Stage) -> ExfolioError:
    return extensions.blamed(error, stage, getattr(stage, "reader", None), getattr(stage, "potential", None))
