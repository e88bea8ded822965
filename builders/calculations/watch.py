"""Watches trees of VASP results: looks again and again, and ingests what has come and is no longer being written.

A look costs reading the folders' names and the files' times; the database is asked only when there is something new.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

from ...stores.bookkeeping import failures
from ...stores.bookkeeping.runs import StageReport
from ...stores.connection import Connection
from ...stores.errors import LeaseHeld
from ..engine.execution.runner import Interrupted, Progress, run_stage
from .vasp.crawl import Run, crawl
from .vasp_results_stage import VaspStage

logger = logging.getLogger(__name__)
EVERY_SECONDS: Final = 60.0
"""Between two looks."""

Seen = dict[str, tuple[int, int]]


class Watch:
    """Ingests trees of VASP results as they grow.

    Parameters
    ----------
    connection
        The registry.
    directories
        The trees.
    every
        Seconds between two looks; a calculation whose files changed within so many seconds is left for the next.
    processes
        That parse.
    stop
        Ends the watch when it is set.

    Raises
    ------
    ValueError
        `every` is not above zero.
    """

    def __init__(
        self,
        connection: Connection,
        directories: Sequence[Path],
        *,
        every: float = EVERY_SECONDS,
        processes: int = 1,
        stop: threading.Event | None = None,
    ) -> None:
        if every <= 0:
            raise ValueError(f"{every=}: seconds between two looks are above zero")
        self.connection = connection
        self.directories = [str(directory) for directory in directories]
        self.every = every
        self.processes = processes
        self.stop = stop or threading.Event()
        self._seen: Seen | None = None

    def reports(self, *, progress: Callable[[], Progress | None] | None = None) -> Iterator[StageReport]:
        """Report each pass that looked into a calculation, until stopped.

        Parameters
        ----------
        progress
            Gives the callback of a pass.

        Raises
        ------
        ConfigurationError
            None of the folders is there.
        """
        while not self.stop.is_set():
            report = self.look(progress() if progress else None)
            if report is not None and (report.due or report.written):
                yield report
            self.stop.wait(self.every)

    def look(self, progress: Progress | None = None) -> StageReport | None:
        """Look once, and ingest what has settled since the last time; None where there was nothing to do.

        A run of the same stage by somebody else is left alone; the next look does the work.
        """
        settled = self._settled()
        again = failures.due(self.connection, VaspStage.name)
        if settled == self._seen and not again:
            return None
        stage = VaspStage(self.directories)
        stage.quiet_seconds = self.every
        try:
            report = run_stage(stage, self.connection, processes=self.processes, progress=progress)
        except LeaseHeld as held:
            logger.info("%s", held.message)
            return None
        except Interrupted:  # a signal while it ran: the batch in work is written
            self.stop.set()
            return stage.report
        self._seen = settled
        return report

    def _settled(self) -> Seen:
        """Size and time of every calculation that nobody is writing."""
        newest = time.time_ns() - int(self.every * 1e9)
        settled: Seen = {}
        for run in crawl(Path(directory) for directory in self.directories):
            if not isinstance(run, Run):
                continue
            try:
                states = [file.stat() for file in run.files]
            except OSError:  # it went away between two looks, or can't be read: the stage says what is wrong with it
                continue
            modified = max(state.st_mtime_ns for state in states)
            if modified <= newest:
                settled[run.place] = (sum(state.st_size for state in states), modified)
        return settled
