"""Revisions: every change of a collection has a number, and numbers become visible in their order.

A block of numbers is taken inside the transaction that writes the documents. The counter stays locked until that
transaction ends, so a later block can't become visible before an earlier one: a reader that has seen revision n has
seen everything up to n, whatever the clocks and however late a writer is.
"""

from __future__ import annotations

from typing import Any

from pymongo import ReturnDocument
from pymongo.client_session import ClientSession
from pymongo.database import Database


def current(database: Database[dict[str, Any]], collection: str) -> int:
    """Give the newest revision of a collection, 0 where nothing was written yet."""
    counter = database["counters"].find_one({"_id": collection})
    return int(counter["rev"]) if counter else 0


def take(database: Database[dict[str, Any]], collection: str, count: int, session: ClientSession) -> int:
    """Take a block of `count` revisions inside the transaction of `session`; gives the first of them."""
    counter: dict[str, Any] = database["counters"].find_one_and_update(  # type: ignore[assignment]  # upserted
        {"_id": collection},
        {"$inc": {"rev": count}},
        upsert=True,
        return_document=ReturnDocument.AFTER,
        session=session,
    )
    return int(counter["rev"]) - count + 1
