"""Whether a job has room on disk, asked before it begins: where it writes files, and where the server keeps its data.

Knows figures only; what a job takes at least says whoever begins it.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Final

from .connection import Connection
from .errors import CannotRunError

MEGABYTE: Final = 1e6


def require_room(what: str, needed: float, into: Path) -> None:
    """See that a folder, there or yet to be made, has room.

    Parameters
    ----------
    what
        What is to be written, as ``a backup``.
    needed
        Bytes that it takes at least.
    into
        The folder.

    Raises
    ------
    CannotRunError
        It has not.
    """
    place = next((path for path in (into.absolute(), *into.absolute().parents) if path.exists()), Path("/"))
    free = shutil.disk_usage(place).free
    if free < needed:
        raise CannotRunError(
            f"{what} takes about {needed / MEGABYTE:,.0f} MB, and {into} has {free / MEGABYTE:,.0f} MB free",
            "Free some space, or choose another folder.",
        )


def require_room_in_database(connection: Connection, what: str, needed: float = 0) -> None:
    """See that the disk of the server has room, and that what the settings want free stays free.

    Parameters
    ----------
    connection
        The registry.
    what
        What is to be run, as ``a refresh``.
    needed
        Bytes that it adds at least.

    Raises
    ------
    CannotRunError
        It has not.
    """
    free = _free(connection)
    if free is None:
        return
    spare = connection.settings.minimum_free_mb * MEGABYTE
    if free < needed + spare:
        adds = f"{what} adds about {needed / MEGABYTE:,.0f} MB, and {spare / MEGABYTE:,.0f} MB have to stay free"
        raise CannotRunError(
            f"{adds}; the disk of {connection.describe()} has {free / MEGABYTE:,.0f} MB free",
            "Free some space there. What has to stay free is EXFOLIO_MINIMUM_FREE_MB.",
        )


def _free(connection: Connection) -> float | None:
    """Free bytes where the data are; None where nobody says, as a server of others or one without the database."""
    if connection.origin == "embedded":
        return shutil.disk_usage(connection.settings.home).free
    disk = connection.database.command("dbStats")
    return float(disk["fsTotalSize"] - disk["fsUsedSize"]) if disk.get("fsTotalSize") else None
