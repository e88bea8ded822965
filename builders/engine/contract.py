"""What a stage says of itself, and all it may do its own way. Knows neither runs nor selection.

Who writes a stage reads this file and the one of its way of selecting (`map_stage`, `group_stage`,
`chemical_system_stage`); nothing else of the engine is meant to be overridden.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar, Literal, Protocol

from pymongo.client_session import ClientSession

from ...stores.bookkeeping.runs import StageReport
from ...stores.canonical import content_hash
from ...stores.connection import Connection
from ...stores.documents import RegistryDocument
from ...stores.writes.writing import FacetWriter
from ...stores.writes.written import Followed, Written
from .batches import Batch, Doc, Item, Outcome, Prepared, Refused
from .channels import Channel
from .stage_run import StageRun


class Fused(Protocol):
    """Stages that work on the documents of another before these are stored, as `fused_stages.FusedStages`."""

    document: type[RegistryDocument]

    @property
    def stages(self) -> Sequence[StageContract]:
        """The stages, in order."""

    def written_channels(self) -> tuple[Channel, ...]:
        """Channels they write."""

    def writers(self) -> tuple[FacetWriter, ...]:
        """Writers of their facets."""

    def follow(self, docs: list[Written]) -> None:
        """Work on documents that are ready to be written."""

    def begin(self, session: ClientSession) -> None:
        """Take their leases and states."""

    def note(self, followed: list[Followed], session: ClientSession) -> None:
        """Do their bookkeeping of a write, in its transaction."""

    def count(self, followed: list[Followed]) -> None:
        """Add what was written to their reports."""

    def end(self) -> str:
        """Release the leases; returns what was done, in words."""


class StageContract(ABC):
    """A step of the way: selects what is due, computes, writes, and remembers how far it came.

    Parameters
    ----------
    share
        The part of the work given to one worker of a distributed run; made by `prechunk`, never by a person.

    Attributes
    ----------
    current_run
        Its run: lease, state, counts.
    fused
        Stages that work on what this one makes before it is stored.
    lookup
        What `read_lookup` gave.
    total
        Items that are due in all, where that is known; for progress.
    doing, steps
        What it is at, and how many steps of how many of that are done, where it works long between two batches.
    put_off
        Whether it left work to the next run, of its own will.
    """

    name: str
    """Name of the stage, unique; its state is kept under it."""
    version: ClassVar[int] = 1
    """Raised whenever `process` gives other results for the same input."""
    writes: ClassVar[dict[type[RegistryDocument], str]]
    """The facet it writes of each collection."""
    writes_kinds: ClassVar[tuple[str, ...] | None] = None
    """The kinds of property or of model it writes; None where its documents have no kinds, or any."""
    notes_group: ClassVar[bool] = False
    """Whether a document notes the item it was made from, for stages that select groups by it."""
    selects_ahead: bool = False
    """Whether a batch may be selected before those ahead of it are written: `select` looks at nothing they change."""
    later: ClassVar[tuple[str, ...]] = ()
    """Facets it reads that a document gets later, if at all: fused with what makes the documents (`FusedStages`), it
    works on those that have none of them yet."""
    orphans: ClassVar[Literal["by origin", "by key", "kept"]] = "by origin"
    """How documents are found whose item is withdrawn or no longer gives them; by key where both have the same one."""
    needs_outcomes: ClassVar[bool] = False
    """Whether `after_write` looks at the outcomes of a batch, else dropped once they are ready to be written."""
    looks_for_itself: ClassVar[bool] = False
    """Whether only the stage itself can tell if anything is due: a source looks at its files, asks its service."""
    works_while_selecting: ClassVar[bool] = False
    """Whether `select` has done the work by the time it yields, as training does: nothing is left for others."""

    def __init__(self, *, share: Doc | None = None) -> None:
        self.share = share
        self.current_run = StageRun(self.name, share)
        self.fused: Fused | None = None
        self.lookup: Any = None
        self.has_lookup = False
        self.total: int | None = None
        self.doing = ""
        self.steps: tuple[int, int] | None = None
        self.put_off = False

    # What it is

    def arguments(self) -> Doc:
        """Arguments that make this stage again, as plain data."""
        return {}

    def config(self) -> Doc:
        """All that the results depend on beside the input: settings, model ids. A change makes everything due."""
        return self.arguments()

    @property
    def fingerprint(self) -> str:
        """Hash of name, version and config."""
        return content_hash([self.name, self.version, self.config()])

    def reads(self) -> tuple[Channel, ...]:
        """Channels whose changes make something due for it."""
        return ()

    def looks_at(self) -> tuple[Channel, ...]:
        """Channels it looks at beside: it runs after who writes them, but their changes make nothing due."""
        return ()

    def written_channels(self) -> tuple[Channel, ...]:
        """Channels it writes, those of fused stages among them."""
        kinds = frozenset(self.writes_kinds) if self.writes_kinds is not None else None
        own = tuple(
            Channel(document.collection_name(), name, kinds)
            for document, facet in self.writes.items()
            for name in (facet, *(document.PARTS if facet == document.creating_facet() else ()))
        )
        return (*own, *(self.fused.written_channels() if self.fused is not None else ()))

    # What it does

    def before_run(self) -> None:
        """Look up what `config` depends on: a setting of the database, the newest model. The database is open."""

    def opened(self) -> None:
        """Read what it needs to select; lease and state are its own now."""

    @abstractmethod
    def select(self) -> Iterator[Batch]:
        """Yield what is due, batch by batch."""

    def read_lookup(self) -> Any:
        """Read what `process` needs beside the items, where the database is at hand; every worker process gets it once.

        Returns
        -------
        object
            Anything that can be pickled; kept as `lookup`.
        """
        return None

    @abstractmethod
    def process(self, items: list[Item]) -> list[Outcome]:
        """Outcome of each item, in order. Runs in any process and touches no database."""

    def complaints(self, prepared: Prepared) -> list[Refused]:  # noqa: ARG002
        """Bad input among what is to be written all the same, for quarantine."""
        return []

    def sift(self, prepared: Prepared) -> None:
        """Take out of what is ready to be written what must not be; before its transaction, in the order of writing."""

    def after_write(self, batch: Batch, session: ClientSession) -> None:
        """Do what else belongs into the transaction of a batch; may be called again, as the transaction may.

        One that looks at ``batch.outcomes`` says so by `needs_outcomes`.
        """

    def apply_mark(self, mark: Doc, session: ClientSession) -> None:
        """Note where the stage stands, in the transaction that wrote the batch."""

    def close(self) -> None:
        """Finish a pass in which every batch was written."""

    def carried_over(self, state: Doc) -> Doc | None:  # noqa: ARG002
        """Changes with which a state of another fingerprint goes on to hold; None where everything is due again.

        Parameters
        ----------
        state
            As an earlier run left it; ``maker`` says which stage, by what arguments, that was.
        """
        return None

    def is_unfinished(self, state: Doc) -> bool:
        """Whether a state tells of a pass that was cut off."""
        return bool(state.get("partial"))

    def runs_long_alone(self) -> bool:
        """Whether a run would keep one core busy for long: it may then run beside others (`execution.beside`)."""
        return False

    # What it may use

    @property
    def db(self) -> Connection:
        """The open connection."""
        return self.current_run.db

    @property
    def state(self) -> Doc:
        """The state of the stage as it was when the run began."""
        return self.current_run.state

    @property
    def report(self) -> StageReport:
        """What the run has done so far."""
        return self.current_run.report

    @property
    def size(self) -> int:
        """Items in a batch."""
        return self.current_run.batch_size or self.db.settings.batch_size
