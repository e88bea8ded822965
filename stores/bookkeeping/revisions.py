"""Revisions: every change of a collection has a number, and numbers become visible in their order.

A block of numbers is taken inside the transaction that writes the documents. The counter stays locked until that
transaction ends, so a later block can't become visible before an earlier one: a reader that has seen revision n has
seen everything up to n, whatever the clocks and however late a writer is. Beside it stands, facet by facet, the last
revision at which anything of that facet changed, so that a reader of one facet sees at once that nothing is due.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pymongo import ReturnDocument
from pymongo.client_session import ClientSession
from pymongo.database import Database

_NOT_COUNTERS = ("schema",)


def channel(collection: str, facet: str) -> str:
    """Name under which the revisions of one facet of a collection are counted and remembered.

    Examples
    --------
    >>> channel("materials", "record")
    'materials:record'
    """
    return f"{collection}:{facet}"


def current(database: Database[dict[str, Any]], collection: str) -> int:
    """Newest revision of a collection, 0 where nothing was written yet."""
    counter = database["counters"].find_one({"_id": collection})
    return int(counter["rev"]) if counter else 0


def last_changes(database: Database[dict[str, Any]], collections: Iterable[str] | None = None) -> dict[str, int]:
    """Last revision at which each facet changed, by channel; and of each collection, by its name alone.

    A facet that is not listed has not changed since facets are counted one by one: ask for its collection then.

    Parameters
    ----------
    collections
        Names; all of them without.
    """
    query: dict[str, Any] = {"_id": {"$nin": list(_NOT_COUNTERS)} if collections is None else {"$in": [*collections]}}
    changes: dict[str, int] = {}
    for counter in database["counters"].find(query):
        if "rev" in counter:
            changes[counter["_id"]] = int(counter["rev"])
            changes |= {channel(counter["_id"], name): int(rev) for name, rev in counter.get("facets", {}).items()}
    return changes


def take(
    database: Database[dict[str, Any]], collection: str, count: int, session: ClientSession, facets: Iterable[str] = ()
) -> int:
    """Take a block of `count` revisions inside the transaction of `session`; returns the first of them.

    Parameters
    ----------
    database
        The database.
    collection
        Name of the collection.
    count
        How many.
    session
        Session of the transaction.
    facets
        What of the collection changes in them.
    """
    changes = {f"facets.{facet}": "$rev" for facet in facets}
    counter: dict[str, Any] = database["counters"].find_one_and_update(  # type: ignore[assignment]  # upserted
        {"_id": collection},
        [{"$set": {"rev": {"$add": [{"$ifNull": ["$rev", 0]}, count]}}}, *([{"$set": changes}] if changes else [])],
        upsert=True,
        return_document=ReturnDocument.AFTER,
        session=session,
    )
    return int(counter["rev"]) - count + 1
