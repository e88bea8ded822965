"""One run of a job at a time: a lease with heartbeat, takeover and a token that fences off a late owner.

Expiry is judged by the server's clock. An owner on this machine whose process is gone is replaced at once.
"""

from __future__ import annotations

import logging
import os
import secrets
import socket
import threading
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psutil
from bson import Binary
from pymongo import ReturnDocument
from pymongo.client_session import ClientSession
from pymongo.errors import DuplicateKeyError, PyMongoError

from ..connection import Connection
from ..driver_errors import in_words
from ..errors import CannotRunError, LeaseHeld

Doc = dict[str, Any]
logger = logging.getLogger(__name__)
_NOBODY = ""


class LeaseLost(CannotRunError):
    """Another run has taken over, because this one was silent for too long; what it had not written is not written."""

    def __init__(self, job: str) -> None:
        super().__init__(f"{job} was taken over by another run", "Nothing is lost: that run goes on with the work.")
        self.job = job

    def __reduce__(self) -> tuple[Any, ...]:
        return LeaseLost, (self.job,)


class Lease:
    """Holds a job for as long as its block lasts, renewing itself from a thread of its own.

    Parameters
    ----------
    connection
        The database.
    job
        Name of the job.
    seconds
        A lease that is not renewed for so long may be taken over.
    session
        Session to run transactions in, where it is that of another lease of the same run; one of its own without.

    Attributes
    ----------
    session
        The session to run transactions in: whoever takes over from a dead owner ends it.
    token
        Grows with every owner.

    Raises
    ------
    LeaseHeld
        On entry, where another run holds the job; says who and until when.
    """

    def __init__(
        self, connection: Connection, job: str, *, seconds: float, session: ClientSession | None = None
    ) -> None:
        self.connection = connection
        self.job = job
        self.seconds = seconds
        self.owner = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
        self.token = 0
        self.session = session or connection.client.start_session()
        self._own_session = session is None
        self._stop = threading.Event()
        self._lost = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def lost(self) -> bool:
        """Whether another owner has taken over."""
        return self._lost.is_set()

    def acquire(self) -> Self:
        """Take the lease and begin to renew it.

        Raises
        ------
        LeaseHeld
            Another owner has it, and lives.
        """
        leases = self.connection.database["leases"]
        with suppress(DuplicateKeyError):  # somebody else makes it at the same time
            leases.update_one({"job": self.job}, {"$setOnInsert": {"owner": _NOBODY, "token": 0}}, upsert=True)
        other = leases.find_one({"job": self.job}) or {}
        held = self._try(leases)
        if held is None and is_dead(other.get("process")):
            held = self._try(leases, instead_of=other)
        if held is None:
            raise LeaseHeld(
                f"{self.job} is being run by {other.get('owner') or 'another program'}",
                f"Wait until it ends; a run that died is replaced {self.seconds:.0f} s after its last sign of life.",
            )
        self.token = int(held["token"])
        self._end_transaction_of(other)
        self._thread = threading.Thread(target=self._renew_until_stopped, name=f"lease {self.job}", daemon=True)
        self._thread.start()
        return self

    def release(self) -> None:
        """Release the lease; one that was lost is left to its new owner."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout=10)
            self._thread = None
        try:
            self.connection.database["leases"].update_one(
                {"job": self.job, "owner": self.owner},
                {"$set": {"owner": _NOBODY}, "$unset": {"process": "", "session": ""}},
            )
        except PyMongoError as error:
            logger.warning("the lease of %s could not be given back and will expire: %s", self.job, in_words(error))
        if self._own_session:
            self.session.end_session()

    def __enter__(self) -> Self:
        return self.acquire()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()

    def check(self) -> None:
        """Make sure that the lease is still held.

        Raises
        ------
        LeaseLost
            Another owner has taken over.
        """
        if self.lost:
            raise LeaseLost(self.job)

    def _try(self, leases: Any, instead_of: Doc | None = None) -> Doc | None:
        free: Doc = {"$or": [{"owner": _NOBODY}, {"$expr": {"$lt": ["$expires_at", "$$NOW"]}}]}
        if instead_of is not None:
            free = {"owner": instead_of["owner"], "token": instead_of["token"]}
        taken: Doc | None = leases.find_one_and_update(
            {"job": self.job, **free},
            [
                {
                    "$set": {
                        "owner": self.owner,
                        "process": _this_process(),
                        "session": self.session.session_id["id"],
                        "token": {"$add": ["$token", 1]},
                        "expires_at": {"$add": ["$$NOW", int(self.seconds * 1000)]},
                    }
                }
            ],
            return_document=ReturnDocument.AFTER,
        )
        return taken

    def _end_transaction_of(self, other: Doc) -> None:
        # The transaction of a process that died would keep its documents locked until the server's limit (60 s).
        if other.get("session") is None or other.get("owner") == self.owner:
            return
        try:
            self.connection.client.admin.command({"killSessions": [{"id": Binary.from_uuid(other["session"])}]})
        except PyMongoError as error:
            logger.debug("the session of %s could not be ended: %s", other.get("owner"), error)

    def _renew_until_stopped(self) -> None:
        while not self._stop.wait(self.seconds / 3):
            try:
                renewed = self.connection.database["leases"].update_one(
                    {"job": self.job, "owner": self.owner, "token": self.token},
                    [{"$set": {"expires_at": {"$add": ["$$NOW", int(self.seconds * 1000)]}}}],
                )
            except PyMongoError as error:
                logger.warning("the lease of %s could not be renewed, trying again: %s", self.job, in_words(error))
                continue
            if renewed.matched_count == 0:
                self._lost.set()
                return


def _machine() -> str:
    # Two containers may share a host name and process ids; the boot and the pid namespace tell them apart.
    boot, namespace = Path("/proc/sys/kernel/random/boot_id"), Path("/proc/self/ns/pid")
    known = [boot.read_text().strip(), str(namespace.stat().st_ino)] if boot.exists() and namespace.exists() else []
    return "/".join([socket.gethostname(), *known])


def _this_process() -> Doc:
    return {"machine": _machine(), "pid": os.getpid(), "started": psutil.Process().create_time()}


def is_dead(process: Doc | None) -> bool:
    """Whether the process of a lease ran on this machine and is gone; of other machines nothing is known."""
    if not process or process.get("machine") != _machine():
        return False
    try:
        other = psutil.Process(process["pid"])
        return abs(other.create_time() - process["started"]) > 1 or other.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
    except psutil.AccessDenied:
        return False
