"""The base of every stage: a maggma Builder, so that ``mrun`` runs it as well as ``exfolio run``.

It calls what the contract says in the right order; runs, writing and selection have files of their own.
"""

from __future__ import annotations

import atexit
import logging
from collections.abc import Callable, Iterator
from typing import Self, cast

from maggma.core import Builder
from monty.json import MontyDecoder
from pymongo.client_session import ClientSession

from ...stores.bookkeeping import failures, revisions, stage_states
from ...stores.bookkeeping.runs import StageReport
from ...stores.connection import Connection, connect
from ...stores.documents.base import LABEL
from ...stores.maggma_store import RegistryStore
from ...stores.schema import index_facet
from . import batch_writing, lookups
from .batches import Batch, Doc, Failure, Item, Outcome
from .channels import in_parts
from .contract import StageContract
from .fused_stages import FusedStages
from .limits import Limits, TookTooLong
from .mrun_guard import SharesGuard, refuse_several_builders
from .stage_run import StageRun

logger = logging.getLogger(__name__)
_BATCHES_AHEAD = 8  # so many batches at once are with the worker processes of maggma's runner


class Stage(StageContract, Builder):
    """A stage that can be run; see `StageContract` for what a subclass says and may override."""

    def __init__(self, *, share: Doc | None = None) -> None:
        StageContract.__init__(self, share=share)
        self.asked_to_stop: Callable[[], bool] = bool
        self._progress: Callable[[Stage, StageReport], None] | None = None
        self.item_limits = Limits()
        self.goal: dict[str, int] = {}
        """By channel, the revision up to which the workers of a distributed run are to come."""
        sources = sorted({channel.collection for channel in (*self.reads(), *self.looks_at())})
        Builder.__init__(
            self,
            sources=[RegistryStore(name) for name in sources],
            targets=[RegistryStore(document.collection_name()) for document in self.writes],
            chunk_size=_BATCHES_AHEAD,  # an item of maggma's is a whole batch here
        )

    def fused_with(self, *stages: StageContract) -> Self:
        """Have stages work on the documents this one makes before they are stored (see `FusedStages`).

        Raises
        ------
        CannotFuse
            A stage reads or writes something else than these documents.
        """
        self.fused = FusedStages(self, stages) if stages else None
        return self

    def maker(self) -> Doc:
        """What it takes to make the stage again later, for the stage's state."""
        return {"class": f"{type(self).__module__}:{type(self).__qualname__}", "arguments": self.arguments()}

    def fresh(self) -> Self:
        """Make the same stage again, for another run."""
        again: Self = self.from_dict(self.as_dict())
        return again

    # Before a run

    def use(
        self,
        connection: Connection,
        *,
        run_id: str | None = None,
        batch_size: int | None = None,
        session: ClientSession | None = None,
    ) -> None:
        """Work on a given connection, in a run that somebody else records, maybe in transactions of theirs.

        Parameters
        ----------
        connection
            The registry.
        run_id
            The run it is part of; one of its own without.
        batch_size
            Items in a batch; as the settings say without.
        session
            Session whose transactions it writes in; transactions of its own without.
        """
        self.current_run.use(connection, run_id, batch_size, session)
        self.limit(Limits.of(connection.settings))

    def connect(self) -> None:
        """Open the database, as the settings say, unless a connection was given by `use`."""
        if self.current_run.connection is None:
            self.current_run.connection = connect()
            self.limit(Limits.of(self.db.settings))

    def listen(
        self, asked_to_stop: Callable[[], bool], progress: Callable[[Stage, StageReport], None] | None = None
    ) -> None:
        """Take what a stage needs that works long between two batches: whether to stop, and whom to tell."""
        self.asked_to_stop = asked_to_stop
        self._progress = progress

    def limit(self, limits: Limits) -> None:
        """Hold items, also those of stages fused with this one, to limits."""
        for stage in (self, *(self.fused.stages if self.fused is not None else ())):
            cast("Stage", stage).item_limits = limits

    def tell(self) -> None:
        """Report progress between two batches."""
        if self._progress is not None:
            self._progress(self, self.report)

    def is_due(self, connection: Connection) -> bool:
        """Whether a run would find anything to do; asks for counters only, not for documents."""
        self.use(connection)
        self.before_run()
        state = in_parts(stage_states.read(connection, self.name), self.reads())
        known = state.get("fingerprint") == self.fingerprint and state.get("maker") == self.maker()
        if self.looks_for_itself or not known or self.is_unfinished(state):
            return True
        if any(self._lies_behind(state, revisions.last_changes(connection.database))):
            return True
        return bool(failures.due(connection, self.name))

    def _lies_behind(self, state: Doc, changes: dict[str, int]) -> Iterator[str]:
        for channel in self.reads():
            last = changes.get(channel.name, changes.get(channel.collection, 0))
            if int(state["consumed"].get(channel.name, 0)) < last:
                yield channel.name

    # A run, in the order in which maggma calls it

    def begin(self) -> None:
        """Take the lease, open the run record and the state."""
        self.before_run()
        self.current_run.begin(self.fingerprint, self.maker(), self.carried_over)
        if (state := in_parts(self.state, self.reads())) is not self.state:
            stage_states.replace_channels(self.db, self.name, state, token=self.current_run.token)
            self.current_run.state = state
        for channel in (*self.reads(), *self.written_channels()):
            if LABEL in channel.facet:
                index_facet(self.db, channel.collection, channel.facet)
        self.current_run.highs = revisions.last_changes(self.db.database)
        self.opened()

    def get_items(self) -> Iterator[Batch]:
        """Yield what is due, batch by batch, under the lease. Errors are recorded before they are raised."""
        self.current_run.watch(self.abandon)
        try:
            self.begin()
            if self.fused is not None and self.current_run.session is not None:
                self.fused.begin(self.current_run.session)
            for batch in self.select():
                self.current_run.give(batch)
                yield batch
        except GeneratorExit:
            raise
        except BaseException as error:
            self.abandon(error)
            self.current_run.cancel_runner(error)
            raise

    def check(self, batch: Batch) -> None:
        """Check and hash what is to be written of a processed batch, ahead of its transaction."""
        batch_writing.prepare(self, batch)

    def process_item(self, item: Batch) -> Batch:
        """Process one batch. Never raises: what goes wrong with an item is its outcome."""
        lookups.provide(self)
        item.outcomes = self.outcomes(item.items)
        if self.fused is not None and item.followed and self.share is None:
            batch_writing.prepare(self, item)  # here, where there may be other processes for what fused stages compute
            if not self.needs_outcomes:
                item.outcomes = []  # less to send
        return item

    def outcomes(self, items: list[Item]) -> list[Outcome]:
        """Process items; where that raises, in ever smaller parts, until only what can't be processed is left out."""
        if not items:
            return []
        try:
            outcomes = self.item_limits.hold(lambda: self.process(items))
            if len(outcomes) != len(items):
                raise RuntimeError(f"{self.name}: {len(outcomes)=} != {len(items)=}")
        except TookTooLong:
            if len(items) == 1:
                return [Failure(self.item_limits.say_time(), "Raise it, if the item is worth that.")]
            return [outcome for item in items for outcome in self.outcomes([item])]  # each has that time to itself
        except Exception as error:
            if self.asked_to_stop():  # a stop in the middle of an import, say, comes out as another error
                raise
            if len(items) == 1:
                logger.debug("%s failed on %s", self.name, items[0].key, exc_info=True)
                return [self._failure(error)]
            half = len(items) // 2
            return self.outcomes(items[:half]) + self.outcomes(items[half:])
        return outcomes

    def _failure(self, error: Exception) -> Failure:
        if isinstance(error, MemoryError):
            return Failure(self.item_limits.say_memory(), "Give a worker more, or use fewer processes (-n).")
        return Failure(f"{type(error).__name__}: {error}")

    def update_targets(self, items: list[Batch]) -> None:
        """Write processed batches, each in one transaction with all its bookkeeping."""
        for batch in items:
            try:
                with self.current_run.writing:
                    batch_writing.commit(self, batch)
            except BaseException as error:
                self.abandon(error)
                raise

    def finalize(self) -> None:
        """End the pass: what can only be said when all is written, then record and lease."""
        try:
            if not self.current_run.missing:
                self.close()
                self._note_consumed()
        except BaseException as error:
            self.abandon(error)
            raise
        lost = self.current_run.missing and not self.put_off
        if lost:
            self.report.note = f"{self.current_run.missing} batches came back from no worker; the next run does them"
        incomplete = self.report.failed or self.current_run.missing
        self._end("failed" if lost else "partial" if incomplete else "succeeded")

    def abandon(self, error: BaseException) -> None:
        """End a run that can't go on, keeping what was written."""
        interrupted = isinstance(error, KeyboardInterrupt | SystemExit)
        self._end("interrupted" if interrupted else "failed", f"{type(error).__name__}: {error}")

    def _end(self, how: str, error: str | None = None) -> None:
        if self.fused is not None:
            self.report.note = "; ".join(filter(None, (self.report.note, self.fused.end())))
        self.current_run.end(how, error)

    def consumed(self) -> dict[str, tuple[int, int]]:
        """Intervals of revisions, by channel, that a finished pass has taken care of beside those of its batches."""
        channels = {channel.name: channel.collection for channel in self.reads()}
        return {name: (0, self.current_run.highs.get(collection, 0)) for name, collection in channels.items()}

    def _note_consumed(self) -> None:
        intervals = {} if self.share is not None or self.put_off else self.consumed()
        known = self.state.get("consumed", {})
        new = {name: (low, high) for name, (low, high) in intervals.items() if high > known.get(name, 0)}
        if new:
            self.current_run.in_transaction(
                lambda session: stage_states.advance(
                    self.db, self.name, token=self.current_run.token, intervals=new, session=session
                )
            )

    # As plain data, for worker processes and for maggma

    def as_dict(self) -> Doc:
        """Plain data from which another process makes the stage again. Holds no secret."""
        arguments = {**self.arguments(), "share": self.share}
        if self.fused is not None:
            arguments["fused"] = [cast("Stage", stage).as_dict() for stage in self.fused.stages]
        return {"@module": type(self).__module__, "@class": type(self).__name__, **arguments}

    @classmethod
    def from_dict(cls, d: Doc) -> Self:
        """Make a stage from what `as_dict` gave."""
        stage = cls.__new__(cls)
        stage.__setstate__(d)
        return stage

    def __setstate__(self, d: Doc) -> None:
        arguments = {name: value for name, value in d.items() if not name.startswith("@")}
        fused = arguments.pop("fused", [])
        self.__init__(**arguments)  # type: ignore[misc]
        self.fused_with(*(MontyDecoder().process_decoded(stage) for stage in fused))

    # Distributed by maggma

    def shares(self, number_splits: int) -> list[Doc]:
        """Divide what is due among the workers of a distributed run.

        Raises
        ------
        NotImplementedError
            The stage can't be distributed.
        """
        raise NotImplementedError(
            f"{self.name} can't be distributed; run it with `exfolio run {self.name}` on one machine"
        )

    def prechunk(self, number_splits: int) -> Iterator[Doc]:
        """Divide the work for maggma's distributed runner. This process keeps the lease until it ends.

        Raises
        ------
        ConfigurationError
            There is more than one builder in the file.
        """
        refuse_several_builders()
        self.begin()
        shares = self.shares(number_splits)
        guard = SharesGuard(self.db, self.name, len(shares), self.abandon)
        atexit.register(self._end_distributed, guard)
        for number, share in enumerate(shares):
            ours = {"number": number, "token": self.current_run.token, "run_id": self.current_run.run_id}
            yield {"share": {**share, **ours}}

    def _end_distributed(self, guard: SharesGuard) -> None:
        guard.stop()
        state = stage_states.read(self.db, self.name)
        undone = sum(state["consumed"].get(channel, 0) < high for channel, high in self.goal.items())
        error = f"{undone} left undone by the workers" if undone else None
        self._end("failed" if undone else "succeeded", error)


__all__ = ["Stage", "StageRun"]
