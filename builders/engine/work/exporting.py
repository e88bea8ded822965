"""Writes what is due for a stage as units of work; the registry stays as it is, and what is written stays due."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ....stores.bookkeeping import runs
from ....stores.connection import Connection
from ....stores.errors import ConfigurationError
from ..batches import Doc
from ..execution.interruption import stopping_on_signals
from ..execution.worker_side import payload_of, versions
from ..stage import Stage
from ..version import VERSION
from .folder import WorkFolder


@dataclass(frozen=True)
class Exported:
    """What was written: so many units of so many items."""

    stage: str
    units: int
    items: int


def due_elsewhere(stages: Iterable[Stage], connection: Connection) -> list[Stage]:
    """Stages that are due, that workers can compute, and that wait for no other due one."""
    due = [stage for stage in stages if not stage.looks_for_itself and stage.is_due(connection)]
    free = [stage for stage in due if not any(_feeds(other, stage) for other in due if other is not stage)]
    return [stage for stage in free if not stage.works_while_selecting]


def _feeds(writer: Stage, reader: Stage) -> bool:
    wishes = (*reader.reads(), *reader.looks_at())
    return any(channel.meets(wish) for channel in writer.written_channels() for wish in wishes)


def export(stage: Stage, connection: Connection, to: Path, *, batch_size: int | None = None) -> Exported:
    """Write what is due for a stage into a new folder; none is made where nothing is.

    Parameters
    ----------
    stage
        The stage, fresh; what is fused with it works on what comes back, in runs of its own.
    connection
        The registry.
    to
        Folder to make.
    batch_size
        Items of a unit; as in a run without.

    Raises
    ------
    ConfigurationError
        The folder is not empty, the stage reads files of this machine, or it leaves workers nothing to compute.
    LeaseHeld
        Another process runs the stage.
    """
    if stage.looks_for_itself:
        raise ConfigurationError(f"{stage.name} reads what only this machine has", "Run it here: exfolio refresh.")
    if stage.works_while_selecting:
        raise ConfigurationError(f"{stage.name} cannot be computed in parts", "Run it here: exfolio refresh.")
    folder = WorkFolder(to)
    stage.fused = None
    run_id = runs.begin(connection, f"work export {stage.name}", version=VERSION)
    units: list[Doc] = []
    stage.use(connection, run_id=run_id, batch_size=batch_size)
    how = "failed"
    try:
        with stopping_on_signals(lambda: f"{to} is not finished: export it again") as asked_to_stop:
            stage.listen(asked_to_stop.is_set)
            for batch in stage.get_items():
                if not batch.items:
                    continue
                if not units:
                    folder.begin()
                units.append(folder.put_unit(len(units), batch.items))
                if asked_to_stop.is_set():
                    raise KeyboardInterrupt
            if units:
                folder.finish(
                    {
                        "work": uuid.uuid4().hex,
                        "stage": stage.name,
                        "fingerprint": stage.fingerprint,
                        "batch_size": stage.size,
                        "versions": versions(),
                        "stage_sha256": folder.put_stage(payload_of(stage)),
                        "units": units,
                    }
                )
        how = "succeeded"
    finally:
        stage.current_run.end(how)
        runs.end(connection, run_id, how)
    return Exported(stage.name, len(units), sum(unit["items"] for unit in units))
