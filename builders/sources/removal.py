"""Removes a source: its documents are deprecated, nothing is deleted of them, and no refresh reads it again.

What a later ingestion brings is current again. A part of a source that shares records with another leaves them to it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from typing import Final

from ...stores.bookkeeping import runs, stage_states
from ...stores.bookkeeping.leases import Lease
from ...stores.bookkeeping.runs import StageReport
from ...stores.connection import Connection
from ...stores.documents import Calculation, Material, ReferenceEntry, RegistryDocument
from ...stores.transactions import in_transaction
from ...stores.writing import FacetWriter
from ..engine.version import VERSION
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
    report = StageReport(f"source remove {name}")
    with ExitStack() as held:
        seconds = connection.settings.lease_seconds
        leases = [held.enter_context(Lease(connection, f"stage {part.stage}", seconds=seconds)) for part in parts]
        run_id = runs.begin(connection, report.stage, version=VERSION)
        try:
            for document, keys in to_deprecate(connection, parts).items():
                report.deprecated += _deprecate(connection, document, keys, leases, parts[0].stage, run_id)
            for lease in leases:
                lease.check()
            _forget(connection, {name, *(part.name for part in parts)}, [part.stage for part in parts])
        except BaseException as error:
            runs.end(connection, run_id, "failed", error=f"{type(error).__name__}: {error}")
            raise
        runs.note_stage(connection, run_id, report)
        runs.end(connection, run_id, "succeeded")
    return report


def _deprecate(
    connection: Connection,
    document: type[RegistryDocument],
    keys: Sequence[str],
    leases: Sequence[Lease],
    stage: str,
    run_id: str,
) -> int:
    fingerprint = str(stage_states.read(connection, stage).get("fingerprint", ""))
    writer = FacetWriter(document, document.creating_facet(), stage, fingerprint, run_id)
    size = connection.settings.batch_size
    number = 0
    for start in range(0, len(keys), size):
        for lease in leases:
            lease.check()
        reasons: Mapping[str, str] = dict.fromkeys(keys[start : start + size], REASON)
        work = partial(writer.deprecate, connection.database, reasons)
        number += in_transaction(connection, work, session=leases[0].session).deprecated
    return number


def _forget(connection: Connection, names: Iterable[str], stages: Sequence[str]) -> None:
    database = connection.database
    database["scheduled_jobs"].delete_many({"job": {"$in": [f"source {name}" for name in names]}})
    for collection in (*TRACES, "stage_states"):  # the state last: as long as it is there, the source can be removed
        database[collection].delete_many({"stage": {"$in": list(stages)}})
