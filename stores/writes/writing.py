"""Writes a batch of documents into one facet of a collection: only what changed, only the fields it owns.

Runs inside a transaction of the caller, so that documents, failures and the stage's state change together or not
at all.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeGuard

from pymongo import UpdateOne
from pymongo.client_session import ClientSession
from pymongo.collection import Collection
from pymongo.database import Database

from ..bookkeeping import revisions
from ..canonical import as_number, content_number, text_hash
from ..clock import utc_now
from ..documents import RegistryDocument
from ..documents.base import LABEL, LEFT
from ..writer_numbers import number_of
from . import bulk_replace, updates
from .notes import combined, makers, system_fields
from .parts import touched
from .written import Counts, Followed, Written

Doc = dict[str, Any]


class ForeignField(TypeError):
    """A stage wrote a field that its facet does not own: a mistake in the stage."""


@dataclass(frozen=True)
class FacetWriter:
    """Writes one facet of one collection on behalf of one stage.

    Parameters
    ----------
    document
        The collection's document class.
    facet
        Facet to write.
    stage, fingerprint, run_id
        Who writes; the facet keeps the number under which they are noted.
    followers
        Writers of further facets, whose stages have worked on the same documents before they are stored.
    later
        As a follower: facets that its stage has not seen; a stored document that has one is left to that stage.
    version
        Of the stage, where it is known; noted with who writes.
    numbers
        By run, the number of who writes, once it was looked up; may be shared by writers of one stage and settings.
    """

    document: type[RegistryDocument]
    facet: str
    stage: str
    fingerprint: str
    run_id: str
    followers: tuple[FacetWriter, ...] = ()
    later: frozenset[str] = frozenset()
    version: int | None = None
    numbers: dict[str, int] = field(default_factory=dict, compare=False)
    owned: frozenset[str] = field(init=False)
    creates: bool = field(init=False)
    """Whether this facet's writer makes documents, rather than adding to those of another."""
    shares: bool = field(init=False)
    """Whether other stages may make the same documents; then the content is that of the first, until it withdraws."""
    group_fields: tuple[str, ...] = field(init=False)
    """Its fields by which stages group documents."""
    _allowed: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        owned = self.document.fields_of(self.facet)
        object.__setattr__(self, "owned", owned)
        object.__setattr__(self, "_allowed", self.document.said_in(self.facet))
        object.__setattr__(self, "creates", self.facet == self.document.creating_facet())
        object.__setattr__(self, "shares", self.creates and self.document.SHARED)
        object.__setattr__(self, "group_fields", tuple(name for name in self.document.GROUP_FIELDS if name in owned))

    def prepare(self, doc: Mapping[str, Any], origins: list[Doc], group: str | None = None) -> Written:
        """Check one document's fields and hash its content; absent and None mean the same.

        Raises
        ------
        ForeignField
            The document has fields this facet does not own.
        NotStorable
            A value is NaN, infinite or of a type that can't be stored; names the field.
        """
        content = {name: value for name, value in doc.items() if value is not None}
        key = content.pop(self.document.KEY)
        if not self._allowed.issuperset(content):
            foreign = content.keys() - self._allowed
            where = f"facet {self.facet!r} of {self.document.collection_name()}"
            raise ForeignField(f"{self.stage} writes {sorted(foreign)}, which {where} does not own")
        # The hash of an origin is left out: what comes out the same from a changed input has not changed.
        # So is where a file lies. A facet that adds to another's document keeps no origins of its own.
        made_from = (
            [[origin.get("collection"), None if _is_file(origin) else origin.get("id")] for origin in origins]
            if self.creates
            else []
        )
        unhashed = self.document.UNHASHED
        hashed = {name: value for name, value in content.items() if name not in unhashed} if unhashed else content
        digest = content_number([hashed, made_from])
        if content and LABEL in self.facet:
            content = dict.fromkeys(self.owned, content)
        return Written(key, content, origins, digest, group)

    def write(
        self, database: Database[Doc], docs: Sequence[Written], session: ClientSession, *, all_new: bool = False
    ) -> Counts:
        """Write what changed. Documents of another stage's facet that don't exist are left out.

        Where a batch holds one key twice, the last one counts. What is the same and now comes from another place of a
        file is not changed by that; only its origins are.

        Parameters
        ----------
        database
            The database.
        docs
            What `prepare` made.
        session
            Session of the caller's transaction.
        all_new
            Nothing of this is stored yet, so don't look. Where that is wrong, the transaction ends with
            `BulkWriteError` (duplicate key) and has to be run again without.
        """
        counts = Counts()
        by_key = {doc.key: doc for doc in docs}
        if not by_key:
            return counts
        collection = database[self.document.collection_name()]
        from_files = self.creates and any(_is_file(origin) for doc in docs for origin in doc.origins)
        stored = {} if all_new and self.creates else self._stored(collection, by_key, session, origins=from_files)
        new: list[Written] = []
        changed: list[Written] = []
        moved: list[UpdateOne] = []
        for doc in by_key.values():
            before = stored.get(doc.key)
            if before is None:
                if self.creates:
                    new.append(doc)
            elif self._is_current(before, doc):
                counts.unchanged += 1
                places = _places(self.document.origins_of(before)) if from_files else None
                if from_files and not self.is_anothers(before) and places != _places(doc.origins):
                    moved.append(UpdateOne({"_id": before["_id"]}, {"$set": {"origins": doc.origins}}))
            else:
                changed.append(doc)
        if moved:
            collection.bulk_write(moved, session=session, ordered=False)
        if not new and not changed:
            return counts
        if self.followers:  # so that each of them is done with an unbroken stretch of revisions
            changed.sort(key=lambda doc: self._followers_done(doc, stored[doc.key]), reverse=True)
        parts = touched(collection, self.document, changed, stored, session) if self.creates else {}
        of_parts = self.document.PARTS if self.creates and new else {name for names in parts.values() for name in names}
        facets = [self.facet, *(writer.facet for writer in self.followers), *of_parts]
        for writer in (self, *self.followers):
            writer._look_up_number(database)
        rev = revisions.take(database, collection.name, len(new) + len(changed), session, facets)
        now = utc_now()
        if new:
            inserts = [updates.new_document(self, doc, rev + i, now) for i, doc in enumerate(new)]
            collection.insert_many(inserts, session=session, ordered=True)
        if changed:
            first = rev + len(new)
            changes = {
                stored[doc.key]["_id"]: updates.update(
                    self, doc, stored[doc.key], parts.get(doc.key, ()), rev=first + i, now=now
                )
                for i, doc in enumerate(changed)
            }
            if len(changes) >= bulk_replace.MANY:
                bulk_replace.put_anew(collection, changes, session)
            else:
                operations = [UpdateOne({"_id": identity}, update) for identity, update in changes.items()]
                collection.bulk_write(operations, session=session, ordered=True)
        counts.inserted += len(new)
        counts.updated += len(changed)
        counts.followed = self._followed([*new, *changed], stored, rev - 1)
        return counts

    def _followers_done(self, doc: Written, stored: Doc | None) -> int:
        """Count the followers, from the first, that are done with a document once it is written."""
        if stored is None:
            return min(len(self.followers), len(doc.further))
        done = 0
        for writer, written in zip(self.followers, doc.further, strict=False):
            if not writer.later.isdisjoint(stored["facets"]):
                break
            if not isinstance(written, Written) and writer.facet in stored["facets"]:
                break  # it failed or withdraws what is stored: that stage sees to it, and then those after it
            done += 1
        return done

    def _followed(self, docs: list[Written], stored: Mapping[str, Doc], before: int) -> list[Followed]:
        result = []
        for number, writer in enumerate(self.followers):
            done = [doc for doc in docs if self._followers_done(doc, stored.get(doc.key)) > number]
            updated = sum(writer._is_new(doc.further[number], stored.get(doc.key)) for doc in done)
            if done:
                result.append(Followed(number, (before, before + len(done)), done, updated))
        return result

    def _is_new(self, written: object, stored: Doc | None) -> TypeGuard[Written]:
        return isinstance(written, Written) and (stored is None or not self._is_current(stored, written))

    def facets_of(self, doc: Written, stored: Doc | None) -> Iterator[tuple[FacetWriter, Written]]:
        """What is to be written of a document, facet by facet."""
        yield self, doc
        for number in range(self._followers_done(doc, stored)):
            written = doc.further[number]
            if self.followers[number]._is_new(written, stored):
                yield self.followers[number], written

    def _stored(
        self, collection: Collection[Doc], keys: Mapping[str, Written], session: ClientSession, *, origins: bool
    ) -> dict[str, Doc]:
        key = self.document.KEY
        # With _id, by which the server finds a document fastest when it updates it.
        looked_at = ("facets", "deprecated", "made_by", *self.document.GROUP_FIELDS, *self.remembered)
        projection = {key: 1, **dict.fromkeys(looked_at, 1), **({"origins": 1} if origins else {})}
        current = collection.find({key: {"$in": list(keys)}}, projection, session=session, batch_size=len(keys) + 1)
        return {doc[key]: doc for doc in current}

    def deprecate(self, database: Database[Doc], reasons: Mapping[str, str], session: ClientSession) -> Counts:
        """Mark documents as no longer current, each with its reason; those already marked stay as they are.

        A document that other stages make too stays current, as theirs. A facet that is not the creator's can't
        deprecate a document; its own fields are removed instead.
        """
        counts = Counts()
        collection = database[self.document.collection_name()]
        key = self.document.KEY
        criteria: Doc = {key: {"$in": list(reasons)}, f"facets.{self.facet}": {"$exists": True}}
        if self.creates:
            criteria["deprecated"] = False
        current = collection.find(criteria, {key: 1, "facets": 1, "made_by": 1}, session=session).to_list()
        if not current:
            return counts
        self._look_up_number(database)
        parts = self.document.PARTS if self.creates else {}
        rev = revisions.take(database, collection.name, len(current), session, [self.facet, *parts])
        now = utc_now()
        operations = []
        for i, doc in enumerate(current):
            facets = dict(doc["facets"])
            if others := self.other_makers(doc):
                note = {**facets[self.facet], "rev": rev + i}
                changes: Doc = {
                    "$set": {
                        "made_by": others,
                        **system_fields(facets, {self.facet: note}, rev + i, self.run_id, now),
                    },
                }
            elif self.creates:
                note = self.note(as_number(text_hash(f"deprecated: {reasons[doc[key]]}")), rev + i, now)
                note |= {name: value for name, value in facets[self.facet].items() if name == LEFT}
                notes = {self.facet: note, **{part: {"rev": rev + i} for part in parts}}
                changes = {
                    "$set": {"deprecated": True, **system_fields(facets, notes, rev + i, self.run_id, now)},
                    "$push": {"deprecation_reasons": reasons[doc[key]]},
                }
            else:
                facets.pop(self.facet)
                changes = {
                    "$set": {
                        "content_hash": combined(facets),
                        "rev": rev + i,
                        "run_id": self.run_id,
                        "updated_at": now,
                    },
                    "$unset": {f"facets.{self.facet}": "", **dict.fromkeys(self.owned, "")},
                }
            operations.append(UpdateOne({"_id": doc["_id"]}, changes))
        collection.bulk_write(operations, session=session, ordered=True)
        counts.deprecated += len(operations)
        return counts

    @property
    def remembered(self) -> tuple[str, ...]:
        """Fields whose earlier values are kept, and the version they are of."""
        remembered = self.document.REMEMBERED
        return (*remembered, "source_version") if self.creates and remembered else ()

    def _is_current(self, stored: Doc, doc: Written) -> bool:
        note = stored["facets"].get(self.facet)
        revived = self.creates and stored["deprecated"]
        if note is None or revived:
            return False
        if self.shares and self.stage not in makers(stored, note):
            return False
        return bool(note["hash"] == doc.hash) or self.is_anothers(stored)

    def is_anothers(self, stored: Doc) -> bool:
        """Whether the content is that of another stage which still makes the document."""
        note = stored["facets"].get(self.facet)
        if not self.shares or note is None or stored["deprecated"]:
            return False
        return note["stage"] != self.stage and note["stage"] in makers(stored, note)

    def other_makers(self, stored: Doc) -> list[str]:
        """Other stages that make a document."""
        if not self.shares:
            return []
        return [maker for maker in makers(stored, stored["facets"][self.facet]) if maker != self.stage]

    def _look_up_number(self, database: Database[Doc]) -> None:
        # Outside of the transaction, which may be rolled back and tried again: a number without documents does no harm.
        if self.run_id not in self.numbers:
            number = number_of(database, self.stage, self.fingerprint, self.run_id, self.version)
            self.numbers[self.run_id] = number

    def note(self, digest: int, rev: int, now: datetime | None, group: str | None = None) -> Doc:
        """Note of the facet in a document.

        Parameters
        ----------
        digest
            Hash of the content.
        rev
            Revision at which it changes.
        now
            When; None: as the document is made.
        group
            The group it was made from, of a stage that notes it.
        """
        note: Doc = {"rev": rev, "hash": digest, "by": self.numbers[self.run_id]}
        if self.creates:  # by which others ask for what a stage has made
            note["stage"] = self.stage
        if now is not None:
            note["at"] = now
        if group is not None:
            note["group"] = group
        return note


def _is_file(origin: Doc) -> bool:
    return origin.get("collection") == "file"


def _places(origins: Sequence[Doc]) -> list[tuple[Any, Any]]:
    return [(origin.get("id"), origin.get("place")) for origin in origins]
