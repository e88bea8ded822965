"""What a registry holds, without when, by which run and in which order it was written: for comparing two of them."""

from typing import Any

from exfolio.stores.connection import Connection
from exfolio.stores.documents import REGISTRY, RegistryDocument

Doc = dict[str, Any]
Contents = dict[str, dict[str, Doc]]
"""By collection and key."""
_BOOKKEEPING = {"_id", "rev", "run_id", "schema_version", "created_at", "updated_at"}
_OF_THE_PAST = {"history", "deprecation_reasons", "content_hash"}  # a verdict's hash is one of its history too


def current(connection: Connection) -> Contents:
    """Documents that are not deprecated, by collection and key, with the names of their facets."""
    found: Contents = {}
    for document in REGISTRY:
        name = document.collection_name()
        docs = connection.database[name].find({"deprecated": False})
        found[name] = {doc[document.KEY]: _content(doc, document) for doc in docs}
    return found


def _content(doc: Doc, document: type[RegistryDocument]) -> Doc:
    kept = {name: value for name, value in doc.items() if name not in _BOOKKEEPING | _OF_THE_PAST | document.UNHASHED}
    # What comes out the same of a changed input, or by a newer stage, is not written again: neither are its origins.
    kept["origins"] = [(origin.get("collection"), origin.get("id")) for origin in document.origins_of(doc)]
    return {**kept, "facets": sorted(doc["facets"])}


def differences(one: Contents, other: Contents) -> list[str]:
    """Where two contents differ, in words short enough for the message of a failed test."""
    found = []
    for name in one:
        for key in sorted(one[name].keys() | other[name].keys()):
            left, right = one[name].get(key), other[name].get(key)
            if left is None or right is None:
                found.append(f"{name} {key}: only in the {'first' if right is None else 'second'}")
                continue
            fields = sorted(field for field in left.keys() | right.keys() if left.get(field) != right.get(field))
            found += [f"{name} {key}: {field}: {left.get(field)!r} != {right.get(field)!r}"[:300] for field in fields]
    return found


def empty(connection: Connection) -> None:
    """Take everything out of a registry but its schema."""
    for name in _filled(connection):
        connection.database[name].delete_many({"_id": {"$ne": "schema"}} if name == "counters" else {})


def _filled(connection: Connection) -> list[str]:
    # One question for all of them: most of the twenty are empty after most tests.
    first, *others = connection.database.list_collection_names()
    looks = {name: [{"$limit": 1}, {"$project": {"_id": 0, "name": {"$literal": name}}}] for name in (first, *others)}
    unions = [{"$unionWith": {"coll": name, "pipeline": looks[name]}} for name in others]
    return [doc["name"] for doc in connection.database[first].aggregate([*looks[first], *unions])]
