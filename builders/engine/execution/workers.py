"""Computes batches on workers, by any `concurrent.futures.Executor`; this process selects and writes.

Workers open no connection: items, and what the stage has looked up, travel to them, and outcomes come back. Batches
are given in the order of selection, whichever is ready first, and each once.
"""

from __future__ import annotations

import logging
import multiprocessing
import sys
from collections import deque
from collections.abc import Callable, Generator
from concurrent.futures import BrokenExecutor, Executor, Future
from functools import partial
from typing import Final, Protocol

from ....models.learning.threads import threads_of_torch
from ..batches import Batch, Failure, Outcome
from ..stage import Stage
from . import worker_side
from .interruption import Interrupted

logger = logging.getLogger(__name__)
_AHEAD: Final = 2
"""Parts of batches for each worker that wait to be computed or written."""
_BATCHES_AHEAD: Final = 4
"""So many batches at least, as the parts of a batch take unequally long."""
DIED: Final = "the process that worked on it died (out of memory or of time, or a crash in a library)"


class Workforce(Protocol):
    """Where the batches of heavy stages are computed: processes of this machine, workers of a cluster."""

    @property
    def reads_our_files(self) -> bool:
        """Whether workers find the files of this machine, as stages that read sources need."""

    @property
    def dies_alone(self) -> bool:
        """Whether the others go on when one of its workers dies."""

    def count(self) -> int:
        """How many batches, or parts of them, it computes at once; may change as workers come and go."""

    def executor(self, count: int, begin: Callable[[bytes], None], payload: bytes) -> Executor:
        """Executor of so many workers, each begun with the payload before it gets a batch."""


def computed(stage: Stage, workforce: Workforce) -> Generator[Batch, None, None]:
    """Yield the batches of a stage, computed, in the order of selection: one done early waits for its elders."""
    waiting: deque[_Given] = deque()
    workers = Workers(stage, workforce)
    # One thread for what the stage computes as it selects: the cores have the workers to serve.
    with threads_of_torch(1 if "torch" in sys.modules else None):
        try:
            for batch in stage.get_items():
                waiting.append(workers.submit(batch))
                while _enough(waiting, workforce.count()):
                    yield _next(workers, waiting)
            while waiting:
                yield _next(workers, waiting)
        finally:
            workers.stop()


class _Given:
    """A batch that was handed out, in parts."""

    def __init__(self, batch: Batch, parts: list[Batch], futures: list[Future[Batch]]) -> None:
        self.batch = batch
        self.parts = parts
        self.futures = futures


def _enough(waiting: deque[_Given], count: int) -> bool:
    parts = sum(len(given.parts) for given in waiting)
    return parts >= _AHEAD * count and len(waiting) >= min(_AHEAD * count, _BATCHES_AHEAD)


def _next(workers: Workers, waiting: deque[_Given]) -> Batch:
    given = waiting.popleft()
    try:
        done = [future.result() for future in given.futures]
    except BrokenExecutor:
        if workers.stage.asked_to_stop():  # whoever asked has ended them too
            raise Interrupted("stopped with its workers") from None
        logger.warning("%s: a worker process died; its items are tried one by one", workers.stage.name)
        if workers.workforce.dies_alone:
            return workers.rescued(given)
        workers.stop()
        result = workers.one_by_one(given.batch)
        again = [other.batch for other in waiting]
        waiting.clear()
        waiting.extend(workers.submit(batch) for batch in again)
        return result
    if given.parts[0] is given.batch:
        given.batch.prepared = done[0].prepared
    given.batch.outcomes = [outcome for part in done for outcome in part.outcomes]
    return given.batch


def _handed_in(executor: Executor, part: Batch) -> Future[Batch]:
    try:
        return executor.submit(worker_side.process, part)
    except BrokenExecutor as error:  # one died at an earlier batch: said, and made good, when the turn of that comes
        refused: Future[Batch] = Future()
        refused.set_exception(error)
        return refused


class Workers:
    """Workers that are started when there is work for them.

    Parameters
    ----------
    stage
        The stage they work for.
    workforce
        Where they are.
    most
        So many at most.
    payload
        The stage as it was packed for them, where the database is not at hand.
    """

    def __init__(
        self, stage: Stage, workforce: Workforce, *, most: int | None = None, payload: bytes | None = None
    ) -> None:
        self.stage = stage
        self.workforce = workforce
        self._most = most
        self._executor: Executor | None = None
        self._others: set[int | None] = set()
        self._payload = payload

    def submit(self, batch: Batch) -> _Given:
        """Hand in a batch, divided among the workers; what fused stages prepare is prepared as a whole."""
        if not batch.items:  # nothing to compute, only progress to note
            done: Future[Batch] = Future()
            done.set_result(batch)
            return _Given(batch, [batch], [done])
        parts = [batch]
        size = -(-len(batch.items) // self._count())
        if self.stage.fused is None and size < len(batch.items):
            starts = range(0, len(batch.items), size)
            parts = [Batch(batch.ordinal, batch.items[start : start + size]) for start in starts]
        executor = self._started()
        return _Given(batch, parts, [_handed_in(executor, part) for part in parts])

    def compute(self, batch: Batch) -> Batch:
        """Compute one batch, whatever its workers come to."""
        return _next(self, deque([self.submit(batch)]))

    def _count(self) -> int:
        return self._most or self.workforce.count()

    def _started(self) -> Executor:
        if self._executor is None:
            if self._payload is None:
                self._payload = worker_side.payload_of(self.stage)
            self._others = {process.pid for process in multiprocessing.active_children()}
            limits = self.stage.item_limits.shared_by(self.workforce.count())
            begin = partial(worker_side.begin, limits=limits)
            self._executor = self.workforce.executor(self._count(), begin, self._payload)
        return self._executor

    def rescued(self, given: _Given) -> Batch:
        """Compute again, item by item, what died, where the other parts go on."""
        outcomes: list[Outcome] = []
        for part, future in zip(given.parts, given.futures, strict=True):
            try:
                outcomes += future.result().outcomes
            except BrokenExecutor:
                outcomes += self._each(part)
        given.batch.outcomes = outcomes
        given.batch.followed = False
        return given.batch

    def _each(self, part: Batch) -> list[Outcome]:
        """Outcomes of items that are computed apart; who dies again is tried once more, with no other beside it."""
        apart = [self.submit(Batch(part.ordinal, [item], followed=False)) for item in part.items]
        outcomes: list[Outcome] = []
        suspects: list[int] = []
        for place, single in enumerate(apart):
            try:
                outcomes += single.futures[0].result().outcomes
            except BrokenExecutor:
                outcomes.append(Failure(DIED))
                suspects.append(place)
        for place in suspects:
            try:
                again = self.submit(Batch(part.ordinal, [part.items[place]], followed=False))
                (outcomes[place],) = again.futures[0].result().outcomes
            except BrokenExecutor:
                continue
        return outcomes

    def one_by_one(self, batch: Batch) -> Batch:
        """Compute a batch item by item, each alone, so that the one that kills its process is found."""
        outcomes: list[Outcome] = []
        alone = Workers(self.stage, self.workforce, most=1, payload=self._payload)
        try:
            for item in batch.items:
                try:
                    single = alone.submit(Batch(batch.ordinal, [item], followed=False))
                    outcomes += single.futures[0].result().outcomes
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
        for process in own if in_the_middle and not self.workforce.dies_alone else []:
            process.kill()
        executor.shutdown(wait=False, cancel_futures=True)
