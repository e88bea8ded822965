"""Finds a document by its id, in whichever collection it lies, and knows what a person may have meant."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from typing import Any, Final

from ..connection import Connection
from .language.fields import ALL_DOCUMENTS, fields_of
from .language.query_errors import NoSuchDocument
from .language.spelling import notations
from .patience import patiently
from .search import require_initialised

Doc = dict[str, Any]

_LOOKED_INTO: Final = tuple(name for name in ALL_DOCUMENTS if name not in ("stage_states", "leases"))
_NEAR: Final = 8
_SHORTENED: Final = 40  # letters left off an id in search of one like it
_MAX_LENGTH: Final = 1024
_OF_SOURCES: Final = ("materials", "reference_entries")


@dataclass(frozen=True, slots=True)
class StoredDocument:
    """A document and where it lies."""

    collection: str
    key: str
    document: Doc


@patiently
def find_document(connection: Connection, name: str, *, collection: str | None = None) -> StoredDocument:
    """Find the document of an id, or of the beginning of one where no other begins so.

    Parameters
    ----------
    connection
        The database.
    name
        Id of a document of any collection, or its first letters.
    collection
        Look only there.

    Raises
    ------
    NoSuchDocument
        None is found, or several; says which are near.
    """
    require_initialised(connection)
    if not name or len(name) > _MAX_LENGTH or "\0" in name or not name.isprintable():
        raise NoSuchDocument(f"{name[:60]!r} is no id", "An id looks like 2dmatpedia:2dm-3594; see: exfolio query")
    if collection is not None:
        fields_of(collection)
    collections = (collection,) if collection else _LOOKED_INTO
    exact = _exact(connection, collections, name)
    if len(exact) == 1:
        return exact[0]
    if exact:
        places = " and ".join(stored.collection for stored in exact)
        raise NoSuchDocument(f"{name} is in {places}", f"Say which: --collection {exact[0].collection}")
    if len(of_sources := _in_a_source(connection, collections, name)) == 1:
        return of_sources[0]
    if of_sources:
        listed = "\n".join(f"  {stored.key}  ({stored.collection})" for stored in of_sources[:_NEAR])
        raise NoSuchDocument(f"several sources have {name!r}:\n{listed}", "Write the one you mean, with its source.")
    begin_so = beginning_with(connection, name, collections)
    shortest = min((key for _, key in begin_so), key=len, default="")
    if all(key == shortest or key.startswith(f"{shortest}/") for _, key in begin_so):  # a structure and its properties
        begin_so = [(place, key) for place, key in begin_so if key == shortest]
    if len(begin_so) == 1 and (stored := _exact(connection, (begin_so[0][0],), begin_so[0][1])):
        return stored[0]
    if begin_so:
        listed = "\n".join(f"  {key}  ({place})" for place, key in begin_so[:_NEAR])
        more = "\n  …" if len(begin_so) > _NEAR else ""
        raise NoSuchDocument(f"several ids begin with {name!r}:\n{listed}{more}", "Write more of the one you mean.")
    raise NoSuchDocument(f"there is no document {name!r}", _advice(connection, collections, name))


def _exact(connection: Connection, collections: tuple[str, ...], key: str) -> list[StoredDocument]:
    """Documents with this key, of all collections by one question: a page asks several things about a document."""

    def of(collection: str) -> list[Doc]:
        match = {"$match": {fields_of(collection).key: key}}
        return [match, {"$limit": 1}, {"$unset": "_id"}, {"$replaceWith": {"in": collection, "document": "$$ROOT"}}]

    first, *others = collections
    unions = [{"$unionWith": {"coll": other, "pipeline": of(other)}} for other in others]
    found = connection.database[first].aggregate([*of(first), *unions])
    return [StoredDocument(stored["in"], key, stored["document"]) for stored in found]


def _in_a_source(connection: Connection, collections: tuple[str, ...], name: str) -> list[StoredDocument]:
    """Documents that have this id in their source: mp-149 for materials-project:mp-149, in either notation of its."""
    source, colon, own = name.rpartition(":")
    found = []
    for collection in collections:
        if collection not in _OF_SOURCES:
            continue
        key = fields_of(collection).key
        sources = [source] if colon else sorted(connection.database[collection].distinct("source"))
        keys = [f"{place}:{spelling}" for place in sources for spelling in notations(own)]
        documents = connection.database[collection].find({key: {"$in": keys}}, {"_id": 0}).sort(key, 1)
        found += [StoredDocument(collection, str(document[key]), document) for document in documents]
    return found


def beginning_with(
    connection: Connection, start: str, collections: tuple[str, ...] = _LOOKED_INTO
) -> list[tuple[str, str]]:
    """Find keys that begin so, by their index, with their collections; a few of each collection."""
    keys = []
    for collection in collections:
        key = fields_of(collection).key
        query = {key: {"$regex": f"^{re.escape(start)}"}}
        documents = connection.database[collection].find(query, {"_id": 0, key: 1}).sort(key, 1).limit(_NEAR + 1)
        keys += [(collection, str(document[key])) for document in documents]
    return keys


def _advice(connection: Connection, collections: tuple[str, ...], name: str) -> str:
    for length in range(len(name) - 1, max(1, len(name) - _SHORTENED), -1):  # what shares the longest beginning
        if near := beginning_with(connection, name[:length], collections):
            keys = [key for _, key in near]
            best = difflib.get_close_matches(name, keys, n=3, cutoff=0.3) or keys[:3]
            return f"Near it: {', '.join(best)}"
    return "Ids are listed by: exfolio query materials, exfolio query structures, exfolio query candidates"
