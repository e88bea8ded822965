"""The embedded server: a mongod of one's own that is started when needed, outlives the command, and is stopped.

Linux and macOS. It listens on this machine only, asks for a password, and is a replica set of one, for transactions.
"""

from __future__ import annotations

import signal
import time
from dataclasses import dataclass
from pathlib import Path

import psutil
from pymongo import errors as mongo

from ..errors import ServerStartFailed
from ..settings import Settings
from . import mongod_process, replica_set, server_log
from .mongod_process import Server as Server
from .server_home import ServerHome


@dataclass(frozen=True, slots=True)
class Status:
    """What `exfolio db status` shows; fields that only a running server has are None when it is not."""

    running: bool
    home: Path
    log: Path
    size_bytes: int
    pid: int | None = None
    port: int | None = None
    version: str | None = None
    uptime_seconds: float | None = None
    uri: str | None = None
    last_errors: tuple[str, ...] = ()


def find_running(settings: Settings) -> Server | None:
    """Server of this home, if it runs.

    Raises
    ------
    ServerStartFailed
        The folder may not be read.
    """
    return mongod_process.find(ServerHome.below(settings.home))


def start(settings: Settings) -> Server:
    """Start the server, or find it running; several processes may call this at the same time.

    Raises
    ------
    ServerStartFailed
        With the reason and a remedy: no mongod, the port taken, the disk full or read-only, data of another version...
    """
    home = ServerHome.below(settings.home)
    home.prepare()
    with home.locked(seconds=settings.start_seconds):
        server = find_running(settings)
        if server is None:
            home.require_room(settings.minimum_free_mb)
            home.credentials()
            server = mongod_process.launch(home, settings)
        replica_set.set_up(server.port, home.credentials(), settings.database, seconds=settings.start_seconds)
        home.note_set_up(server.pid)
        keep_log_short(server)
    return server


def stop(settings: Settings) -> bool:
    """Stop the server in order and wait until it has; tell whether there was one.

    Raises
    ------
    ServerStartFailed
        It is still there after `settings.start_seconds`.
    """
    home = ServerHome.below(settings.home)
    if find_running(settings) is None:
        return False
    with home.locked(seconds=settings.start_seconds):
        server = find_running(settings)
        if server is None:
            return False
        try:
            process = psutil.Process(server.pid)
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=settings.start_seconds)
        except psutil.NoSuchProcess:
            return True
        except psutil.TimeoutExpired:
            raise ServerStartFailed(
                f"mongod (pid {server.pid}) is still writing after {settings.start_seconds:g} s",
                f"Wait for it; its log: {home.log}",
            ) from None
    return True


def status(settings: Settings) -> Status:
    """Describe the server of this home, running or not.

    Raises
    ------
    ServerStartFailed
        The folder may not be read.
    """
    home = ServerHome.below(settings.home)
    server = find_running(settings)
    if server is None:
        errors = tuple(server_log.errors_in(home.log))
        return Status(running=False, home=home.folder, log=home.log, size_bytes=home.size_bytes(), last_errors=errors)
    return Status(
        running=True,
        home=home.folder,
        log=home.log,
        size_bytes=home.size_bytes(),
        pid=server.pid,
        port=server.port,
        version=_version(server),
        uptime_seconds=_uptime(server),
        uri=replica_set.uri(server.port, "***"),
    )


def why_stopped(settings: Settings) -> str:
    """Last errors of a server that stopped by itself; empty for one that runs, or stopped in order."""
    if find_running(settings) is not None:
        return ""
    return "; ".join(server_log.errors_in(ServerHome.below(settings.home).log))


def keep_log_short(server: Server, *, longest_bytes: int = server_log.LONGEST_LOG_BYTES) -> None:
    """Put the log aside when it has grown beyond `longest_bytes`, and let the server open a new one."""
    if server_log.rotate(server.home.log, longest_bytes=longest_bytes):
        psutil.Process(server.pid).send_signal(signal.SIGUSR1)


def _uptime(server: Server) -> float | None:
    try:
        return round(time.time() - psutil.Process(server.pid).create_time(), 1)
    except psutil.NoSuchProcess:  # went away meanwhile
        return None


def _version(server: Server) -> str | None:
    try:
        with server.admin_client(seconds=2) as client:
            return str(client.admin.command("buildInfo")["version"])
    except mongo.PyMongoError:  # runs, but does not answer yet: the rest of the status is still worth showing
        return None
