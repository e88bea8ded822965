"""Runs a stage to its end: in this process or on several, with progress, stopping cleanly when asked to."""

from __future__ import annotations

import logging
import multiprocessing
import signal
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from types import FrameType

from ..stores.connection import Connection
from ..stores.runs import StageReport
from .stage import Stage
from .work import Batch, Failure

logger = logging.getLogger(__name__)
_AHEAD = 2  # batches per process that wait to be computed or written

Progress = Callable[[Stage, StageReport], None]


class Interrupted(KeyboardInterrupt):
    """Somebody asked the run to stop; what was computed is written."""


def run_stage(
    stage: Stage,
    connection: Connection,
    *,
    processes: int = 1,
    run_id: str | None = None,
    batch_size: int | None = None,
    progress: Progress | None = None,
) -> StageReport:
    """Run one stage until nothing is due.

    Parameters
    ----------
    stage
        The stage, fresh.
    connection
        The database.
    processes
        Worker processes that compute; this process selects and writes.
    run_id
        Run that records it; one of its own without.
    batch_size
        Items per batch; the setting without.
    progress
        Called after every written batch.

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
    try:
        with _stop_on_signals() as asked_to_stop:
            computed = _computed_here(stage) if processes == 1 else _computed_by_workers(stage, processes)
            for batch in computed:
                stage.update_targets([batch])
                if progress is not None:
                    progress(stage, stage.report)
                if asked_to_stop.is_set():
                    raise Interrupted(f"stopped after {stage.report.due:,} items; run again to go on")
        stage.finalize()
    except BaseException as error:
        stage.abandon(error)
        raise
    return stage.report


def _computed_here(stage: Stage) -> Iterator[Batch]:
    for batch in stage.get_items():
        yield stage.process_item(batch)


def _computed_by_workers(stage: Stage, processes: int) -> Iterator[Batch]:
    # Batches are written in the order of selection: a batch that is done early waits for its elders.
    waiting: deque[tuple[Batch, Future[Batch]]] = deque()
    pool = _pool(processes)
    try:
        for batch in stage.get_items():
            waiting.append((batch, pool.submit(_process, stage, batch)))
            while len(waiting) >= processes * _AHEAD:
                pool = yield from _next(stage, pool, waiting, processes)
        while waiting:
            pool = yield from _next(stage, pool, waiting, processes)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _next(
    stage: Stage, pool: ProcessPoolExecutor, waiting: deque[tuple[Batch, Future[Batch]]], processes: int
) -> Generator[Batch, None, ProcessPoolExecutor]:
    batch, future = waiting.popleft()
    try:
        result = future.result()
    except BrokenProcessPool:
        logger.warning("%s: a worker process died; its items are tried one by one", stage.name)
        pool.shutdown(wait=False, cancel_futures=True)
        result = _one_by_one(stage, batch)
        pool = _pool(processes)
        again = list(waiting)
        waiting.clear()
        waiting.extend((other, pool.submit(_process, stage, other)) for other, _ in again)
    yield result
    return pool


def _one_by_one(stage: Stage, batch: Batch) -> Batch:
    outcomes = []
    pool = _pool(1)
    for item in batch.items:
        single = Batch(batch.ordinal, [item])
        try:
            outcomes.append(pool.submit(_process, stage, single).result().outcomes[0])
        except BrokenProcessPool:
            outcomes.append(Failure("the process that worked on it died (out of memory, or a crash in a library)"))
            pool.shutdown(wait=False)
            pool = _pool(1)
    pool.shutdown(wait=False)
    batch.outcomes = outcomes
    return batch


def _pool(processes: int) -> ProcessPoolExecutor:
    # Not forked: this process has threads (heartbeat, driver), which a fork would copy in mid-work.
    context = multiprocessing.get_context(
        "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"
    )
    return ProcessPoolExecutor(processes, mp_context=context, initializer=_leave_signals_to_parent)


def _leave_signals_to_parent() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _process(stage: Stage, batch: Batch) -> Batch:
    return stage.process_item(batch)


@contextmanager
def _stop_on_signals() -> Iterator[threading.Event]:
    asked = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield asked
        return

    def stop(number: int, _frame: FrameType | None) -> None:
        if asked.is_set():  # asked twice: at once
            raise KeyboardInterrupt
        logger.warning("stopping after this batch (%s); once more to stop at once", signal.Signals(number).name)
        asked.set()

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
