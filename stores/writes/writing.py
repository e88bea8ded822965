"""Writes a batch of documents into one facet of a collection: only what changed, only the fields it owns.

Runs inside a transaction of the caller, so that documents, failures and the stage's state change together or not
at all.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeGuard

from pymongo import UpdateOne
from pymongo.client_session import ClientSession
from pymongo.collection import Collection
from pymongo.database import Database

from ..bookkeeping import revisions
from ..canonical import as_number, content_hash, text_hash
from ..clock import utc_now
from ..documents import RegistryDocument
from ..documents.base import HISTORY, LABEL, LEFT
from ..schema import SCHEMA_VERSION
from ..writer_numbers import number_of
from . import bulk_replace
from .written import Counts, Followed, Written

Doc = dict[str, Any]
KEPT_CHANGES = 20
"""So many earlier states of a document's remembered values are kept in its history; the oldest go first."""
_64_BITS = (1 << 64) - 1
_ROUNDING = 1e-9  # a value that differs by no more, relatively or in its unit, was rounded and not corrected


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

    def __post_init__(self) -> None:
        owned = self.document.fields_of(self.facet)
        object.__setattr__(self, "owned", owned)
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
        allowed = self.document.said_in(self.facet)
        if not allowed.issuperset(content):
            foreign = content.keys() - allowed
            where = f"facet {self.facet!r} of {self.document.collection_name()}"
            raise ForeignField(f"{self.stage} writes {sorted(foreign)}, which {where} does not own")
        # The hash of an origin is left out: what comes out the same from a changed input has not changed.
        # So is where a file lies. A facet that adds to another's document keeps no origins of its own.
        made_from = (
            [[origin.get("collection"), None if _is_file(origin) else origin.get("id")] for origin in origins]
            if self.creates
            else []
        )
        hashed = {name: value for name, value in content.items() if name not in self.document.UNHASHED}
        digest = as_number(content_hash([hashed, made_from]))
        if LABEL in self.facet and content:
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
                if from_files and _places(before["origins"]) != _places(doc.origins):
                    moved.append(UpdateOne({"_id": before["_id"]}, {"$set": {"origins": doc.origins}}))
            else:
                changed.append(doc)
        if moved:
            collection.bulk_write(moved, session=session, ordered=False)
        if not new and not changed:
            return counts
        if self.followers:  # so that each of them is done with an unbroken stretch of revisions
            changed.sort(key=lambda doc: self._followers_done(doc, stored[doc.key]), reverse=True)
        facets = [self.facet, *(writer.facet for writer in self.followers)]
        for writer in (self, *self.followers):
            writer._look_up_number(database)
        rev = revisions.take(database, collection.name, len(new) + len(changed), session, facets)
        now = utc_now()
        if new:
            inserts = [self._insert(doc, rev + i, now) for i, doc in enumerate(new)]
            collection.insert_many(inserts, session=session, ordered=True)
        if changed:
            first = rev + len(new)
            changes = {
                stored[doc.key]["_id"]: self._changes(doc, stored[doc.key], first + i, now)
                for i, doc in enumerate(changed)
            }
            if len(changes) >= bulk_replace.MANY:
                bulk_replace.put_anew(collection, changes, session)
            else:
                updates = [UpdateOne({"_id": identity}, update) for identity, update in changes.items()]
                collection.bulk_write(updates, session=session, ordered=True)
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

    def _facets(self, doc: Written, stored: Doc | None) -> Iterator[tuple[FacetWriter, Written]]:
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
        looked_at = ("facets", "deprecated", "made_by", *self.document.GROUP_FIELDS, *self._remembered)
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
        rev = revisions.take(database, collection.name, len(current), session, [self.facet])
        now = utc_now()
        operations = []
        for i, doc in enumerate(current):
            facets = dict(doc["facets"])
            if others := self._other_makers(doc):
                note = {**facets[self.facet], "rev": rev + i}
                changes: Doc = {
                    "$set": {"made_by": others, **self._system(facets, {self.facet: note}, rev + i, now)},
                }
            elif self.creates:
                note = self._note(as_number(text_hash(f"deprecated: {reasons[doc[key]]}")), rev + i, now)
                note |= {name: value for name, value in facets[self.facet].items() if name == LEFT}
                changes = {
                    "$set": {"deprecated": True, **self._system(facets, {self.facet: note}, rev + i, now)},
                    "$push": {"deprecation_reasons": reasons[doc[key]]},
                }
            else:
                facets.pop(self.facet)
                changes = {
                    "$set": {
                        "content_hash": _combined(facets),
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

    def made_from(
        self, database: Database[Doc], ids: Iterable[str], session: ClientSession, *, besides: Iterable[str] = ()
    ) -> dict[str, set[str]]:
        """Keys of current documents that this stage made from each of the given origins, `besides` some.

        Parameters
        ----------
        database
            The database.
        ids
            Ids of origins.
        session
            Session to read in.
        besides
            Keys of documents that are left out.
        """
        key = self.document.KEY
        asked = set(ids)
        keys_by_origin: dict[str, set[str]] = {}
        criteria: Doc = {"origins.id": {"$in": list(asked)}, key: {"$nin": list(besides)}}
        mine: Doc = {f"facets.{self.facet}.stage": self.stage}
        criteria |= {"$or": [mine, {"made_by": self.stage}]} if self.shares else mine
        if self.creates:
            criteria["deprecated"] = False
        collection = database[self.document.collection_name()]
        for doc in collection.find(criteria, {"_id": 0, key: 1, "origins.id": 1}, session=session):
            for origin in doc["origins"]:
                if origin.get("id") in asked:
                    keys_by_origin.setdefault(origin["id"], set()).add(doc[key])
        return keys_by_origin

    def made_of_no(self, database: Database[Doc], kind: str, session: ClientSession) -> list[str]:
        """Keys of current documents whose content this stage made, with no origin of a kind among theirs.

        Parameters
        ----------
        database
            The database.
        kind
            Collection of the origins, or ``group``.
        session
            Session to read in.
        """
        key = self.document.KEY
        mine: Doc = {
            f"facets.{self.facet}.stage": self.stage,
            "origins": {"$not": {"$elemMatch": {"collection": kind}}},
        }
        if self.creates:
            mine["deprecated"] = False
        collection = database[self.document.collection_name()]
        return [doc[key] for doc in collection.find(mine, {"_id": 0, key: 1}, session=session)]

    @property
    def _remembered(self) -> tuple[str, ...]:
        remembered = self.document.REMEMBERED
        return (*remembered, "source_version") if self.creates and remembered else ()

    def _is_current(self, stored: Doc, doc: Written) -> bool:
        note = stored["facets"].get(self.facet)
        revived = self.creates and stored["deprecated"]
        if note is None or revived:
            return False
        if self.shares and self.stage not in _makers(stored, note):
            return False
        return bool(note["hash"] == doc.hash) or self._is_anothers(stored)

    def _is_anothers(self, stored: Doc) -> bool:
        """Whether the content is that of another stage which still makes the document."""
        note = stored["facets"].get(self.facet)
        if not self.shares or note is None or stored["deprecated"]:
            return False
        return note["stage"] != self.stage and note["stage"] in _makers(stored, note)

    def _other_makers(self, stored: Doc) -> list[str]:
        if not self.shares:
            return []
        return [maker for maker in _makers(stored, stored["facets"][self.facet]) if maker != self.stage]

    def _left_groups(self, stored: Doc, content: Doc, rev: int) -> Doc:
        """Groups that a document has been in and is not any more, for its facet's note."""
        before = (stored["facets"].get(self.facet) or {}).get(LEFT, {})
        left: Doc = {}
        for name in self.group_fields:
            groups = dict(before.get(name, ()))
            if (group := stored.get(name)) is not None and group != content.get(name):
                groups[group] = rev
            if groups:
                left[name] = [[group, groups[group]] for group in sorted(groups)]
        return {LEFT: left} if left else {}

    def _look_up_number(self, database: Database[Doc]) -> None:
        # Outside of the transaction, which may be rolled back and tried again: a number without documents does no harm.
        if self.run_id not in self.numbers:
            number = number_of(database, self.stage, self.fingerprint, self.run_id, self.version)
            self.numbers[self.run_id] = number

    def _note(self, digest: int, rev: int, now: datetime | None, group: str | None = None) -> Doc:
        note: Doc = {"rev": rev, "hash": digest, "by": self.numbers[self.run_id]}
        if self.creates:  # by which others ask for what a stage has made
            note["stage"] = self.stage
        if now is not None:
            note["at"] = now
        if group is not None:
            note["group"] = group
        return note

    def _system(self, stored: Doc, notes: Doc, rev: int, now: datetime) -> Doc:
        same = all(facet in stored and stored[facet]["hash"] == note["hash"] for facet, note in notes.items())
        return {
            **{f"facets.{facet}": note for facet, note in notes.items()},
            **({} if same else {"content_hash": _combined({**stored, **notes})}),
            "rev": rev,
            "run_id": self.run_id,
            "updated_at": now,
        }

    def _insert(self, doc: Written, rev: int, now: datetime) -> Doc:
        content: Doc = {self.document.KEY: doc.key}
        notes = {}
        for writer, written in self._facets(doc, None):
            for path, value in written.content.items():
                field, _, label = path.partition(".")  # of a labelled facet only
                if label:
                    content.setdefault(field, {})[label] = value
                else:
                    content[field] = value
            notes[writer.facet] = writer._note(written.hash, rev, None, written.group)  # as the document was made
        return {
            **content,
            "schema_version": SCHEMA_VERSION,
            "rev": rev,
            "content_hash": _combined(notes),
            "run_id": self.run_id,
            "created_at": now,
            "updated_at": now,
            "origins": doc.origins,
            **({"made_by": [self.stage]} if self.shares else {}),
            "deprecated": False,
            "facets": notes,
        }

    def _changes(self, doc: Written, stored: Doc, rev: int, now: datetime) -> Doc:
        changes: Doc = {}
        gone: Doc = {}
        notes: Doc = {}
        for writer, written in self._facets(doc, stored):
            if writer is self and self._is_anothers(stored):  # only joins those that make it
                notes[self.facet] = {**stored["facets"][self.facet], "rev": rev}
                continue
            changes |= written.content
            gone |= dict.fromkeys(writer.owned - written.content.keys(), "")
            if writer is self and self.creates and stored["deprecated"]:
                gone["deprecation_reasons"] = ""  # they were reasons for what it is no more
            left = writer._left_groups(stored, written.content, rev)
            notes[writer.facet] = {**writer._note(written.hash, rev, now, written.group), **left}
        if self.creates and not self._is_anothers(stored):
            changes |= {"origins": doc.origins, "deprecated": False, "schema_version": SCHEMA_VERSION}
        if self.shares:
            changes["made_by"] = sorted({self.stage, *([] if stored["deprecated"] else self._other_makers(stored))})
        changes |= self._system(stored["facets"], notes, rev, now)
        update: Doc = {"$set": changes, "$unset": gone} if gone else {"$set": changes}
        if earlier := self._superseded(doc, stored, now):
            update["$push"] = {HISTORY: {"$each": [earlier], "$slice": -KEPT_CHANGES}}
        return update

    def _superseded(self, doc: Written, stored: Doc, now: datetime) -> Doc | None:
        if not self._remembered or self.facet not in stored["facets"] or self._is_anothers(stored):
            return None
        fields = self.document.REMEMBERED
        values = {name: stored.get(name) for name in fields if not _same(stored.get(name), doc.content.get(name))}
        if not values:
            return None
        earlier = {"values": values, "source_version": stored.get("source_version"), "replaced_at": now}
        return earlier | {"replaced_by": doc.content.get("source_version")}


def _is_file(origin: Doc) -> bool:
    return origin.get("collection") == "file"


def _places(origins: Sequence[Doc]) -> list[tuple[Any, Any]]:
    return [(origin.get("id"), origin.get("place")) for origin in origins]


def _makers(stored: Doc, note: Doc) -> list[str]:
    return stored.get("made_by") or [note["stage"]]


def _same(earlier: Any, later: Any) -> bool:
    if isinstance(earlier, float) and isinstance(later, float):
        return math.isclose(earlier, later, rel_tol=_ROUNDING, abs_tol=_ROUNDING)
    return bool(earlier == later)


def _combined(facets: Mapping[str, Doc]) -> str:
    """Hash of all content, as 16 hexadecimal digits."""
    if len(facets) == 1:
        return f"{next(iter(facets.values()))['hash'] & _64_BITS:016x}"
    return text_hash(*(f"{name}={facets[name]['hash']}" for name in sorted(facets)))[:16]
