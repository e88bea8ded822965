"""Computes units of work, where they were copied to; needs no database and no network."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from ....stores.errors import ConfigurationError
from ..batches import Batch
from ..execution import worker_side
from ..execution.interruption import Interrupted, stopping_on_signals
from ..execution.worker_processes import LocalProcesses
from ..execution.workers import Workers
from ..limits import NO_LIMITS, Limits
from .folder import Damaged, WorkFolder


@dataclass
class Computed:
    """What was computed; `refused` says by unit what is wrong with its file."""

    units: int = 0
    items: int = 0
    there: int = 0
    refused: dict[int, str] = field(default_factory=dict)


def compute(
    folder: WorkFolder,
    *,
    processes: int,
    limits: Limits = NO_LIMITS,
    part: tuple[int, int] = (1, 1),
    progress: Callable[[Computed], None] | None = None,
) -> Computed:
    """Compute the units that have no result yet.

    Parameters
    ----------
    folder
        The work.
    processes
        Worker processes; 1 computes in this one.
    limits
        Of this machine, not of the one that exported the work.
    part
        The first of how many parts of the units: jobs side by side take one each.
    progress
        Called after every unit.

    Raises
    ------
    ConfigurationError
        The work was exported by another version of exfolio, or its stage can't be made here.
    Damaged
        The manifest or the stage is not as it was written.
    """
    if why := worker_side.unlike(worker_side.versions(), folder.manifest["versions"]):
        raise ConfigurationError(
            f"this is {why}, which {folder.path} was exported by",
            "Install the same exfolio here, or export the work again.",
        )
    done = Computed()
    payload = folder.payload()
    stage = worker_side.unpacked(payload)
    stage.limit(limits)
    workers = Workers(stage, LocalProcesses(processes), payload=payload) if processes > 1 else None
    number, of = part
    with stopping_on_signals(lambda: "stopped; what is computed is kept, run again to go on") as asked_to_stop:
        stage.listen(asked_to_stop.is_set)
        try:
            for unit in folder.units[number - 1 :: of]:
                if folder.has_result(unit):
                    done.there += 1
                    continue
                try:
                    items = folder.items(unit)
                except Damaged as damaged:
                    done.refused[unit] = damaged.message
                    continue
                batch = Batch(unit, items)
                batch = workers.compute(batch) if workers is not None else stage.process_item(batch)
                folder.put_result(unit, items, batch.outcomes, worker_side.versions())
                done.units += 1
                done.items += len(items)
                if progress is not None:
                    progress(done)
                if asked_to_stop.is_set():
                    raise Interrupted("stopped; what is computed is kept, run again to go on")
        finally:
            if workers is not None:
                workers.stop()
    return done
