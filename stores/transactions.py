"""Runs work in one MongoDB transaction: all of it is stored, or nothing."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from typing import TypeVar

from pymongo.client_session import ClientSession
from pymongo.read_concern import ReadConcern
from pymongo.write_concern import WriteConcern

from .connection import Connection

Result = TypeVar("Result")


def in_transaction(
    connection: Connection, work: Callable[[ClientSession], Result], *, session: ClientSession | None = None
) -> Result:
    """Call `work` inside a transaction; it is called again when another writer was in the way.

    Parameters
    ----------
    connection
        The database.
    work
        Takes the session and may be called several times, so it must not change anything but the database.
    session
        Session to use; one of its own without.
    """
    with nullcontext(session) if session is not None else connection.client.start_session() as used:
        return used.with_transaction(work, read_concern=ReadConcern("snapshot"), write_concern=WriteConcern("majority"))
