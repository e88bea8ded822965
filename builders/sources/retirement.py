"""Retires what a source no longer has: with a reason, in batches, and never on the strength of an accident.

What is to be retired is noted first, and the note goes in the transaction that retires; so whatever is killed between
the two is done by the next run. Shared by the stages that bring in sources; it knows no file, no server and how no
source is read.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import islice
from typing import TypeVar

from pymongo import UpdateOne
from pymongo.client_session import ClientSession

from ...stores.bookkeeping import stage_states
from ...stores.canonical import text_hash
from ...stores.documents import RegistryDocument
from ...stores.errors import CannotRunError
from ...stores.writes.writing import FacetWriter
from ..engine.batches import Doc
from ..engine.stage import Stage

Item = TypeVar("Item")
PENDING = "pending_retirements"
"""Collection of the notes."""
_NAMED = 5


class SourceShrank(CannotRunError):
    """A source lost more of its records than it may; nothing was retired."""


def check_loss(source: str, where: str, *, missing: Sequence[str], had: int, allowed: float, hint: str = "") -> None:
    """Refuse to believe that a source lost more than a share of what it had.

    Parameters
    ----------
    source, where
        Name of the source, and what it lost something of, for the message.
    missing
        Names of what it no longer has.
    had
        How many it had before, all together.
    allowed
        Largest share that is believed, 0 to 1.
    hint
        What may be the matter, for the message.

    Raises
    ------
    SourceShrank
        It lost more.
    """
    if missing and len(missing) > allowed * had:
        raise SourceShrank(
            f"source {source} no longer has {len(missing):,} of its {max(had, len(missing)):,} records in {where} "
            f"({some(missing)}); more than {allowed:.0%} is not believed, and nothing was retired",
            f"{hint}Look at the source. If the loss is real, run the same command with --accept-loss.",
        )


def some(keys: Sequence[str]) -> str:
    """The first of many names, and how many more there are.

    >>> some(["a", "b", "c", "d", "e", "f", "g"])
    'a, b, c, d, e and 2 more'
    """
    more = len(keys) - _NAMED
    return ", ".join(keys[:_NAMED]) + (f" and {more:,} more" if more > 0 else "")


def reason_of_loss(source: str, version: str | None) -> str:
    """Reason why a record is retired, with the release that no longer has it where that is known."""
    return f"no longer in source {source}" + (f", version {version}" if version else "")


def writer_of(stage: Stage, document: type[RegistryDocument]) -> FacetWriter:
    """Writer of the facet that a stage writes of a collection."""
    return FacetWriter(document, stage.writes[document], stage.name, stage.fingerprint, stage.current_run.run_id)


def note_had(stage: Stage, source: str, session: ClientSession) -> None:
    """Note how many documents a source has, by collection: what a later loss is measured by."""
    had = {
        document.collection_name(): stage.db.database[document.collection_name()].count_documents(
            current_of(stage, document, source), session=session
        )
        for document in stage.writes
    }
    stage_states.note_had(stage.db, stage.name, had, token=stage.current_run.token, session=session)


def current_of(stage: Stage, document: type[RegistryDocument], source: str) -> Doc:
    """Criteria of the current documents that a stage brought in of a source."""
    return {"source": source, f"facets.{stage.writes[document]}.stage": stage.name, "deprecated": False}


def chunks(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """Items in lists of at most `size`."""
    rest = iter(items)
    while some := list(islice(rest, size)):
        yield some


class PendingRetirements:
    """What a source no longer has and is still to be retired, noted in the database.

    Parameters
    ----------
    stage
        The stage that brings the source in, in its run.
    source
        Name of the source.
    """

    def __init__(self, stage: Stage, source: str) -> None:
        self._stage = stage
        self._source = source
        self._notes = stage.db.database[PENDING]
        self.any = self._notes.find_one({"stage": stage.name}, {"_id": 1}) is not None
        """Whether there are notes of earlier passes."""

    def note(self, missing: Mapping[str, Collection[str]], reason: str, held_by: Sequence[str]) -> None:
        """Note documents, by collection, a batch to a transaction.

        Parameters
        ----------
        missing
            Their keys.
        reason
            Why they will be deprecated.
        held_by
            Files whose bad records may be the ones that are missing.
        """
        changes = {"$set": {"reason": reason, "held_by": list(held_by)}}
        for collection, keys in missing.items():
            for some in chunks(keys, self._stage.size):
                notes = [
                    UpdateOne(
                        {"retirement_id": text_hash(self._stage.name, collection, key)},
                        {**changes, "$setOnInsert": {"stage": self._stage.name, "collection": collection, "key": key}},
                        upsert=True,
                    )
                    for key in some
                ]
                self._stage.current_run.in_transaction(partial(self._put, notes))

    def _put(self, notes: list[UpdateOne], session: ClientSession) -> None:
        self._notes.bulk_write(notes, session=session, ordered=False)

    def forget(self, collection: str, keys: Collection[str], session: ClientSession) -> None:
        """Take back notes, in the caller's transaction: the source has these, or they are retired."""
        ids = [text_hash(self._stage.name, collection, key) for key in keys]
        self._notes.delete_many({"retirement_id": {"$in": ids}}, session=session)

    def among(self, collection: str, keys: Collection[str]) -> set[str]:
        """Which of these documents are noted."""
        if not self.any or not keys:
            return set()
        ids = [text_hash(self._stage.name, collection, key) for key in keys]
        return {note["key"] for note in self._notes.find({"retirement_id": {"$in": ids}}, {"_id": 0, "key": 1})}

    def settle(self, held: Collection[str], *, accept_loss: bool, hint: str = "") -> int:
        """Retire what is noted, and measure later losses by what is left.

        Parameters
        ----------
        held
            Files that have bad records; what may be one of them waits.
        accept_loss
            Retire all of it, whatever the share and whatever may be a bad record.
        hint
            What may be the matter, for the message of a loss that is not believed.

        Returns
        -------
        int
            How many wait for bad records to be mended.

        Raises
        ------
        SourceShrank
            Too much is gone; the notes stay.
        """
        stage = self._stage
        due: dict[type[RegistryDocument], dict[str, str]] = {document: {} for document in stage.writes}
        waiting = 0
        for document in stage.writes:
            notes = self._notes.find({"stage": stage.name, "collection": document.collection_name()})
            for note in notes.sort("key", 1):
                if accept_loss or not set(note["held_by"]) & set(held):
                    due[document][note["key"]] = note["reason"]
                else:
                    waiting += 1
        if not accept_loss:
            had = stage_states.read(stage.db, stage.name).get("had") or {}
            for document, reasons in due.items():
                name = document.collection_name()
                check_loss(
                    self._source,
                    name,
                    missing=list(reasons),
                    had=had.get(name, 0),
                    allowed=stage.db.settings.loss_share,
                    hint=hint,
                )
        parts = [(document, keys) for document, reasons in due.items() for keys in chunks(reasons, stage.size)]
        for document, keys in parts[: -1 if not waiting else None]:
            self._retire(document, {key: due[document][key] for key in keys})
        if not waiting:  # the last transaction notes what is left as well
            last, keys = parts[-1] if parts else (next(iter(stage.writes)), [])
            self._retire(last, {key: due[last][key] for key in keys}, settled=True)
        return waiting

    def _retire(self, document: type[RegistryDocument], reasons: Mapping[str, str], *, settled: bool = False) -> None:
        stage = self._stage
        writer = writer_of(stage, document)

        def work(session: ClientSession) -> int:
            deprecated = writer.deprecate(stage.db.database, reasons, session).deprecated if reasons else 0
            self.forget(document.collection_name(), reasons, session)
            if settled:
                note_had(stage, self._source, session)
            return deprecated

        stage.report.deprecated += stage.current_run.in_transaction(work)
