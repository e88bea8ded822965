"""What an error of the driver says, in words for people: its own text tells of commands, sessions and sockets.

That text is in the log at level DEBUG.
"""

from __future__ import annotations

import logging
import re
from typing import Final

from pymongo import errors as mongo

logger = logging.getLogger(__name__)

# https://github.com/mongodb/mongo/blob/master/src/mongo/base/error_codes.yml
UNAUTHORIZED: Final = 13
AUTHENTICATION_FAILED: Final = 18
TOOK_TOO_LONG: Final = 50  # MaxTimeMSExpired
OUT_OF_DISK_SPACE: Final = 14031

_OF_SERVER: Final = {
    AUTHENTICATION_FAILED: "user or password is not right",
    TOOK_TOO_LONG: "the answer took longer than it may",
    OUT_OF_DISK_SPACE: "its disk is full",
    136: "what is read was overwritten meanwhile (CappedPositionLost)",
    239: "its history does not reach back to when reading began (SnapshotTooOld)",
    246: "that moment is not to be had any more (SnapshotUnavailable)",
    10334: "a document is larger than MongoDB takes (BSONObjectTooLarge)",
    17280: "a value is longer than an index takes (KeyTooLong)",
}
_OF_CONNECTION: Final = {
    "refused": "connection refused",
    "timed out|no servers|no server": "no answer in time",
    "not known|no address|name resolution|nodename": "no machine has that name",
    "certificate|ssl|tls": "no encrypted connection can be made",
    "primary|no replica set members|not master|notwritableprimary": "no member of its replica set takes writes now",
    "unreachable|no route": "there is no way to that machine",
    "closed|reset|broken pipe|shutdown|interrupted": "the connection was closed",
}
"""By what the driver's text has in it, the first that fits."""
_COMMAND: Final = re.compile(r'execute command \{ (\w+): "?([^",} ]+)')


def in_words(error: mongo.PyMongoError) -> str:
    """What went wrong, in a few words; shows no secret and nothing of the driver's own."""
    logger.debug("the driver says: %s", error)
    if isinstance(error, mongo.OperationFailure):
        return _of_server(error)
    if isinstance(error, mongo.ConnectionFailure):
        text = str(error).partition(", Timeout:")[0].partition(", Topology Description:")[0]
        if isinstance(error, mongo.NetworkTimeout):
            return "no answer in time"
        words = (said for signs, said in _OF_CONNECTION.items() if re.search(signs, text, re.IGNORECASE))
        return next(words, "the connection failed")
    if isinstance(error, mongo.ConfigurationError):  # of what was set, in the driver's words: they name the option
        return str(error).partition(", full error:")[0]
    return type(error).__name__


def _of_server(error: mongo.OperationFailure) -> str:
    details = error.details or {}
    code = error.code
    if isinstance(error, mongo.BulkWriteError) and details.get("writeErrors"):
        code = details["writeErrors"][0].get("code")
    if code == UNAUTHORIZED:
        command = _COMMAND.search(str(error))
        return f"the user may not {command[1]} {command[2]}" if command else "the user may not do that"
    name = details.get("codeName")
    return _OF_SERVER.get(code or 0) or f"error {code}" + (f" ({name})" if name else "")
