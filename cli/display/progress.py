"""Progress of long work: a bar on a terminal, a plain line now and then elsewhere."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from ...builders.engine.execution.runner import Progress as Callback
from ...builders.engine.selection.group_stage import GroupStage
from ...builders.engine.selection.map_stage import MapStage
from ...builders.engine.stage import Stage
from ...stores.bookkeeping.runs import StageReport
from .console import err

_PLAIN_EVERY_SECONDS = 10.0
_GROUPS: Final = {
    "formula_reduced": "formulas",
    "formula_anonymous": "anonymous formulas",
    "chemsys": "chemical systems",
    "structure_id": "structures",
}
"""What a group is called, by the field that its members have in common."""


@contextmanager
def stage_progress(*, quiet: bool = False) -> Iterator[Callback | None]:
    """Yield a callback for `run_stage` that shows how far a stage is, on stderr."""
    if quiet:
        yield None
    elif err.is_terminal:
        columns = (
            TextColumn("[bold]{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[unit]}"),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            TextColumn("left"),
        )
        with Progress(*columns, console=err, transient=True) as bars:
            tasks: dict[str, int] = {}

            def update(stage: Stage, _report: StageReport) -> None:
                if stage.name not in tasks:
                    for task in tasks.values():
                        bars.update(task, visible=False)  # type: ignore[arg-type]
                    tasks[stage.name] = bars.add_task(stage.name, total=stage.total, unit=unit_of(stage))
                task = tasks[stage.name]
                done, total = stage.steps or (stage.current_run.done, stage.total)
                said = f"{stage.name}: {stage.doing}" if stage.doing else stage.name
                bars.update(task, description=escape(said), completed=done, total=total)  # type: ignore[arg-type]

            yield update
    else:
        last = {"at": time.monotonic()}

        def say(stage: Stage, report: StageReport) -> None:
            if time.monotonic() - last["at"] >= _PLAIN_EVERY_SECONDS:
                last["at"] = time.monotonic()
                if stage.doing:
                    err.print(f"{stage.name}: {stage.doing}", soft_wrap=True)
                    return
                of = f" of {stage.total:,}" if stage.total else ""
                err.print(
                    f"{stage.name}: {stage.current_run.done:,}{of} {unit_of(stage)} done, {report.failed:,} failed",
                    soft_wrap=True,
                )

        yield say


def unit_of(stage: Stage) -> str:
    """What a stage counts as done: documents, groups of documents, records of a source, steps of a training."""
    if stage.steps is not None:
        return "steps"
    if isinstance(stage, MapStage):
        return str(stage.source.collection_name()).replace("_", " ")
    if isinstance(stage, GroupStage):
        fields = {source.group_field for source in stage.sources_of_members()}
        return _GROUPS.get(fields.pop(), "groups") if len(fields) == 1 else "groups"
    return "records" if stage.looks_for_itself else "items"


def summary(report: StageReport) -> str:
    """Say in one line what a stage did."""
    if not report.due and not report.written:
        return "nothing to do"
    parts = [
        f"{number:,} {word}"
        for number, word in (
            (report.inserted, "new"),
            (report.updated, "changed"),
            (report.unchanged, "unchanged"),
            (report.deprecated, "deprecated"),
            (report.quarantined, "in quarantine"),
            (report.failed, "failed"),
        )
        if number
    ]
    return ", ".join(parts) or f"{report.due:,} looked at, nothing to write"


def say_ingested(source: str, report: StageReport) -> None:
    """Say on stderr what an ingestion came to, and where its bad records can be seen."""
    err.print(f"{source}: {summary(report)} ({report.seconds:.1f} s)", soft_wrap=True)
    if report.note:
        err.print(report.note, soft_wrap=True)
    if report.quarantined:
        err.print(f"See what is wrong with them: exfolio query quarantine 'stage = \"{report.stage}\"'", soft_wrap=True)
