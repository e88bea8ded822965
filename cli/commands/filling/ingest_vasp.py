"""``exfolio ingest vasp DIR…``: brings VASP results into the registry."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from types import FrameType
from typing import Final

import typer

from ....builders.engine.execution.runner import Interrupted
from ....builders.engine.execution.worker_processes import start_early
from ....builders.sources.ingestion import ingest
from ....stores.clock import utc_now
from ....stores.connection import connect
from ....stores.errors import ConfigurationError
from ....stores.settings import Settings
from ...display.console import err, out, print_json
from ...display.progress import say_ingested, stage_progress, summary

KIND: Final = "vasp"
_PACKAGE = __package__.rpartition(".cli.")[0]


def directories_of(paths: Sequence[Path] | None, kind: str | None) -> list[Path] | None:
    """Folders of VASP results that a command line names; None where it is about another kind."""
    given = list(paths or [])
    word = kind is None and bool(given) and str(given[0]) == KIND and (len(given) > 1 or not given[0].exists())
    if word:
        given = given[1:]
    elif kind != KIND:
        return None
    if not given:
        raise ConfigurationError("no folder of VASP results is given", "Example: exfolio ingest vasp runs/")
    return given


def watch_vasp(
    settings: Settings, directories: Sequence[Path], *, every: float, processes: int | None, follow: bool
) -> None:
    """Ingest what comes into the folders until SIGTERM or Ctrl-C; says a line for each pass that did something.

    With `follow`, values and campaigns are brought up to date after it.
    """
    from ....builders.calculations.watch import Watch
    from ....builders.refresh import ingestion_names, refresh

    stop = threading.Event()
    with connect(settings, autostart=True) as connection, _stopped_by_signals(stop):
        workers = processes or settings.processes
        watch = Watch(connection, directories, every=every, processes=workers, stop=stop)
        err.print(f"Watching {', '.join(map(str, directories))} every {every:g} s", markup=False, soft_wrap=True)
        for report in watch.reports():
            err.print(f"{utc_now():%Y-%m-%d %H:%M:%S}  {summary(report)}", soft_wrap=True)
            if follow and report.written and not stop.is_set():
                try:
                    done = refresh(connection, processes=workers, leave_out=ingestion_names(connection))
                except Interrupted:
                    break
                told = "; ".join(f"{stage.stage}: {summary(stage)}" for stage in done.stages if stage.written)
                err.print(f"  {told or 'nothing follows from it'}", soft_wrap=True)
                for stage, reason in done.errors.items():
                    err.print(f"  {stage}: {reason}", markup=False, soft_wrap=True)
    err.print("Stopped.")


@contextmanager
def _stopped_by_signals(stop: threading.Event) -> Iterator[None]:
    def end(_number: int, _frame: FrameType | None) -> None:
        if stop.is_set():  # asked twice: at once
            raise KeyboardInterrupt
        stop.set()

    before = {number: signal.signal(number, end) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def ingest_vasp(
    settings: Settings, directories: Sequence[Path], *, processes: int | None, dry_run: bool, json: bool
) -> None:
    """Ingest every calculation below the folders, or with `dry_run` say what would be read."""
    workers = processes or settings.processes
    if workers > 1 and not dry_run:
        stage_and_parser = ("vasp_results_stage", "vasp.parse")  # the latter is imported by who parses only
        start_early([f"{_PACKAGE}.builders.calculations.{module}" for module in stage_and_parser])
    from ....builders.calculations.vasp.crawl import Run, crawl
    from ....builders.calculations.vasp_results_stage import VaspStage

    if dry_run:
        crawled = list(crawl(directories))
        runs = [item for item in crawled if isinstance(item, Run)]
        troubles = [asdict(item) for item in crawled if not isinstance(item, Run)]
        if json:
            print_json({"dry_run": True, "calculations": [run.place for run in runs], "quarantine": troubles})
        else:
            out.print(f"would look at {len(runs):,} calculations")
            out.print(f"would put {len(troubles):,} folders and links into quarantine")
            for trouble in troubles:
                out.print(f"  {trouble['path']}: {trouble['reason']}", markup=False, soft_wrap=True)
        if troubles:
            raise typer.Exit(1)
        return
    stage = VaspStage([str(directory) for directory in directories])
    with connect(settings, autostart=True) as connection, stage_progress(quiet=json) as progress:
        report = ingest(stage, connection, processes=workers, progress=progress)
    if json:
        print_json(asdict(report))
    else:
        say_ingested("VASP", report)
    if report.incomplete:
        raise typer.Exit(1)
