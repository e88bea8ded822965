"""Runs work in one MongoDB transaction: all of it is stored, or nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from pymongo.client_session import ClientSession
from pymongo.read_concern import ReadConcern
from pymongo.write_concern import WriteConcern

from .connection import Connection

Result = TypeVar("Result")


def in_transaction(connection: Connection, work: Callable[[ClientSession], Result]) -> Result:
    """Call `work` inside a transaction; it is called again when another writer was in the way.

    Parameters
    ----------
    work
        Takes the session and may be called several times, so it must not change anything but the database.
    """
    with connection.client.start_session() as session:
        return session.with_transaction(
            work, read_concern=ReadConcern("snapshot"), write_concern=WriteConcern("majority")
        )
