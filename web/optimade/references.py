"""What the registry's materials were taken from, as OPTIMADE's references."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...builders.sources.registered import registered_sources
from ...stores.connection import Connection

Doc = dict[str, Any]


def sources_as_references(connection: Connection) -> Sequence[Doc]:
    """Every source that current materials name: its name, licence and when it was read last."""
    told = {source.name: source for source in registered_sources(connection)}
    current = connection.database["materials"].distinct("source", {"deprecated": False})
    entries = []
    for name in sorted(current):
        source = told.get(name)
        entries.append(
            {
                "id": name,
                "type": "references",
                "title": f"{name}, {source.kind}" if source else name,
                "note": source.licence or None if source else None,
                "last_modified": source.ingested_at if source else None,
            }
        )
    return entries
