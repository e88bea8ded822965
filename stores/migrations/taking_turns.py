"""Keeps programs of before away while documents are brought up to date: they would go on writing them in the old form.

New ones refuse a registry of a higher version, so that is noted first; those at work hold a lease, and are waited for.
"""

from __future__ import annotations

import logging
import os
import re
import socket
import time
from typing import Any, Final

from ..connection import Connection
from ..errors import LeaseHeld

Doc = dict[str, Any]
logger = logging.getLogger(__name__)
_IDLE: Final = "schedule"
"""Lease that a scheduler holds all the time; whatever it runs takes another one."""
_LOOKS: Final = 0.5  # s


def wait_for_others(connection: Connection) -> None:
    """Return once no other program is at work, which one that was killed seems to be until its lease expires.

    Raises
    ------
    LeaseHeld
        One still is; says which.
    """
    seconds = connection.settings.lease_seconds + 1  # expired ones are seen late by a look
    until, said = time.monotonic() + seconds, False
    while others := _at_work(connection):
        first = others[0]
        if not said:
            logger.info("bringing the registry up to date waits for %s, run by %s", first["job"], first["owner"])
            said = True
        if time.monotonic() > until:
            raise LeaseHeld(
                f"the registry can't be brought up to date while {first['job']} is being run by {first['owner']}",
                "Wait until it ends, or stop it (Ctrl-C; it will go on from there), and try again.",
            )
        time.sleep(_LOOKS)


def _at_work(connection: Connection) -> list[Doc]:
    own = f"^{re.escape(f'{socket.gethostname()}:{os.getpid()}:')}"
    living: Doc = {"$expr": {"$gt": ["$expires_at", "$$NOW"]}, "job": {"$ne": _IDLE}}
    owners: Doc = {"owner": {"$nin": ["", None], "$not": re.compile(own)}}
    return list(connection.database["leases"].find({**living, **owners}).sort("job", 1))
