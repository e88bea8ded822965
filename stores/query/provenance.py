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
from ..documents.trained_model import SHIPPED
from ..layout import index_models
from ..writer_numbers import of_numbers
from .language.fields import fields_of
from .lookup import StoredDocument
from .patience import patiently

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
        Empty where all is as it was; else "changed since", "deprecated", "no longer stored" or, of a model that no
        registry holds, "comes with the package".
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
        """Plain data for JSON, empty entries left out."""
        plain: Doc = {"collection": self.collection, "id": self.key}
        for name in ("place", "stage", "state", "title", "hidden"):
            if value := getattr(self, name):
                plain[name] = value
        if self.origins:
            plain["origins"] = [origin.as_dict() for origin in self.origins]
        return plain


@patiently
def origins_of(connection: Connection, stored: StoredDocument) -> Origin:
    """Follow the origins of a document back to what has none."""
    root = Origin(stored.collection, stored.key, title=_title(stored.document))
    level = [(root, stored.document)]
    seen = {(stored.collection, stored.key)}
    for _ in range(MAX_STEPS):
        made_from: list[tuple[Origin, Doc]] = []
        for product, document in level:
            stage = _maker_of(product.collection, document)
            listed = _listed(product.collection, document)
            product.hidden = max(0, len(listed) - MAX_ORIGINS)
            for plain in listed[:MAX_ORIGINS]:
                origin = Origin(
                    str(plain.get("collection", "")),
                    str(plain.get("id", "")),
                    place=str(plain.get("place") or ""),
                    stage=stage,
                )
                product.origins.append(origin)
                made_from.append((origin, plain))
        documents = _load(connection, made_from)
        level = []
        for origin, plain in made_from:
            if origin.collection not in BY_COLLECTION:
                continue
            if (origin.collection, origin.key) not in documents:
                origin.state = "comes with the package" if origin.key.startswith(SHIPPED) else "no longer stored"
                continue
            document = documents[origin.collection, origin.key]
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


@patiently
def documents_referring_to(connection: Connection, stored: StoredDocument, *, limit: int = 10) -> dict[str, list[Doc]]:
    """First documents, by collection, that name this one: made from it, about it, or the same as it."""
    referring: dict[str, list[Doc]] = {}
    for collection, document in BY_COLLECTION.items():
        indexed = {model["keys"][0][0] for model in index_models(document) if "partialFilterExpression" not in model}
        names = [name for name in _REFERENCES if name in indexed and name != document.KEY]
        if not names:
            continue
        query = {"$or": [{name: stored.key} for name in names], document.KEY: {"$ne": stored.key}}
        shown = [document.KEY, "formula_reduced", "status", "kind", "method", "value", "unit", "route", "deprecated"]
        projection = {"_id": 0, **dict.fromkeys(shown, 1), **dict.fromkeys(names, 1)}
        documents = list(connection.database[collection].find(query, projection).sort(document.KEY, 1).limit(limit + 1))
        if documents:
            referring[collection] = documents
    return referring


@patiently
def values_of(connection: Connection, stored: StoredDocument) -> list[Doc]:
    """Properties of a structure, or of the structure a candidate is; in the order of their keys."""
    structure_id = stored.document.get("structure_id")
    if stored.collection not in ("structures", "candidates") or not structure_id:
        return []
    query = {"structure_id": structure_id, "deprecated": False}
    hidden = {"_id": 0, "facets": 0, "origins": 0}
    return list(connection.database["properties"].find(query, hidden).sort("property_id", 1).limit(MAX_VALUES))


@patiently
def failures_of(connection: Connection, stored: StoredDocument) -> list[Doc]:
    """Failures on record for a document, or for a group it belongs to."""
    items = [stored.key, *(str(stored.document[name]) for name in _GROUPS if stored.document.get(name))]
    query = {"item": {"$in": sorted(set(items))}}
    return list(connection.database["failures"].find(query, {"_id": 0}).sort("failure_id", 1).limit(50))


@patiently
def quarantine_of(connection: Connection, stored: StoredDocument) -> list[Doc]:
    """Complaints about a document, or about the place in a file it comes from."""
    places = [{"file": stored.collection, "place": stored.key}]
    places += [
        {"file": origin["id"], "place": origin["place"]}
        for origin in _listed(stored.collection, stored.document)[:MAX_ORIGINS]
        if origin.get("collection") == "file" and origin.get("place")
    ]
    return list(connection.database["quarantine"].find({"$or": places}, {"_id": 0}).sort("quarantine_id", 1).limit(50))


def _listed(collection: str, document: Doc) -> list[Doc]:
    kind = BY_COLLECTION.get(collection)
    return (kind.origins_of(document) if kind else document.get("origins")) or []


def _load(connection: Connection, origins: Iterable[tuple[Origin, Doc]]) -> dict[tuple[str, str], Doc]:
    keys: dict[str, set[str]] = {}
    for origin, _ in origins:
        if origin.collection in BY_COLLECTION:
            keys.setdefault(origin.collection, set()).add(origin.key)
    documents = {}
    for collection, names in keys.items():
        key = fields_of(collection).key
        needed = [key, "origins", "content_hash", "deprecated", "formula_reduced", "kind", "value", "unit", "facets"]
        if (named := BY_COLLECTION[collection].ORIGIN_FIELD) is not None:
            needed.append(named[0])
        query = {key: {"$in": sorted(names)}}
        for document in connection.database[collection].find(query, {"_id": 0, **dict.fromkeys(needed, 1)}):
            documents[collection, str(document[key])] = document
    return documents


def _maker_of(collection: str, document: Doc) -> str:
    """Stage whose content a document has; empty where it has no facets."""
    kind = BY_COLLECTION.get(collection)
    note = document.get("facets", {}).get(kind.creating_facet(), {}) if kind else {}
    return str(note.get("stage", ""))


def writers_of(connection: Connection, document: Doc) -> dict[str, Doc]:
    """Who wrote each facet of a document: stage, run_id and when (`at`)."""
    facets: dict[str, Doc] = document.get("facets") or {}
    noted = of_numbers(connection.database, (note["by"] for note in facets.values() if "by" in note))
    return {
        name: {"at": document.get("created_at"), **noted.get(note.get("by", 0), {}), **note}
        for name, note in facets.items()
        if "hash" in note
    }


def _title(document: Doc) -> str:
    if document.get("kind") and document.get("value") is not None:
        return f"{document['kind']} {document['value']:.4g} {document.get('unit', '')}".strip()
    return str(document.get("formula_reduced") or "")
