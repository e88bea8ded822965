"""What the embedded server's log says: why it stopped, and keeping the log short.

Reads and renames log files; starts nothing.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, Final

from .errors import ServerStartFailed
from .server_home import REMEDIES

LONGEST_LOG_BYTES: Final = 20_000_000
KEPT_LOGS: Final = 3
TAIL_BYTES: Final = 100_000

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


def start_failure(log: Path, since: int, output: str, exit_code: int) -> ServerStartFailed:
    """Say why mongod gave up, from what it logged after byte `since`, what it printed, and its exit status."""
    said = errors_in(log, since, most=None) or [line for line in output.splitlines() if line.strip()]
    text = " ".join(said)
    last = "; ".join(said[-3:])
    if exit_code == EXIT_CANNOT_LISTEN or "Address already in use" in text:
        return PortTaken("the port is taken by another program", "")
    # Before the reasons of the file system: WiredTiger reports a wrong version as "Permission denied" too.
    if exit_code == EXIT_DATA_OF_ANOTHER_VERSION or any(sign in text for sign in OTHER_VERSION_SIGNS):
        return ServerStartFailed(
            f"mongod cannot read the database in {log.parent}: another version of MongoDB wrote it. It says: {last}",
            "Set EXFOLIO_MONGOD to a mongod of the version that wrote it, or EXFOLIO_HOME to another folder.",
        )
    for number, remedy in REMEDIES.items():
        if os.strerror(number) in text:
            return ServerStartFailed(f"mongod could not start in {log.parent}: {os.strerror(number)}", remedy)
    return ServerStartFailed(
        f"mongod stopped at once with status {exit_code}. It says: {last or 'nothing'}", f"Its log: {log}"
    )


def errors_in(log: Path, since: int = 0, *, most: int | None = 3) -> list[str]:
    """Give the last messages of errors and fatal errors logged after byte `since` (of the last 100 kB), each once.

    Parameters
    ----------
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
    found: dict[str, None] = {}
    for line in lines:
        try:
            entry = json.loads(line)
        except ValueError:  # cut at the start, or a stack trace
            continue
        if isinstance(entry, dict) and entry.get("s") in {"E", "F"}:
            message = _message(entry)
            if not message.startswith(EMPTY_PHRASES):
                found[message] = None
    messages = list(found)
    return messages if most is None else messages[-most:]


def rotate(log: Path, *, longest_bytes: int = LONGEST_LOG_BYTES) -> bool:
    """Put a long log aside as ``.1``, drop the oldest, and tell whether a running server must now reopen its log."""
    if not log.exists() or log.stat().st_size < longest_bytes:
        return False
    for number in range(KEPT_LOGS - 1, 0, -1):
        older = log.with_name(f"{log.name}.{number}")
        if older.exists():
            older.replace(log.with_name(f"{log.name}.{number + 1}"))
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
