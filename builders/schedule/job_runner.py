"""Runs one job of the schedule and says how it ended; whatever goes wrong in it is an ending, never an exception."""

from __future__ import annotations

import logging
from typing import Final

from pymongo.errors import PyMongoError

from ...stores.backup.backup import back_up, verify
from ...stores.backup.keeping import read_passphrase, remove_older, set_aside
from ...stores.bookkeeping.leases import LeaseLost
from ...stores.bookkeeping.runs import StageReport
from ...stores.connection import Connection, explain
from ...stores.errors import ConfigurationError, ExfolioError, LeaseHeld
from ..candidates.known import load_campaigns
from ..engine.execution.clusters import opened
from ..engine.execution.runner import Interrupted, run_stage
from ..engine.stage import Stage
from ..refresh import known_sources, refresh
from .jobs import Ending, Job
from .stopping import StopRequest

logger = logging.getLogger(__name__)

_PULL: Final = "ingest:"  # begins the names of the stages that read sources


class JobRunner:
    """Pulls sources, refreshes campaigns and makes backups, and lets the batch in work finish when it is asked to stop.

    Parameters
    ----------
    connection
        The database; its settings say which sources have a line of their own.
    processes
        Worker processes of heavy stages.
    stop
        Looked at between batches.
    """

    def __init__(self, connection: Connection, *, processes: int, stop: StopRequest) -> None:
        self.connection = connection
        self.processes = processes
        self.stop = stop

    def run(self, job: Job) -> Ending:
        """Run a job to its end."""
        try:
            if job.kind == "backup":
                return self._backed_up()
            return self._pulled(job) if job.kind == "source" else self._refreshed(job)
        except LeaseHeld as error:
            return Ending("skipped", error.message)
        except KeyboardInterrupt as error:  # a signal came while it ran
            self.stop.made = True
            self.stop.at_once = not isinstance(error, Interrupted)
            return Ending("interrupted", "asked to stop")
        except ExfolioError as error:
            return Ending("failed", error.message)
        except PyMongoError as error:
            return Ending("failed", explain(error, self.connection).message)
        except Exception as error:  # a defect in one job must not end the others
            logger.exception("%s failed in an unforeseen way", job.name)
            return Ending("failed", f"{type(error).__name__}: {error}")

    def stages_of_source(self, name: str) -> list[Stage]:
        """Stages of a source: the one of this name, or all its parts (``mp`` for ``mp:Mn-O``).

        Raises
        ------
        ConfigurationError
            No source goes by this name; names those there are.
        """
        known: list[Stage] = list(known_sources(self.connection))
        stages = [stage for stage in known if _is_of_source(stage.name, name)]
        if not stages:
            raise _unknown(name, {stage.name.removeprefix(_PULL) for stage in known})
        return stages

    def stages_with_a_line(self) -> set[str]:
        """Names of the stages that have a line of their own on the schedule."""
        sources = self.connection.settings.schedule.sources
        known = {stage.name for stage in known_sources(self.connection)}
        return {f"{_PULL}{name}" for name in sources} | {
            stage for stage in known for name in sources if _is_of_source(stage, name)
        }

    def _pulled(self, job: Job) -> Ending:
        failed, written, run_id = 0, 0, None
        errors: list[ExfolioError] = []
        stages = self.stages_of_source(job.target)
        for stage in stages:  # more than one where a source is pulled in parts
            try:
                report = run_stage(stage, self.connection, processes=1, progress=self._stop_between)
            except LeaseLost:
                raise
            except ExfolioError as error:
                errors.append(error)
            else:
                failed, written = failed + report.failed, written + report.written
                run_id = stage.current_run.run_id
        if errors and len(stages) == 1:
            raise errors[0]
        if errors:
            return Ending("failed", "; ".join(error.message for error in errors), run_id, written)
        return Ending("partial" if failed else "succeeded", None, run_id, written)

    def _refreshed(self, job: Job) -> Ending:
        campaigns = load_campaigns([job.target]) if job.kind == "campaign" else []
        with opened(self.connection.settings.dask) as workforce:
            report = refresh(
                self.connection,
                campaigns,
                processes=self.processes,
                workforce=workforce,
                progress=self._stop_between,
                stage_done=self._stop_after,
                # A source with a line of its own is pulled, and put off while it is down, by that line.
                leave_out=self.stages_with_a_line(),
            )
        return Ending(
            report.state, report.what_went_wrong, report.run_id, sum(stage.written for stage in report.stages)
        )

    def _backed_up(self) -> Ending:
        chosen = self.connection.settings.schedule.backup
        if chosen is None:
            raise ConfigurationError("no backup is on the schedule")
        passphrase = read_passphrase(chosen.passphrase_file) if chosen.passphrase_file else None
        made = back_up(self.connection, chosen.folder, passphrase=passphrase, progress=self._stop_while_writing)
        if wrong := list(verify(made.folder, passphrase=passphrase, progress=self._stop_while_writing)):
            aside = set_aside(made.folder)
            return Ending("failed", f"{made.folder} is not whole, and is {aside.name} now: {'; '.join(wrong)}")
        remove_older(chosen.folder, self.connection.name, chosen.keep)
        return Ending("succeeded", written=sum(made.documents.values()))

    def _stop_while_writing(self, _collection: str, _number: int) -> None:
        if self.stop.made:
            raise Interrupted("asked to stop")

    def _stop_between(self, _stage: Stage, report: StageReport) -> None:
        self._stop_after(report)

    def _stop_after(self, _report: StageReport) -> None:
        if self.stop.made:
            raise Interrupted("asked to stop")


def _is_of_source(stage: str, source: str) -> bool:
    return stage == f"{_PULL}{source}" or stage.startswith(f"{_PULL}{source}:")


def _unknown(name: str, known: set[str]) -> ConfigurationError:
    there = f"there are: {', '.join(sorted(known))}" if known else "there is none yet"
    return ConfigurationError(f"no source is called {name!r}; {there}", "Ingest it once: exfolio ingest --help")
