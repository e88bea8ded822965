"""Brings the registry up to date: sources, then what follows from them, then campaigns; in order, in one lease.

Every stage decides by itself what is due, so a refresh costs what changed. A stage that can't go on does not keep
the later ones from doing what they can.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field

from ..stores.bookkeeping import runs
from ..stores.bookkeeping.leases import Lease, LeaseLost
from ..stores.bookkeeping.runs import StageReport
from ..stores.connection import Connection
from ..stores.errors import ConfigurationError, ExfolioError
from ..stores.schema import initialise, is_initialised
from .calculations.match_stage import MatchStage
from .calculations.stage import VaspStage
from .candidates.campaign import Campaign, Hull
from .candidates.judge import JudgeStage
from .candidates.known import known_campaigns
from .engine.batches import Doc
from .engine.runner import Interrupted, Progress, run_stage
from .engine.stage import Stage
from .engine.version import VERSION
from .materials.duplicates_stage import LinkStage
from .materials.layering_stage import LayerStage
from .materials.preferred_stage import PreferredStage
from .materials.template_library_stage import TemplateStage
from .properties.band_gap_stage import BandGapStage
from .properties.exfoliation_stage import ExfoliationStage
from .properties.hull_stage import HullStage
from .properties.known_hull_stage import KnownHullStage
from .properties.known_values_stage import KnownValuesStage
from .properties.potential.energies import PotentialEnergiesStage
from .properties.potential.lowest_energies import LowestEnergiesStage
from .properties.potential.near_hull import NearHullReferencesStage
from .properties.potential.references import PotentialReferencesStage
from .properties.potential.values import PotentialValuesStage
from .properties.pourbaix_stage import PourbaixStage
from .sources.file_stage import SourceStage
from .sources.service_stage import LiveSourceStage
from .sources.services.service import LIVE_KINDS
from .structures.novelty_stage import NoveltyStage
from .structures.relaxed_novelty_stage import RelaxedNoveltyStage
from .structures.substitution_stage import BottomUpStage
from .structures.template_structures_stage import TemplateStructuresStage
from .structures.top_down_stage import TopDownStage

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class RefreshReport:
    """What a refresh did; `errors` say what happened and, on a line of its own, what to do about it."""

    run_id: str
    stages: list[StageReport] = field(default_factory=list)
    errors: dict[str, str] = field(default_factory=dict)

    @property
    def exit_code(self) -> int:
        """0 all done, 1 some items or stages failed."""
        return 1 if self.errors or any(report.failed for report in self.stages) else 0

    @property
    def what_went_wrong(self) -> str | None:
        """The errors in a line."""
        return "; ".join(f"{stage}: {error}".replace("\n", " ") for stage, error in self.errors.items()) or None

    @property
    def state(self) -> str:
        """How the run ended."""
        return "partial" if self.exit_code else "succeeded"


def source_stage(kind: str, options: Doc) -> SourceStage | LiveSourceStage:
    """Give the stage of a source: one that reads files, or one that asks a service.

    Raises
    ------
    ConfigurationError
        There is no such kind, or the options are not its.
    """
    return LiveSourceStage(kind, options) if kind in LIVE_KINDS else SourceStage(kind, options)


def known_sources(connection: Connection) -> Iterator[SourceStage | LiveSourceStage | VaspStage]:
    """Give a stage for every source that was ingested before, as it was; folders of VASP results among them."""
    for name, arguments in _ingested(connection):
        yield _made_again(name, arguments)


def ingestion_names(connection: Connection) -> list[str]:
    """Give the names of the stages that bring in what was ingested before."""
    return [name for name, _ in _ingested(connection)]


def _ingested(connection: Connection) -> list[tuple[str, Doc]]:
    stored = connection.database["stage_states"].find({"stage": {"$regex": "^ingest:"}}, {"stage": 1, "maker": 1})
    known = [(state["stage"], state.get("maker", {}).get("arguments")) for state in stored.sort("stage", 1)]
    return [(name, arguments) for name, arguments in known if arguments]


def _made_again(name: str, arguments: Doc) -> SourceStage | LiveSourceStage | VaspStage:
    if name == VaspStage.name:
        return VaspStage(**arguments)
    return source_stage(arguments["kind"], arguments["options"])


def stages_of(campaign: Campaign) -> list[Stage]:
    """Give the stages of a campaign beside its sources, in order."""
    stages: list[Stage] = []
    top_down = campaign.routes.top_down
    rules = top_down.rules if top_down else "database"
    stages += [LayerStage(rules), LinkStage(), PreferredStage(), *_composition_stages(campaign)]
    if top_down:
        stages += [TopDownStage(top_down.rules, top_down.vacuum)]
    if campaign.routes.bottom_up:
        # Only what repeats no other structure is worth substituting in, so novelty comes before and after.
        stages += [NoveltyStage(), BottomUpStage(**campaign.routes.bottom_up.model_dump())]
    stages += [*_template_stages(campaign), *_crystal_gan_stages(campaign)]
    stages += [NoveltyStage(), KnownValuesStage(), *_calculation_stages(campaign), *_potential_stages(campaign)]
    stages += [JudgeStage(campaign.model_dump(mode="json", by_alias=True))]
    return stages


def _composition_stages(campaign: Campaign) -> list[Stage]:
    """Give what trains the models of compositions, and what draws, screens, classifies and judges compositions."""
    wanted = campaign.compositions
    if wanted is None:
        return []
    from .compositions.route import stages  # brings torch along, which other campaigns don't need

    return stages(wanted)


def _template_stages(campaign: Campaign) -> list[Stage]:
    """Give what finds the templates among known materials, and what makes structures of compositions from them."""
    wanted = campaign.routes.template
    if wanted is None:
        return []
    dimension = wanted.dimension or (3 if campaign.dimension == 3 else 2)
    settings = {**wanted.model_dump(), "dimension": dimension, "judged": campaign.compositions is not None}
    return [TemplateStage(), TemplateStructuresStage(**settings)]


def _crystal_gan_stages(campaign: Campaign) -> list[Stage]:
    """Give what trains a Crystal GAN, and what makes crystals of wanted compositions with it."""
    wanted = campaign.routes.crystal_gan
    if wanted is None:
        return []
    from .structures.crystal_gan_stage import CrystalGanStage
    from .training.training_stage import TrainingStage  # torch again

    settings = wanted.model_dump(mode="json", exclude={"model", "oxidation"})
    rule = wanted.oxidation.model_dump() if wanted.oxidation else None
    stage = CrystalGanStage(**settings, rule=rule, model=wanted.model.use)
    if not wanted.model.train or wanted.model.use is not None:
        return [stage]
    config = {**wanted.model.config, "layout": stage.layout.to_dict()}
    return [TrainingStage("crystal-gan", config=config, queries=wanted.model.filters, seed=wanted.model.seed), stage]


def _calculation_stages(campaign: Campaign | None = None) -> list[Stage]:
    """Give what follows from calculations and from known formation energies; Pourbaix rests on the others."""
    hull = campaign.hull if campaign else Hull()
    stages: list[Stage] = [MatchStage(), HullStage(**hull.model_dump(mode="json")), KnownHullStage()]
    stages += [ExfoliationStage(), BandGapStage()]
    if campaign and campaign.pourbaix:
        settings = campaign.pourbaix.model_dump()
        scheme, elements = campaign.hull.scheme.value, list(campaign.elements) or None
        stages.append(PourbaixStage(**settings, scheme=scheme, elements=elements))
    return stages


def _potential_stages(campaign: Campaign) -> list[Stage]:
    if campaign.potential is None:
        return []
    wanted = campaign.potential
    limits = wanted.model_dump(include={"max_steps", "force_tolerance", "max_seconds"})
    limited = {**limits, "max_structures": wanted.max_structures}
    if not wanted.relax:
        return [PotentialReferencesStage(**limits), PotentialEnergiesStage(**limited), PotentialValuesStage()]
    # A relaxation is dear: only what the campaign looks at. Energies as they stand are evaluated for all alike.
    mine: Doc = {"elements": campaign.elements or None}
    stages: list[Stage] = [PotentialReferencesStage(relax=True, **mine, **limits)]
    if wanted.reference_window is not None:
        near = NearHullReferencesStage(window=wanted.reference_window, **mine, **limits)
        stages = [PotentialReferencesStage(**limits), near]
    if wanted.relax_lowest is not None:
        lowest = LowestEnergiesStage(lowest=wanted.relax_lowest, **mine, **limited)
        stages += [PotentialEnergiesStage(**limits), lowest]
    else:
        stages.append(PotentialEnergiesStage(relax=True, **mine, **limited))
    return [*stages, RelaxedNoveltyStage(), KnownValuesStage(), PotentialValuesStage(relax=True)]


def refresh(
    connection: Connection,
    campaigns: Sequence[Campaign] = (),
    *,
    processes: int = 1,
    progress: Progress | None = None,
    stage_done: Callable[[StageReport], None] | None = None,
    leave_out: Collection[str] = (),
) -> RefreshReport:
    """Run everything that is due.

    Parameters
    ----------
    campaigns
        The campaigns to bring up to date; those that were refreshed before when none is given.
    processes
        Worker processes of the heavy stages.
    progress, stage_done
        Called after every batch and after every stage.
    leave_out
        Names of stages that are not run, because somebody else sees to them.

    Raises
    ------
    ConfigurationError
        Two campaigns want the same stage with different settings.
    LeaseHeld
        Another refresh runs.
    Interrupted
        Somebody asked it to stop; what was done stays done.
    """
    if not is_initialised(connection):
        initialise(connection)
    campaigns = list(campaigns) or known_campaigns(connection)
    others = known_campaigns(connection, besides=[campaign.name for campaign in campaigns])
    _check_agreement([*campaigns, *others])
    job = " ".join(["refresh", *(campaign.name for campaign in campaigns)])
    with Lease(connection, "refresh", seconds=connection.settings.lease_seconds) as lease:
        report = RefreshReport(runs.begin(connection, job, version=VERSION))
        try:
            for stage in _plan(connection, campaigns, report):
                lease.check()
                if stage.name in leave_out:
                    continue
                done = _run_one(stage, connection, report, processes=processes, progress=progress)
                if done is not None:
                    report.stages.append(done)
                    runs.note_stage(connection, report.run_id, done)
                    if stage_done is not None:
                        stage_done(done)
        except BaseException as error:
            how = "interrupted" if isinstance(error, KeyboardInterrupt | SystemExit) else "failed"
            runs.end(connection, report.run_id, how, error=f"{type(error).__name__}: {error}")
            raise
        runs.end(connection, report.run_id, report.state, error=report.what_went_wrong)
        return report


def _check_agreement(campaigns: Sequence[Campaign]) -> None:
    # The stages before the judge are shared: with other settings for each campaign, every refresh would undo the last.
    wanted: dict[str, tuple[str, str]] = {}
    for campaign in campaigns:
        for stage in stages_of(campaign):
            first, fingerprint = wanted.setdefault(stage.name, (campaign.name, stage.fingerprint))
            if fingerprint != stage.fingerprint:
                raise ConfigurationError(
                    f"campaigns {first} and {campaign.name} want stage {stage.name} with different settings",
                    "Give both the same settings, or one of them a database of its own (EXFOLIO_DATABASE).",
                )
    for name, (campaign_name, _) in wanted.items():
        whole, _, part = name.partition(":")
        if part and whole in wanted:
            raise ConfigurationError(
                f"campaign {wanted[whole][0]} wants stage {whole} for everything, campaign {campaign_name} for {part}",
                "Name the elements of both campaigns, or give one a database of its own (EXFOLIO_DATABASE).",
            )


def _plan(connection: Connection, campaigns: Sequence[Campaign], report: RefreshReport) -> Iterator[Stage]:
    pulled: set[str] = set()
    stage: Stage
    for campaign in campaigns:
        for source in campaign.sources:
            try:
                stage = source_stage(source.kind, source.options)
            except ExfolioError as error:
                report.errors[f"ingest:{source.kind}"] = str(error)
                continue
            if stage.name not in pulled:
                pulled.add(stage.name)
                yield stage
    for name, arguments in _ingested(connection):
        if name not in pulled:
            try:
                yield _made_again(name, arguments)
            except ExfolioError as error:  # one source that can't be made again keeps nothing else from running
                report.errors[name] = str(error)
    for campaign in campaigns:
        yield from stages_of(campaign)
    if not campaigns:
        yield from (LayerStage(), LinkStage(), PreferredStage(), *_calculation_stages())


def _run_one(
    stage: Stage, connection: Connection, report: RefreshReport, *, processes: int, progress: Progress | None
) -> StageReport | None:
    try:
        return run_stage(stage, connection, processes=processes, run_id=report.run_id, progress=progress)
    except (Interrupted, LeaseLost):
        raise
    except ExfolioError as error:
        logger.error("%s: %s", stage.name, error.message)
        report.errors[stage.name] = str(error)
        return None
