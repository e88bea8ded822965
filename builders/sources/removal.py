"""Removes a source: its documents are deprecated, nothing is deleted of them, and no refresh reads it again.

What a later ingestion brings is current again. A part of a source that shares records with another leaves them to it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from ...stores.bookkeeping.runs import StageReport
from ...stores.connection import Connection
from ...stores.documents import Calculation, Material, ReferenceEntry, RegistryDocument
from ..engine.removal_run import removal_run
from .ingestion import TRACES
from .registered import RegisteredSource

REASON: Final = "source removed"
"""Why the documents of a removed source are deprecated."""
_WRITTEN: Final[tuple[type[RegistryDocument], ...]] = (Material, ReferenceEntry, Calculation)


def to_deprecate(connection: Connection, parts: Sequence[RegisteredSource]) -> dict[type[RegistryDocument], list[str]]:
    """Keys of the current documents that no other source would keep, by collection."""
    stages = [part.stage for part in parts]
    pulled = connection.database["source_records"]
    names = pulled.distinct("source", {"stage": {"$in": stages}})
    others = {"source": {"$in": names}, "stage": {"$nin": stages}}
    kept: dict[str, set[str]] = {}
    for record in pulled.find(others, {"_id": 0, "made": 1}):
        for collection, keys in (record.get("made") or {}).items():
            kept.setdefault(collection, set()).update(keys)
    written_by = [*stages, *pulled.distinct("stage", others)]
    result = {}
    for document in _WRITTEN:
        collection = document.collection_name()
        theirs = {f"facets.{document.creating_facet()}.stage": {"$in": written_by}, "deprecated": False}
        current = connection.database[collection].find(theirs, {"_id": 0, document.KEY: 1})
        shared = kept.get(collection, set())
        result[document] = sorted(doc[document.KEY] for doc in current if doc[document.KEY] not in shared)
    return result


def remove(connection: Connection, name: str, parts: Sequence[RegisteredSource]) -> StageReport:
    """Deprecate what a source brought in, then forget the source; killed midway, the same call finishes the work.

    Parameters
    ----------
    connection
        The registry.
    name
        Name of the source, as it was asked for; its line on the schedule goes with it.
    parts
        What is removed, as `parts_of` finds it.

    Raises
    ------
    LeaseHeld
        Another process reads the source.
    """
    leases = [f"stage {part.stage}" for part in parts]
    with removal_run(connection, f"source remove {name}", leases) as run:
        for document, keys in to_deprecate(connection, parts).items():
            run.deprecate(document, keys, stage=parts[0].stage, reason=REASON)
        run.check()
        _forget(connection, {name, *(part.name for part in parts)}, [part.stage for part in parts])
    return run.report


def _forget(connection: Connection, names: Iterable[str], stages: Sequence[str]) -> None:
    database = connection.database
    database["scheduled_jobs"].delete_many({"job": {"$in": [f"source {name}" for name in names]}})
    for collection in (*TRACES, "stage_states"):  # the state last: as long as it is there, the source can be removed
        database[collection].delete_many({"stage": {"$in": list(stages)}})
