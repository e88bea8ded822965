"""Bad input, kept apart with file, place and reason until it is mended."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from pymongo import UpdateOne
from pymongo.client_session import ClientSession

from ..canonical import text_hash
from ..clock import utc_now
from ..connection import Connection

Doc = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Refused:
    """A piece of input that can't be used; `key` is the id of the document it would have been, where that is known."""

    file: str
    place: str
    reason: str
    remedy: str = ""
    key: str = ""


def put(connection: Connection, stage: str, refused: Sequence[Refused], *, run_id: str, session: ClientSession) -> None:
    """Note refused input in the caller's transaction; the same complaint again changes nothing.

    Parameters
    ----------
    connection
        The database.
    stage
        Stage that refuses it.
    refused
        The pieces of input.
    run_id
        Run that met them.
    session
        Session of the transaction.
    """
    if not refused:
        return
    now = utc_now()
    operations = []
    for item in refused:
        identity = text_hash(stage, item.file, item.place)
        changes = {"reason": item.reason, "remedy": item.remedy, "run_id": run_id}
        fixed = {"stage": stage, "file": item.file, "place": item.place, "first_seen_at": now}
        update: Doc = {"$set": changes, "$setOnInsert": fixed}
        if item.key:
            changes["key"] = item.key
        else:
            update["$unset"] = {"key": ""}
        operations.append(UpdateOne({"quarantine_id": identity}, update, upsert=True))
    connection.database["quarantine"].bulk_write(operations, session=session, ordered=False)


def release(connection: Connection, stage: str, file: str, places: Iterable[str], *, session: ClientSession) -> None:
    """Forget complaints about places that are fine now, in the caller's transaction.

    Parameters
    ----------
    connection
        The database.
    stage
        Stage that complained.
    file
        File, or collection, the places are in.
    places
        Lines, rows, blocks or ids.
    session
        Session of the transaction.
    """
    ids = [text_hash(stage, file, place) for place in places]
    if ids:
        connection.database["quarantine"].delete_many({"quarantine_id": {"$in": ids}}, session=session)


def release_starting(connection: Connection, stage: str, beginning: str, session: ClientSession) -> None:
    """Forget a stage's complaints about places whose name begins so, in the caller's transaction.

    Parameters
    ----------
    connection
        The database.
    stage
        Stage that complained.
    beginning
        First letters of the names.
    session
        Session of the transaction.
    """
    place = {"$regex": f"^{re.escape(beginning)}"}
    connection.database["quarantine"].delete_many({"stage": stage, "place": place}, session=session)
