"""What a registry holds, kept in memory: what took long to make is made once and put back for each test."""

from typing import Any

from exfolio.stores.connection import Connection

Snapshot = dict[str, list[dict[str, Any]]]


def take(connection: Connection) -> Snapshot:
    """Read every document."""
    database = connection.database
    return {name: list(database[name].find()) for name in database.list_collection_names()}


def put_back(connection: Connection, snapshot: Snapshot) -> None:
    """Fill an empty registry of the same schema with what was there."""
    for name, docs in snapshot.items():
        kept = [doc for doc in docs if name != "counters" or doc["_id"] != "schema"]
        if kept:
            connection.database[name].insert_many(kept)
