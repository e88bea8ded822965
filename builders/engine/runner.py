"""Runs a stage to its end: in this process or on several, with progress, stopping cleanly when asked to."""

from __future__ import annotations

import gc
import logging
import multiprocessing
import os
import signal
import sys
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing, contextmanager
from multiprocessing import forkserver
from multiprocessing.context import BaseContext
from types import FrameType

from ...models.learning.threads import threads_of_torch
from ...stores.bookkeeping.runs import StageReport
from ...stores.connection import Connection
from .batches import Batch, Failure, Outcome
from .stage import Stage

logger = logging.getLogger(__name__)
_PRELOADED = (
    "exfolio.builders.refresh",
    "exfolio.models.structure.comparison.matching",
    "exfolio.models.structure.layered.monolayer",
)
_PRELOADED_LEARNING = (
    "exfolio.builders.compositions.route",
    "exfolio.builders.structures.crystal_gan_stage",
    "chgnet.model",
)
"""What stages that apply networks import; seconds for each worker of each of them."""
_AHEAD = 2  # batches per process that wait to be computed or written
_SWITCH_SECONDS = 0.0005
_COLLECT_EVERY = 100_000  # objects; a batch is many small ones that live until it is written, none of them garbage

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
        with _rare_collections(), _stop_on_signals() as asked_to_stop:
            stage.listen(asked_to_stop.is_set, progress)
            computed = _computed_here(stage) if processes == 1 else _computed_by_workers(stage, processes)
            write = _written_meanwhile if stage.selects_ahead else _written_here
            with closing(write(stage, computed)) as written:
                for _ in written:
                    if progress is not None:
                        progress(stage, stage.report)
                    if asked_to_stop.is_set():
                        raise Interrupted(f"stopped after {stage.done:,} items; run again to go on")
        stage.finalize()
    except BaseException as error:
        stage.abandon(error)
        raise
    return stage.report


def _computed_here(stage: Stage) -> Iterator[Batch]:
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
            stage.prepare(batch)
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


def start_early(*, learning: bool) -> None:
    """Begin to import what worker processes will need, in a process of its own, while this one does other things.

    Parameters
    ----------
    learning
        Whether stages will apply networks.
    """
    if _method() == "forkserver":
        _context(learning=learning)
        forkserver.ensure_running()


def _method() -> str:
    # Not forked: this process has threads (heartbeat, driver), which a fork would copy in mid-work.
    return "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"


def _context(*, learning: bool) -> BaseContext:
    context = multiprocessing.get_context(_method())
    # Imported once, for the workers of all stages.
    context.set_forkserver_preload([*_PRELOADED, *(_PRELOADED_LEARNING if learning else ())])
    return context


def _computed_by_workers(stage: Stage, processes: int) -> Iterator[Batch]:
    # Batches are written in the order of selection: a batch that is done early waits for its elders.
    waiting: deque[tuple[Batch, list[Future[Batch]]]] = deque()
    workers = _Workers(processes)
    # One thread for what the stage computes as it selects: the cores have the workers to serve.
    with threads_of_torch(1 if "torch" in sys.modules else None):
        try:
            for batch in stage.get_items():
                waiting.append((batch, workers.submit(stage, batch)))
                while len(waiting) >= processes * _AHEAD:
                    yield _next(stage, workers, waiting)
            while waiting:
                yield _next(stage, workers, waiting)
        finally:
            workers.stop()


def _next(stage: Stage, workers: _Workers, waiting: deque[tuple[Batch, list[Future[Batch]]]]) -> Batch:
    batch, parts = waiting.popleft()
    try:
        done = [part.result() for part in parts]
    except BrokenProcessPool:
        logger.warning("%s: a worker process died; its items are tried one by one", stage.name)
        workers.stop()
        result = _one_by_one(stage, batch)
        again = [other for other, _ in waiting]
        waiting.clear()
        waiting.extend((other, workers.submit(stage, other)) for other in again)
        return result
    if len(done) == 1:
        return done[0]
    batch.outcomes = [outcome for part in done for outcome in part.outcomes]
    return batch


class _Workers:
    """Worker processes that are started when there is work for them."""

    def __init__(self, processes: int) -> None:
        self._processes = processes
        self._pool: ProcessPoolExecutor | None = None

    def submit(self, stage: Stage, batch: Batch) -> list[Future[Batch]]:
        """Hand in a batch, divided among the processes; what followers prepare is prepared as a whole."""
        if not batch.items:  # nothing to compute, only progress to note
            done: Future[Batch] = Future()
            done.set_result(batch)
            return [done]
        if self._pool is None:
            context = _context(learning="torch" in sys.modules)
            self._pool = ProcessPoolExecutor(self._processes, mp_context=context, initializer=_begin_worker)
        parts = [batch]
        if stage.followers is None and len(batch.items) > 1:
            size = -(-len(batch.items) // self._processes)
            starts = range(0, len(batch.items), size)
            parts = [Batch(batch.ordinal, batch.items[start : start + size]) for start in starts]
        return [self._pool.submit(_process, stage, part, stage.connection) for part in parts]

    def stop(self) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)
            self._pool = None


def _one_by_one(stage: Stage, batch: Batch) -> Batch:
    outcomes: list[Outcome] = []
    worker = _Workers(1)
    for item in batch.items:
        try:
            (alone,) = worker.submit(stage, Batch(batch.ordinal, [item], followed=False))
            outcomes += alone.result().outcomes
        except BrokenProcessPool:
            outcomes.append(Failure("the process that worked on it died (out of memory, or a crash in a library)"))
            worker.stop()
    worker.stop()
    batch.outcomes = outcomes
    batch.followed = False  # one of them may have been what died; in their own runs they take document by document
    return batch


def _begin_worker() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # left to the parent
    gc.set_threshold(_COLLECT_EVERY)
    if "OMP_NUM_THREADS" not in os.environ:  # there is a process for each core, so one thread each, unless told
        os.environ["OMP_NUM_THREADS"] = "1"
        if torch := sys.modules.get("torch"):
            torch.set_num_threads(1)


def _process(stage: Stage, batch: Batch, connection: Connection | None) -> Batch:
    for one in (stage, *(stage.followers.stages if stage.followers is not None else ())):
        one.connection = connection  # opened only by a stage that looks something up, or applies a trained model
    return stage.process_item(batch)


@contextmanager
def _rare_collections() -> Iterator[None]:
    before = gc.get_threshold()
    gc.set_threshold(_COLLECT_EVERY)
    try:
        yield
    finally:
        gc.set_threshold(*before)


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
