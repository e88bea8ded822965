"""Computes batches on several processes, by any `concurrent.futures.Executor`; this process selects and writes.

A worker gets the stage and what it looked up once, when it starts, and opens no connection. Batches come back in the
order of selection, whichever is ready first.
"""

from __future__ import annotations

import gc
import logging
import multiprocessing
import os
import pickle
import signal
import sys
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor
from multiprocessing import connection, forkserver
from typing import Any, Final

from ....models.learning.threads import threads_of_torch
from .. import lookups
from ..batches import Batch, Failure, Outcome
from ..stage import Stage
from .interruption import STOPPING, Interrupted, kept_from_children

logger = logging.getLogger(__name__)
FOR_REFRESH: Final = (
    "exfolio.builders.refresh",
    "exfolio.models.structure.comparison.matching",
    "exfolio.models.structure.layered.monolayer",
)
"""What the stages of a refresh import, at once or in their work."""
FOR_LEARNING: Final = (
    "exfolio.builders.compositions.route",
    "exfolio.builders.structures.crystal_gan_stage",
    "chgnet.model",
)
"""What stages that apply networks import; seconds for each worker of each of them."""
_AHEAD = 2  # batches per process that wait to be computed or written
COLLECT_EVERY = 100_000
"""Objects; a batch is many small ones that live until it is written, none of them garbage."""
DIED = "the process that worked on it died (out of memory, or a crash in a library)"

MakeExecutor = Callable[[int, Callable[[bytes], None], bytes], Executor]
"""Takes the number of workers, what each of them calls when it starts, and with which argument."""


def start_early(modules: Iterable[str]) -> None:
    """Begin to import what worker processes will need, in a process of its own, while this one does other things.

    Parameters
    ----------
    modules
        What they will need; what is not among it each worker imports by itself. Where a process imports for workers
        already, that goes on as it is.
    """
    if start_method() == "forkserver":
        multiprocessing.get_context("forkserver").set_forkserver_preload(list(modules))
        with kept_from_children():
            forkserver.ensure_running()


def process_pool(processes: int, begin: Callable[[bytes], None], payload: bytes) -> Executor:
    """Worker processes of this machine, each begun with the payload."""
    start_early(needed_by_workers())
    context = multiprocessing.get_context(start_method())
    return ProcessPoolExecutor(processes, mp_context=context, initializer=begin, initargs=(payload,))


def start_method() -> str:
    """How processes are started on this machine."""
    # Not forked: this process has threads (heartbeat, driver), which a fork would copy in mid-work.
    return "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"


def needed_by_workers() -> list[str]:
    """Modules that are imported once, for the workers of all stages that this process may run."""
    if FOR_REFRESH[0] in sys.modules:
        return [*FOR_REFRESH, *(FOR_LEARNING if "torch" in sys.modules else ())]
    known, stages = set(), list(Stage.__subclasses__())
    while stages:
        stage = stages.pop()
        stages += stage.__subclasses__()
        known.add(stage.__module__)
    return sorted(module for module in known if module.startswith("exfolio."))


def computed(stage: Stage, processes: int, make_executor: MakeExecutor = process_pool) -> Generator[Batch, None, None]:
    """Yield the batches of a stage, computed, in the order of selection: one done early waits for its elders.

    Parameters
    ----------
    processes
        Workers.
    make_executor
        What makes them.
    """
    waiting: deque[tuple[Batch, list[Future[Batch]]]] = deque()
    workers = _Workers(stage, processes, make_executor)
    # One thread for what the stage computes as it selects: the cores have the workers to serve.
    with threads_of_torch(1 if "torch" in sys.modules else None):
        try:
            for batch in stage.get_items():
                waiting.append((batch, workers.submit(batch)))
                while len(waiting) >= processes * _AHEAD:
                    yield _next(workers, waiting)
            while waiting:
                yield _next(workers, waiting)
        finally:
            workers.stop()


def _next(workers: _Workers, waiting: deque[tuple[Batch, list[Future[Batch]]]]) -> Batch:
    batch, parts = waiting.popleft()
    try:
        done = [part.result() for part in parts]
    except BrokenExecutor:
        if workers.stage.asked_to_stop():  # whoever asked has ended them too
            raise Interrupted("stopped with its workers") from None
        logger.warning("%s: a worker process died; its items are tried one by one", workers.stage.name)
        workers.stop()
        result = workers.one_by_one(batch)
        again = [other for other, _ in waiting]
        waiting.clear()
        waiting.extend((other, workers.submit(other)) for other in again)
        return result
    if len(done) == 1:
        return done[0]
    batch.outcomes = [outcome for part in done for outcome in part.outcomes]
    return batch


class _Workers:
    """Workers that are started when there is work for them."""

    def __init__(self, stage: Stage, processes: int, make_executor: MakeExecutor) -> None:
        self.stage = stage
        self._processes = processes
        self._make_executor = make_executor
        self._executor: Executor | None = None
        self._others: set[int | None] = set()
        self._payload: bytes | None = None

    def submit(self, batch: Batch) -> list[Future[Batch]]:
        """Hand in a batch, divided among the processes; what fused stages prepare is prepared as a whole."""
        if not batch.items:  # nothing to compute, only progress to note
            done: Future[Batch] = Future()
            done.set_result(batch)
            return [done]
        parts = [batch]
        if self.stage.fused is None and len(batch.items) > 1:
            size = -(-len(batch.items) // self._processes)
            starts = range(0, len(batch.items), size)
            parts = [Batch(batch.ordinal, batch.items[start : start + size]) for start in starts]
        executor = self._started()
        return [executor.submit(_process, part) for part in parts]

    def _started(self) -> Executor:
        if self._executor is None:
            if self._payload is None:
                self._payload = pickle.dumps((self.stage, lookups.read_all(self.stage)))
            self._others = {process.pid for process in multiprocessing.active_children()}
            self._executor = self._make_executor(self._processes, _begin_worker, self._payload)
        return self._executor

    def one_by_one(self, batch: Batch) -> Batch:
        """Compute a batch item by item, each alone, so that the one that kills its process is found."""
        outcomes: list[Outcome] = []
        alone = _Workers(self.stage, 1, self._make_executor)
        alone._payload = self._payload
        try:
            for item in batch.items:
                try:
                    (part,) = alone.submit(Batch(batch.ordinal, [item], followed=False))
                    outcomes += part.result().outcomes
                except BrokenExecutor:
                    outcomes.append(Failure(DIED))
                    alone.stop()
        finally:
            alone.stop()
        batch.outcomes = outcomes
        batch.followed = False  # one of them may have been what died; in their own runs they take document by document
        return batch

    def stop(self) -> None:
        """End the workers at once; what they were at is done again by the next run."""
        executor, self._executor = self._executor, None
        if executor is None:
            return
        in_the_middle = sys.exc_info()[0] is not None  # then nobody waits for what they compute
        own = [process for process in multiprocessing.active_children() if process.pid not in self._others]
        # First, since in Python 3.13 an executor that lost one worker is locked until the others have ended, and
        # these ignore the signal that it sends them.
        for process in own if in_the_middle else []:
            process.kill()
        executor.shutdown(wait=False, cancel_futures=True)


_stage: Stage | None = None
"""In a worker process, the stage it was started for."""
_failed_to_begin: Exception | None = None


def end_with_parent() -> None:
    """End this process when the one that started it ends, however that is."""
    # Workers hold each other's pipes open, so that none of them sees the end of a process that was killed.
    if (parent := multiprocessing.parent_process()) is not None:
        connection.wait([parent.sentinel])
        os._exit(1)


def _begin_worker(payload: bytes) -> None:
    global _stage, _failed_to_begin
    if threading.current_thread() is threading.main_thread():  # of a process of its own, not a thread of another one
        for number in STOPPING:  # left to the process that selects and writes
            signal.signal(number, signal.SIG_IGN)
        threading.Thread(target=end_with_parent, name="parent watch", daemon=True).start()
    gc.set_threshold(COLLECT_EVERY)
    if "OMP_NUM_THREADS" not in os.environ:  # there is a process for each core, so one thread each, unless told
        os.environ["OMP_NUM_THREADS"] = "1"
        if torch := sys.modules.get("torch"):
            torch.set_num_threads(1)
    try:
        loaded: tuple[Stage, list[Any]] = pickle.loads(payload)  # noqa: S301  of this program's own process
        _stage, looked_up = loaded
        lookups.hand_over(_stage, looked_up)
    except Exception as error:  # noqa: BLE001  told with every batch; raised here it would look like a crash
        _failed_to_begin = error


def _process(batch: Batch) -> Batch:
    if _stage is None:
        raise RuntimeError("a worker process could not begin") from _failed_to_begin
    return _stage.process_item(batch)
