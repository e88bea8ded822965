"""Items that could not be processed: tried again with growing waits, then parked for a person.

A failure stands beside the item's value and never replaces it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from pymongo import ReplaceOne
from pymongo.client_session import ClientSession

from ..clock import utc_now
from ..connection import Connection

Doc = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an item could not be processed, and what a person can do."""

    reason: str
    remedy: str = ""


def record(
    connection: Connection, stage: str, failed: Mapping[str, Failure], *, run_id: str, session: ClientSession
) -> None:
    """Note failed items in the caller's transaction; each further attempt in a row waits longer, then is parked.

    Parameters
    ----------
    connection
        The registry.
    stage
        Name of the stage.
    failed
        By key of the item, what went wrong.
    run_id
        The run in which it did.
    session
        The caller's session, in its transaction.
    """
    if not failed:
        return
    settings = connection.settings
    failures = connection.database["failures"]
    ids = {item: f"{stage}/{item}" for item in failed}
    earlier = {doc["item"]: doc for doc in failures.find({"failure_id": {"$in": list(ids.values())}}, session=session)}
    now = utc_now()
    operations = []
    for item, failure in failed.items():
        before = earlier.get(item, {})
        attempts = int(before.get("attempts", 0)) + 1
        wait = min(
            settings.retry_first_seconds * settings.retry_factor ** (attempts - 1), settings.retry_longest_seconds
        )
        parked = attempts >= settings.retry_attempts
        doc = {
            "failure_id": ids[item],
            "stage": stage,
            "item": item,
            "attempts": attempts,
            "last_error": failure.reason,
            "remedy": failure.remedy,
            "first_failed_at": before.get("first_failed_at", now),
            "last_failed_at": now,
            "next_retry_at": now + timedelta(seconds=wait),
            "parked": parked,
            "run_id": run_id,
        }
        operations.append(ReplaceOne({"failure_id": ids[item]}, doc, upsert=True))
    failures.bulk_write(operations, session=session, ordered=False)


def clear(connection: Connection, stage: str, items: Iterable[str], *, session: ClientSession) -> None:
    """Forget the failures of items that went well, in the caller's transaction.

    Parameters
    ----------
    connection
        The registry.
    stage
        Name of the stage.
    items
        Keys of the items.
    session
        The caller's session, in its transaction.
    """
    ids = [f"{stage}/{item}" for item in items]
    if ids:
        connection.database["failures"].delete_many({"failure_id": {"$in": ids}}, session=session)


def due(connection: Connection, stage: str) -> list[str]:
    """Items of a stage whose waiting time is over."""
    waiting = connection.database["failures"].find(
        {"stage": stage, "parked": False, "next_retry_at": {"$lte": utc_now()}}, {"item": 1}
    )
    return [doc["item"] for doc in waiting]


def waiting(connection: Connection, stage: str) -> list[str]:
    """Items of a stage that failed and are not to be tried yet, or not before a person says so."""
    not_yet = {"stage": stage, "$or": [{"parked": True}, {"next_retry_at": {"$gt": utc_now()}}]}
    return [doc["item"] for doc in connection.database["failures"].find(not_yet, {"item": 1})]


def known(connection: Connection, stage: str) -> bool:
    """Whether any failure of a stage is on record."""
    return connection.database["failures"].find_one({"stage": stage}, {"_id": 1}) is not None


def forget_others(connection: Connection, stage: str, beginning: str, run_id: str, session: ClientSession) -> None:
    """Delete failures of items whose key begins so and that this run did not meet, in the caller's transaction."""
    if known(connection, stage):
        items = {"$regex": f"^{re.escape(beginning)}"}
        criteria = {"stage": stage, "item": items, "run_id": {"$ne": run_id}}
        connection.database["failures"].delete_many(criteria, session=session)


def unpark(connection: Connection, *, stage: str | None = None, item: str | None = None) -> int:
    """Make failures due at once, parked ones too, with their attempts counted from anew; gives how many."""
    criteria: Doc = {}
    if stage is not None:
        criteria["stage"] = stage
    if item is not None:
        criteria["item"] = item
    changes = {"$set": {"parked": False, "attempts": 1, "next_retry_at": utc_now()}}
    return int(connection.database["failures"].update_many(criteria, changes).modified_count)
