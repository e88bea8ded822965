"""Runs a stage to its end: in this process or on several, with progress, stopping cleanly when asked to."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from functools import partial

from ....stores.bookkeeping import runs
from ....stores.bookkeeping.runs import StageReport
from ....stores.connection import Connection
from ..batches import Batch
from ..stage import Stage
from . import workers
from .interruption import Interrupted, stopping_on_signals
from .worker_processes import LocalProcesses
from .worker_side import COLLECT_EVERY
from .workers import Workforce

_SWITCH_SECONDS = 0.0005

Progress = Callable[[Stage, StageReport], None]


def run_stage(
    stage: Stage,
    connection: Connection,
    *,
    processes: int = 1,
    run_id: str | None = None,
    batch_size: int | None = None,
    progress: Progress | None = None,
    workforce: Workforce | None = None,
    compute: Callable[[Stage], Generator[Batch, None, None]] | None = None,
) -> StageReport:
    """Run one stage until nothing is due.

    Parameters
    ----------
    stage
        The stage, fresh.
    connection
        The database.
    processes
        Worker processes of this machine that compute; this process selects and writes.
    run_id
        Run that records it; one of its own without.
    batch_size
        Items per batch; the setting without.
    progress
        Called after every written batch.
    workforce
        What computes instead, as the workers of a cluster; a stage that reads files of this machine stays on it.
    compute
        Yields the batches that the stage selects with what became of them, where somebody else has computed them.

    Returns
    -------
    StageReport
        What was done, with failed and refused items counted.

    Raises
    ------
    LeaseHeld
        Another process runs the stage.
    Interrupted
        A signal asked it to stop; the work done so far is kept and the next run goes on.
    """
    stage.use(connection, run_id=run_id, batch_size=batch_size)

    def farewell() -> str:
        if run_id is None and (own := stage.current_run.run_id):
            runs.end(connection, own, "interrupted", error=f"Interrupted: {_stopped(stage)}")
        return _stopped(stage)

    with _rare_collections(), stopping_on_signals(farewell) as asked_to_stop:
        stage.listen(asked_to_stop.is_set, progress)
        try:
            batches = (compute or _computed_by(_force(stage, workforce, processes)))(stage)
            write = _written_meanwhile if stage.selects_ahead else _written_here
            with closing(batches), closing(write(stage, batches)) as written:
                for _ in written:
                    if progress is not None:
                        progress(stage, stage.report)
                    if asked_to_stop.is_set():
                        raise Interrupted(_stopped(stage))
            stage.finalize()
        except BaseException as error:
            if isinstance(error, Interrupted) or asked_to_stop.is_set():
                stage.abandon(interrupted := Interrupted(_stopped(stage)))
                raise interrupted from None
            stage.abandon(error)
            raise
    return stage.report


def _stopped(stage: Stage) -> str:
    at = f" ({stage.doing})" if stage.doing else ""
    return f"{stage.name} stopped after {stage.current_run.done:,} items{at}; run again to go on"


def _force(stage: Stage, workforce: Workforce | None, processes: int) -> Workforce | None:
    if workforce is not None and (workforce.reads_our_files or not stage.looks_for_itself):
        return workforce
    return LocalProcesses(processes) if processes > 1 else None


def _computed_by(workforce: Workforce | None) -> Callable[[Stage], Generator[Batch, None, None]]:
    return _computed_here if workforce is None else partial(workers.computed, workforce=workforce)


def _computed_here(stage: Stage) -> Generator[Batch, None, None]:
    for batch in stage.get_items():
        yield stage.process_item(batch)


def _written_here(stage: Stage, computed: Iterator[Batch]) -> Generator[Batch, None, None]:
    for batch in computed:
        stage.update_targets([batch])
        yield batch


def _written_meanwhile(stage: Stage, computed: Iterator[Batch]) -> Generator[Batch, None, None]:
    # While one batch is being written, in their order and by one thread only, this thread reads and computes the next.
    with ThreadPoolExecutor(1, thread_name_prefix=f"writer {stage.name}") as writer, _quick_switches():
        on_its_way: tuple[Batch, Future[None]] | None = None
        for batch in computed:
            stage.check(batch)
            if on_its_way is not None:
                on_its_way[1].result()
            earlier, on_its_way = on_its_way, (batch, writer.submit(stage.update_targets, [batch]))
            if earlier is not None:
                yield earlier[0]
        if on_its_way is not None:
            on_its_way[1].result()
            yield on_its_way[0]


@contextmanager
def _quick_switches() -> Iterator[None]:
    # The writer thread is mostly waiting for the server. When an answer comes it should not wait for the interpreter
    # too: at Python's 5 ms, the few round trips of a transaction would cost more than the transaction.
    before = sys.getswitchinterval()
    sys.setswitchinterval(_SWITCH_SECONDS)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


@contextmanager
def _rare_collections() -> Iterator[None]:
    before = gc.get_threshold()
    gc.set_threshold(COLLECT_EVERY)
    try:
        yield
    finally:
        gc.set_threshold(*before)


__all__ = ["Interrupted", "Progress", "run_stage"]
