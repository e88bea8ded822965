"""The one base of every stage: it alone knows runs, leases, failures, hashing and how a batch is written.

A stage is a maggma Builder, so ``mrun`` runs it as well as ``exfolio run``. A stage itself names what it reads and
writes and gives `process`; it holds no science.
"""

from __future__ import annotations

import atexit
import logging
import threading
import time
from abc import abstractmethod
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, ClassVar, Literal, Self, TypeVar

from maggma.core import Builder
from monty.json import MontyDecoder
from pymongo.client_session import ClientSession
from pymongo.errors import BulkWriteError

from ...stores.bookkeeping import failures, quarantine, runs, stage_states
from ...stores.bookkeeping.leases import Lease
from ...stores.bookkeeping.runs import StageReport
from ...stores.canonical import NotStorable, content_hash
from ...stores.connection import Connection, connect
from ...stores.documents import RegistryDocument
from ...stores.maggma_store import RegistryStore
from ...stores.schema import initialise, is_initialised
from ...stores.transactions import in_transaction
from ...stores.writing import Counts, FacetWriter, Written
from .batches import Batch, Doc, Failure, Item, Outcome, Prepared, Refused
from .fused_stages import Followers
from .mrun_guard import MrunGuard
from .version import VERSION

if TYPE_CHECKING:
    from .map_stage import MapStage

logger = logging.getLogger(__name__)
Result = TypeVar("Result")
_BATCHES_AHEAD = 8  # so many batches at once are with the worker processes of maggma's runner


class Stage(Builder):
    """A step of the way: selects what is due, computes, writes, and remembers how far it came.

    Subclasses set the class attributes and give `select` (most take it from `MapStage`, `GroupStage` or
    `SourceStage`) and `process`.

    Parameters
    ----------
    share
        The part of the work given to one worker of a distributed run; made by `prechunk`, never by a person.
    """

    name: str
    """Name of the stage, unique; its state is kept under it."""
    version: ClassVar[int] = 1
    """Raised whenever `process` gives other results for the same input."""
    writes: ClassVar[dict[type[RegistryDocument], str]]
    """The facet it writes of each collection."""
    notes_group: ClassVar[bool] = False
    """Whether a document notes the item it was made from, for stages that select groups by it."""
    selects_ahead: bool = False
    """Whether a batch may be selected before those ahead of it are written: `select` looks at nothing they change."""
    doing: str = ""
    """What it is at, for stages that work long between two batches; shown beside its name."""
    steps: tuple[int, int] | None = None
    """How many steps of that are done, and how many there are."""
    orphans: ClassVar[Literal["by origin", "by key", "kept"]] = "by origin"
    """How documents are found whose item is withdrawn or no longer gives them; by key where both have the same one."""

    def __init__(self, *, share: Doc | None = None) -> None:
        self.share = share
        self.followers: Followers | None = None
        self.connection: Connection | None = None
        self.report = StageReport(self.name)
        self.run_id = ""
        self.batch_size: int | None = None
        self.first_time = False
        self._all_new = True
        self.goal: dict[str, int] = {}
        self._lease: Lease | None = None
        self._session: ClientSession | None = None
        self._own_run = False
        self._guard: MrunGuard | None = None
        self._state: Doc = {}
        self.done = 0
        """Items whose outcome is written; fewer than `report.due`, which counts those that are being computed too."""
        self._given = 0
        self._written: set[int] = set()
        self._prefix = 0
        self._marks: dict[int, Doc | None] = {}
        self._started = 0.0
        self.asked_to_stop: Callable[[], bool] = bool
        self._progress: Callable[[Stage, StageReport], None] | None = None
        self._writing = threading.Lock()  # a run does not end in the middle of a batch that another thread writes
        super().__init__(
            sources=[RegistryStore(name) for name in self.reads_collections()],
            targets=[RegistryStore(document.collection_name()) for document in self.writes],
            chunk_size=_BATCHES_AHEAD,  # an item of maggma's is a whole batch here
        )

    # What a stage says of itself

    def arguments(self) -> Doc:
        """Give the arguments that make this stage again, as plain data."""
        return {}

    def config(self) -> Doc:
        """Give what the results depend on beside the input: settings, model ids. A change makes everything due."""
        return self.arguments()

    def reads_collections(self) -> list[str]:
        """Give the names of the collections it reads."""
        return []

    @abstractmethod
    def select(self) -> Iterator[Batch]:
        """Give what is due, batch by batch."""

    @abstractmethod
    def process(self, items: list[Item]) -> list[Outcome]:
        """Compute the outcome of each item, in order. Runs in any process and touches no database."""

    def apply_mark(self, mark: Doc, session: ClientSession) -> None:
        """Note where the stage stands, in the transaction that wrote the batch."""

    def close(self) -> None:
        """Finish a pass in which every batch was written."""

    @property
    def fingerprint(self) -> str:
        """Hash of name, version and config."""
        return content_hash([self.name, self.version, self.config()])

    def followed_by(self, *stages: MapStage) -> Self:
        """Have stages work on the documents this one makes before they are stored (see `Followers`).

        Raises
        ------
        CannotFollow
            A stage reads or writes something else than these documents.
        """
        self.followers = Followers(self, stages) if stages else None
        return self

    # The life of a run, in the order maggma calls it

    def connect(self) -> None:
        """Open the database, as the settings say, unless a connection was given by `use`."""
        if self.connection is None:
            self.connection = connect()

    def use(
        self,
        connection: Connection,
        *,
        run_id: str | None = None,
        batch_size: int | None = None,
        session: ClientSession | None = None,
    ) -> None:
        """Work on a given connection, in a run that somebody else records, maybe in transactions of theirs."""
        self.connection = connection
        self.batch_size = batch_size
        self._session = session
        if run_id is not None:
            self.run_id = run_id

    def listen(
        self, asked_to_stop: Callable[[], bool], progress: Callable[[Stage, StageReport], None] | None = None
    ) -> None:
        """Take what a stage needs that works long between two batches: whether to stop, and whom to tell."""
        self.asked_to_stop = asked_to_stop
        self._progress = progress

    def tell(self) -> None:
        """Report progress between two batches."""
        if self._progress is not None:
            self._progress(self, self.report)

    @property
    def db(self) -> Connection:
        """The open connection."""
        if self.connection is None:
            raise RuntimeError(f"{self.name} is not connected: call connect() first")
        return self.connection

    @property
    def state(self) -> Doc:
        """The state of the stage as it was when the run began."""
        return self._state

    @property
    def size(self) -> int:
        """Items in a batch."""
        return self.batch_size or self.db.settings.batch_size

    def begin(self) -> None:
        """Take the lease, open the run record and the state."""
        self._started = time.perf_counter()
        if not is_initialised(self.db):
            initialise(self.db)
        if self.share is not None:
            self.run_id = self.share["run_id"]
            self._state = stage_states.read(self.db, self.name)
            self.first_time = False
            return
        seconds = self.db.settings.lease_seconds
        self._lease = Lease(self.db, f"stage {self.name}", seconds=seconds, session=self._session).acquire()
        if not self.run_id:
            self.run_id = runs.begin(self.db, f"run {self.name}", version=VERSION)
            self._own_run = True
        self._state = stage_states.open_state(
            self.db, self.name, fingerprint=self.fingerprint, token=self._lease.token, maker=self.maker()
        )
        self.first_time = not any(self._state[name] for name in ("restarted", "consumed", "ahead", "partial"))

    def maker(self) -> Doc:
        """Give what it takes to make the stage again later, for the stage's state."""
        return {"class": f"{type(self).__module__}:{type(self).__qualname__}", "arguments": self.arguments()}

    @property
    def token(self) -> int:
        """Token of the lease this run works under."""
        if self.share is not None:
            return int(self.share["token"])
        if self._lease is None:
            raise RuntimeError(f"{self.name} has not begun")
        return self._lease.token

    def get_items(self) -> Iterator[Batch]:
        """Give what is due, batch by batch, under the lease. Errors are recorded before they are raised."""
        guard = self._guard = MrunGuard.attach(self.abandon)
        try:
            self.begin()
            lease = self._lease
            if self.followers is not None and lease is not None:
                self.followers.begin(lease.session)
            for batch in self.select():
                if lease is not None:
                    lease.check()
                batch.ordinal = self._given
                self._given += 1
                self._marks[batch.ordinal] = batch.mark
                self.report.due += len(batch.items)
                guard.given(self._given)
                yield batch
        except GeneratorExit:
            raise
        except BaseException as error:
            self.abandon(error)
            guard.cancel(error)
            raise

    def process_item(self, item: Batch) -> Batch:
        """Process one batch. Never raises: what goes wrong with an item is its outcome."""
        item.outcomes = self.outcomes(item.items)
        if self.followers is not None and item.followed and self.share is None:
            self.prepare(item)  # here, where there may be other processes for what the followers compute
            item.outcomes = []  # less to send
        return item

    def update_targets(self, items: list[Batch]) -> None:
        """Write processed batches, each in one transaction with all its bookkeeping."""
        for batch in items:
            try:
                with self._writing:
                    self.commit(batch)
            except BaseException as error:
                self.abandon(error)
                raise
            if self._guard is not None:
                self._guard.done(len(self._written))

    def finalize(self) -> None:
        """End the pass: what can only be said when all is written, then record and lease."""
        complete = len(self._written) == self._given
        try:
            if complete:
                self.close()
        except BaseException as error:
            self.abandon(error)
            raise
        missing = self._given - len(self._written)
        if missing:
            self.report.note = f"{missing} batches came back from no worker; the next run does them"
        self._end("failed" if missing else "partial" if self.report.failed else "succeeded")

    def abandon(self, error: BaseException) -> None:
        """End a run that can't go on, keeping what was written."""
        interrupted = isinstance(error, KeyboardInterrupt | SystemExit)
        self._end("interrupted" if interrupted else "failed", f"{type(error).__name__}: {error}")

    def _end(self, how: str, error: str | None = None) -> None:
        with self._writing:
            self._end_now(how, error)

    def _end_now(self, how: str, error: str | None) -> None:
        if self._guard is not None:
            self._guard.stop()
            self._guard = None
        if self.followers is not None:
            self.report.note = " ".join(filter(None, (self.report.note, self.followers.end())))
        self.report.seconds = round(time.perf_counter() - self._started, 3)
        lease, self._lease = self._lease, None
        if lease is not None:
            if self._own_run and not lease.lost:
                runs.note_stage(self.db, self.run_id, self.report)
                runs.end(self.db, self.run_id, how, error=error)
            lease.release()

    # One batch

    def outcomes(self, items: list[Item]) -> list[Outcome]:
        """Process items; where that raises, in ever smaller parts, until only what can't be processed is left out."""
        if not items:
            return []
        try:
            outcomes = self.process(items)
            if len(outcomes) != len(items):
                raise RuntimeError(f"{self.name}: {len(outcomes)=} != {len(items)=}")
        except Exception as error:
            if len(items) == 1:
                logger.debug("%s failed on %s", self.name, items[0].key, exc_info=True)
                return [Failure(f"{type(error).__name__}: {error}")]
            half = len(items) // 2
            return self.outcomes(items[:half]) + self.outcomes(items[half:])
        return outcomes

    def writers(self) -> dict[str, FacetWriter]:
        """Give the writers of its facets, by collection."""
        followers = self.followers
        return {
            document.collection_name(): FacetWriter(
                document,
                facet,
                self.name,
                self.fingerprint,
                self.run_id,
                followers.writers() if followers is not None and followers.document is document else (),
            )
            for document, facet in self.writes.items()
        }

    def ready(self, writer: FacetWriter, item: Item, doc: Doc) -> Written:
        """Check and hash one document made from an item.

        Raises
        ------
        NotStorable
            As `FacetWriter.prepare`.
        """
        return writer.prepare(doc, self._origins(item, doc), item.key if self.notes_group else None)

    def prepare(self, batch: Batch) -> None:
        """Check and hash what is to be written of a processed batch; needs no database. Done once."""
        if batch.prepared is not None:
            return
        writers = self.writers()
        prepared = Prepared({name: [] for name in writers})
        for item, outcome in zip(batch.items, batch.outcomes, strict=True):
            if isinstance(outcome, Failure):
                prepared.failed[item.key] = outcome
            elif isinstance(outcome, Refused):
                prepared.refused.append(outcome)
            else:
                try:
                    ready = [
                        (name, self.ready(writers[name], item, doc)) for name, docs in outcome.items() for doc in docs
                    ]
                except NotStorable as error:
                    prepared.failed[item.key] = Failure(f"can't be stored: {error}")
                    continue
                prepared.went_well.append(item)
                for name, doc in ready:
                    prepared.documents[name].append(doc)
        if self.followers is not None and batch.followed and self.share is None:
            self.followers.follow(prepared.documents[self.followers.document.collection_name()])
        batch.prepared = prepared

    def commit(self, batch: Batch) -> None:
        """Write one processed batch: documents, orphans, failures, quarantine and the stage's state together."""
        self.prepare(batch)
        prepared: Prepared = batch.prepared  # type: ignore[assignment]  # just made
        went_well, failed, refused = prepared.went_well, prepared.failed, prepared.refused
        writers = self.writers()
        prefix = self._prefix_with(batch.ordinal)
        mark = self._marks.get(prefix - 1) if prefix > self._prefix else None
        had_failures = bool(went_well) and not self.first_time and failures.known(self.db, self.name)

        def work(session: ClientSession) -> Counts:
            stage_states.advance(self.db, self.name, token=self.token, intervals=batch.intervals, session=session)
            counts = Counts()
            for name, docs in prepared.documents.items():
                counts.add(writers[name].write(self.db.database, docs, session, all_new=self._all_new))
            if self.followers is not None:
                self.followers.note(counts.followed, session)
            if not self.first_time:
                for name, writer in writers.items():
                    keys = {doc.key for doc in prepared.documents[name]}
                    counts.add(self._deprecate_orphans(writer, batch, went_well, keys, session))
            failures.record(self.db, self.name, failed, run_id=self.run_id, session=session)
            if had_failures:
                failures.clear(self.db, self.name, [item.key for item in went_well], session=session)
            quarantine.put(self.db, self.name, refused, run_id=self.run_id, session=session)
            self.after_write(went_well, session)
            if mark is not None:
                self.apply_mark(mark, session)
            return counts

        self._all_new = self._all_new and self.first_time
        try:
            counts = self.in_transaction(work)
        except BulkWriteError:
            if not self._all_new:
                raise
            self._all_new = False  # something is there already after all
            counts = self.in_transaction(work)
        self._written.add(batch.ordinal)
        while self._prefix in self._written:
            self._marks.pop(self._prefix, None)
            self._prefix += 1
        self.done += len(batch.items)
        self.report.inserted += counts.inserted
        self.report.updated += counts.updated
        self.report.unchanged += counts.unchanged
        self.report.deprecated += counts.deprecated
        self.report.failed += len(failed)
        self.report.quarantined += len(refused)
        if self.followers is not None:
            self.followers.count(counts.followed)

    def in_transaction(self, work: Callable[[ClientSession], Result]) -> Result:
        """Run work in a transaction that ends with this run's lease."""
        return in_transaction(self.db, work, session=self._lease.session if self._lease is not None else None)

    def after_write(self, went_well: list[Item], session: ClientSession) -> None:
        """Do what else belongs into the batch's transaction."""

    def _prefix_with(self, ordinal: int) -> int:
        prefix = self._prefix
        while prefix in self._written or prefix == ordinal:
            prefix += 1
        return prefix

    def _origins(self, item: Item, doc: Doc) -> list[Doc]:
        if not item.origins and "origins" not in doc and "made_of" not in doc:
            return []
        extra = doc.pop("origins", None) or []
        made_of = doc.pop("made_of", None)  # a document of a group may be made of some members only
        used = item.origins if made_of is None else item.origins_of({item.key, *made_of})
        return [{**origin, "stage": self.name, "version": self.version} for origin in [*used, *extra]]

    def _deprecate_orphans(
        self, writer: FacetWriter, batch: Batch, went_well: list[Item], made: set[str], session: ClientSession
    ) -> Counts:
        reasons: dict[str, str] = {}
        if self.orphans == "by key":
            reasons = {key: reason for key, reason in batch.withdrawn.items() if key not in made}
        elif self.orphans == "by origin" and writer.creates:
            looked_at = [item.key for item in went_well]
            earlier = writer.made_from(self.db.database, [*looked_at, *batch.withdrawn], session, besides=made)
            for key, products in earlier.items():
                why = batch.withdrawn.get(key, f"no longer made from {key}")
                reasons |= dict.fromkeys(products, why)
        return writer.deprecate(self.db.database, reasons, session) if reasons else Counts()

    # For maggma

    def as_dict(self) -> Doc:
        """Give the stage as plain data, from which another process makes it again. Holds no secret."""
        arguments = {**self.arguments(), "share": self.share}
        if self.followers is not None:
            arguments["followers"] = [stage.as_dict() for stage in self.followers.stages]
        return {"@module": type(self).__module__, "@class": type(self).__name__, **arguments}

    @classmethod
    def from_dict(cls, d: Doc) -> Stage:
        """Make a stage from what `as_dict` gave."""
        stage = cls.__new__(cls)
        stage.__setstate__(d)
        return stage

    def __setstate__(self, d: Doc) -> None:
        arguments = {name: value for name, value in d.items() if not name.startswith("@")}
        followers = arguments.pop("followers", [])
        self.__init__(**arguments)  # type: ignore[misc]
        self.followed_by(*(MontyDecoder().process_decoded(stage) for stage in followers))

    def shares(self, number_splits: int) -> list[Doc]:
        """Divide what is due among the workers of a distributed run."""
        raise NotImplementedError(
            f"{self.name} can't be distributed; run it with `exfolio run {self.name}` on one machine"
        )

    def prechunk(self, number_splits: int) -> Iterator[Doc]:
        """Divide the work for maggma's distributed runner. This process keeps the lease until it ends."""
        self.begin()
        atexit.register(self._end_distributed)
        for share in self.shares(number_splits):
            yield {"share": {**share, "token": self.token, "run_id": self.run_id}}

    def _end_distributed(self) -> None:
        state = stage_states.read(self.db, self.name)
        undone = self.undone(state)
        self._end("failed" if undone else "succeeded", f"{undone} left undone by the workers" if undone else None)

    def undone(self, state: Doc) -> int:
        """Count the channels in which the workers have not come to where the work was divided."""
        return sum(1 for channel, high in self.goal.items() if state["consumed"].get(channel, 0) < high)
