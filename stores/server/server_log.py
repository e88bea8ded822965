"""What the embedded server's log says: why it stopped, and keeping the log short.

Reads and renames log files; starts nothing.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
from pathlib import Path
from typing import Any, Final

from ..errors import ServerStartFailed
from .server_home import REMEDIES

LONGEST_LOG_BYTES: Final = 20_000_000
TAIL_BYTES: Final = 100_000
NO_ROOM_BYTES: Final = 1_000_000
RESTARTED: Final = 20698  # id of the line "***** SERVER RESTARTED *****"

# https://www.mongodb.com/docs/manual/reference/exit-codes/
EXIT_CANNOT_LISTEN: Final = 48
EXIT_DATA_OF_ANOTHER_VERSION: Final = 62
OTHER_VERSION_SIGNS: Final = (
    "unsupported WiredTiger",
    "unsupported upgrade or downgrade",
    "UPGRADE PROBLEM",
    "Wrong mongod version",
    "Invalid featureCompatibilityVersion",
)
# Said after every fatal error, whatever it was.
EMPTY_PHRASES: Final = ("Fatal assertion", "***aborting", "Writing fatal message", "Terminating.")


class PortTaken(ServerStartFailed):
    """Another program listens on the port."""


class DataInUse(ServerStartFailed):
    """Another mongod works on the same data."""


def start_failure(log: Path, since: int, output: str, exit_code: int) -> ServerStartFailed:
    """Reason why mongod gave up, and a remedy.

    Parameters
    ----------
    log
        Its log.
    since
        Byte of the log at which it was started.
    output
        What it printed.
    exit_code
        Its exit status.
    """
    said = errors_in(log, since, most=None) or [line for line in output.splitlines() if line.strip()]
    text = " ".join(said)
    last = "; ".join(said[-3:])
    if exit_code == EXIT_CANNOT_LISTEN or "Address already in use" in text:
        return PortTaken("the port is taken by another program", "")
    if "DBPathInUse" in text:
        return DataInUse(
            f"another mongod, not started by exfolio, works on {log.parent / 'data'}",
            "Stop that one, or set EXFOLIO_MONGO_URI to it.",
        )
    # Before the reasons of the file system: WiredTiger reports a wrong version as "Permission denied" too.
    if exit_code == EXIT_DATA_OF_ANOTHER_VERSION or any(sign in text for sign in OTHER_VERSION_SIGNS):
        return ServerStartFailed(
            f"mongod cannot read the database in {log.parent}: another version of MongoDB wrote it. It says: {last}",
            "Set EXFOLIO_MONGOD to a mongod of the version that wrote it, or EXFOLIO_HOME to another folder.",
        )
    if refusal := disk_refusal(text):
        return ServerStartFailed(f"mongod could not start in {log.parent}: {refusal[0]}", refusal[1])
    if shutil.disk_usage(log.parent).free < NO_ROOM_BYTES:  # not even for the log
        return ServerStartFailed(f"{log.parent}: the disk is full", REMEDIES[errno.ENOSPC])
    return ServerStartFailed(
        f"mongod stopped at once with status {exit_code}. It says: {last or 'nothing'}", f"Its log: {log}"
    )


def disk_refusal(text: str) -> tuple[str, str] | None:
    """Refusal of the file system that a message names, and its remedy; None if it names none."""
    named = ((os.strerror(number), remedy) for number, remedy in REMEDIES.items())
    return next((pair for pair in named if pair[0] in text), None)


def errors_in(log: Path, since: int = 0, *, most: int | None = 3) -> list[str]:
    """Last messages of errors and fatal errors logged after byte `since` and since the last start, each once.

    Parameters
    ----------
    log
        The log, which may not be there.
    since
        Byte to begin at.
    most
        How many at most; None for all.
    """
    try:
        with log.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(since, size - TAIL_BYTES))
            lines = file.read().decode("utf-8", "replace").splitlines()
    except FileNotFoundError:
        return []
    messages: dict[str, None] = {}  # each once, in order
    for line in lines:
        try:
            entry = json.loads(line)
        except ValueError:  # cut at the start, or a stack trace
            continue
        if not isinstance(entry, dict):
            continue
        if entry.get("id") == RESTARTED:
            messages.clear()
        elif entry.get("s") in {"E", "F"} and not (message := _message(entry)).startswith(EMPTY_PHRASES):
            messages[message] = None
    return list(messages) if most is None else list(messages)[-most:]


def rotate(log: Path, *, longest_bytes: int = LONGEST_LOG_BYTES) -> bool:
    """Put a long log aside as ``.1``, in place of the one before; true where a running server must now reopen it."""
    if not log.exists() or log.stat().st_size < longest_bytes:
        return False
    log.replace(log.with_name(f"{log.name}.1"))
    return True


def _message(entry: dict[str, Any]) -> str:
    message = str(entry.get("msg", "")).strip()
    attributes = entry.get("attr", {})
    detail = attributes.get("error", "")
    if isinstance(detail, dict):
        detail = detail.get("errmsg", "")
    if isinstance(storage := attributes.get("message"), dict):  # what WiredTiger says, an entry inside the entry
        detail = f"{storage.get('msg', '')} ({storage.get('error_str', '')})"
    return f"{message}: {detail}" if detail else message
