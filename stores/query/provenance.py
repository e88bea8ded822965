"""Where a document comes from, step by step back to the files, what was made from it, and what went wrong with it.

Every step is looked up for all its documents at once, and only by indexed fields, so that a large registry answers as
soon as a small one.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from ..connection import Connection
from ..documents import BY_COLLECTION
from ..schema import index_models
from .fields import fields_of
from .lookup import Found

Doc = dict[str, Any]

MAX_STEPS: Final = 12
MAX_ORIGINS: Final = 20
"""Origins of one document that are followed; a hull may have thousands."""
MAX_VALUES: Final = 200
_REFERENCES: Final = (
    "origins.id",
    "structure_id",
    "parent_id",
    "material_id",
    "same_as",
    "known_as",
    "duplicate_of",
)
_GROUPS: Final = ("chemsys", "formula_reduced", "structure_id", "material_id", "parent_id")
"""Fields after which stages group documents: a failure of the group concerns its members."""


@dataclass(slots=True)
class Origin:
    """Something a document was made from, with its own origins.

    Attributes
    ----------
    collection
        Collection, ``file`` or ``group``.
    key
        Key of the document, path of the file, or name of the group.
    place
        Line, row or block, for a file.
    stage
        Stage that made the document from it.
    state
        Empty where all is as it was; else "changed since", "deprecated" or "no longer stored".
    hidden
        How many further origins of it are not followed.
    """

    collection: str
    key: str
    place: str = ""
    stage: str = ""
    state: str = ""
    title: str = ""
    origins: list[Origin] = field(default_factory=list)
    hidden: int = 0

    def as_dict(self) -> Doc:
        """Give it as plain data, empty entries left out."""
        plain: Doc = {"collection": self.collection, "id": self.key}
        for name in ("place", "stage", "state", "title", "hidden"):
            if value := getattr(self, name):
                plain[name] = value
        if self.origins:
            plain["origins"] = [origin.as_dict() for origin in self.origins]
        return plain


def origins_of(connection: Connection, found: Found) -> Origin:
    """Follow the origins of a document back to what has none."""
    root = Origin(found.collection, found.key, title=_title(found.document))
    level = [(root, found.document)]
    seen = {(found.collection, found.key)}
    for _ in range(MAX_STEPS):
        made_from: list[tuple[Origin, Doc]] = []
        for made, document in level:
            listed = document.get("origins") or []
            made.hidden = max(0, len(listed) - MAX_ORIGINS)
            for plain in listed[:MAX_ORIGINS]:
                origin = Origin(
                    str(plain.get("collection", "")),
                    str(plain.get("id", "")),
                    place=str(plain.get("place") or ""),
                    stage=str(plain.get("stage") or ""),
                )
                made.origins.append(origin)
                made_from.append((origin, plain))
        stored = _load(connection, made_from)
        level = []
        for origin, plain in made_from:
            if origin.collection not in BY_COLLECTION:
                continue
            if (origin.collection, origin.key) not in stored:
                origin.state = "no longer stored"
                continue
            document = stored[origin.collection, origin.key]
            origin.title = _title(document)
            if document.get("deprecated"):
                origin.state = "deprecated"
            elif plain.get("hash") and plain["hash"] != document["content_hash"]:
                origin.state = "changed since"
            if (origin.collection, origin.key) not in seen:  # what is there already is not told twice
                seen.add((origin.collection, origin.key))
                level.append((origin, document))
        if not level:
            break
    return root


def documents_referring_to(connection: Connection, found: Found, *, limit: int = 10) -> dict[str, list[Doc]]:
    """Give, by collection, the first documents that name this one: made from it, about it, or the same as it."""
    referring: dict[str, list[Doc]] = {}
    for collection, document in BY_COLLECTION.items():
        indexed = {model["keys"][0][0] for model in index_models(document)}
        names = [name for name in _REFERENCES if name in indexed and name != document.KEY]
        if not names:
            continue
        query = {"$or": [{name: found.key} for name in names], document.KEY: {"$ne": found.key}}
        wanted = [document.KEY, "formula_reduced", "status", "kind", "method", "value", "unit", "route", "deprecated"]
        projection = {"_id": 0, **dict.fromkeys(wanted, 1), **dict.fromkeys(names, 1)}
        documents = list(connection.database[collection].find(query, projection).sort(document.KEY, 1).limit(limit + 1))
        if documents:
            referring[collection] = documents
    return referring


def values_of(connection: Connection, found: Found) -> list[Doc]:
    """Give the properties of a structure, or of the structure a candidate is; in the order of their keys."""
    structure_id = found.document.get("structure_id")
    if found.collection not in ("structures", "candidates") or not structure_id:
        return []
    query = {"structure_id": structure_id, "deprecated": False}
    hidden = {"_id": 0, "facets": 0, "origins": 0}
    return list(connection.database["properties"].find(query, hidden).sort("property_id", 1).limit(MAX_VALUES))


def failures_of(connection: Connection, found: Found) -> list[Doc]:
    """Give the failures on record for a document, or for a group it belongs to."""
    items = [found.key, *(str(found.document[name]) for name in _GROUPS if found.document.get(name))]
    query = {"item": {"$in": sorted(set(items))}}
    return list(connection.database["failures"].find(query, {"_id": 0}).sort("failure_id", 1).limit(50))


def quarantine_of(connection: Connection, found: Found) -> list[Doc]:
    """Give the complaints about a document, or about the place in a file it comes from."""
    places = [{"file": found.collection, "place": found.key}]
    places += [
        {"file": origin["id"], "place": origin["place"]}
        for origin in (found.document.get("origins") or [])[:MAX_ORIGINS]
        if origin.get("collection") == "file" and origin.get("place")
    ]
    return list(connection.database["quarantine"].find({"$or": places}, {"_id": 0}).sort("quarantine_id", 1).limit(50))


def _load(connection: Connection, wanted: Iterable[tuple[Origin, Doc]]) -> dict[tuple[str, str], Doc]:
    keys: dict[str, set[str]] = {}
    for origin, _ in wanted:
        if origin.collection in BY_COLLECTION:
            keys.setdefault(origin.collection, set()).add(origin.key)
    stored = {}
    for collection, names in keys.items():
        key = fields_of(collection).key
        needed = [key, "origins", "content_hash", "deprecated", "formula_reduced", "kind", "value", "unit"]
        query = {key: {"$in": sorted(names)}}
        for document in connection.database[collection].find(query, {"_id": 0, **dict.fromkeys(needed, 1)}):
            stored[collection, str(document[key])] = document
    return stored


def _title(document: Doc) -> str:
    if document.get("kind") and document.get("value") is not None:
        return f"{document['kind']} {document['value']:.4g} {document.get('unit', '')}".strip()
    return str(document.get("formula_reduced") or "")
