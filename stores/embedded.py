"""The embedded server: a mongod of one's own that is started when needed, outlives the command, and is stopped.

Linux and macOS. It listens on this machine only, asks for a password, and is a replica set of one, for transactions.
"""

from __future__ import annotations

import itertools
import os
import signal
import socket
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import psutil
from pydantic import SecretStr
from pymongo import errors as mongo

from . import replica_set, server_log
from .errors import ServerStartFailed
from .mongod_binary import find_mongod
from .server_home import ServerHome, explained
from .settings import Settings

ATTEMPTS_AT_A_PORT: Final = 5
OPLOG_MB: Final = 512  # enough for any one transaction; the default takes 5 % of the disk
SLOW_QUERY_MS: Final = 1000
# Compression by zlib is left out: in older servers it leaks memory to whoever connects (CVE-2025-14847).
COMPRESSORS: Final = "snappy,zstd"


@dataclass(frozen=True, slots=True)
class Server:
    """A running embedded server.

    Attributes
    ----------
    pid, port
        Its process and its port on 127.0.0.1.
    started_at
        When the process began, seconds since 1970.
    binary
        The program it runs.
    already_running
        Whether `start` found it running.
    """

    home: ServerHome
    pid: int
    port: int
    started_at: float
    binary: Path
    already_running: bool = field(default=True, compare=False)

    def uri(self) -> SecretStr:
        """Give the URI of the exfolio user, password included."""
        password = self.home.credentials().user.get_secret_value()
        return SecretStr(
            f"mongodb://{replica_set.USER}:{password}@{replica_set.HOST}:{self.port}/"
            f"?authSource=admin&replicaSet={replica_set.NAME}"
        )

    def grant(self, database: str) -> None:
        """Let the exfolio user use one more database."""
        replica_set.grant(self.port, self.home.credentials(), database)


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

    def as_dict(self) -> dict[str, Any]:
        """Give plain values for JSON."""
        return {name: _plain(getattr(self, name)) for name in self.__slots__}


def find_running(settings: Settings) -> Server | None:
    """Give the server of this home if it runs.

    What decides is the process itself: mongod writes its pid beside the data, and the process of that number must
    be one that works on these data. A file left by a crash, or a pid that now belongs to another program, is no server.

    Raises
    ------
    ServerStartFailed
        The folder may not be read.
    """
    home = ServerHome.below(settings.home)
    with explained(home.data):
        try:
            pid = int((home.data / "mongod.lock").read_text())
        except (FileNotFoundError, NotADirectoryError, ValueError):  # never started, or stopped in order
            return None
    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return None
        arguments = process.cmdline()
        started_at = process.create_time()
    except psutil.Error:
        return None
    options = dict(itertools.pairwise(arguments))
    if options.get("--dbpath") != str(home.data) or "--port" not in options:
        return None
    return Server(home, pid, int(options["--port"]), started_at, Path(arguments[0]))


def start(settings: Settings) -> Server:
    """Start the server, or find it running; several processes may call this at the same time.

    Raises
    ------
    ServerStartFailed
        With the reason and a remedy: no mongod, the port taken, the disk full or read-only, data of another version...
    """
    home = ServerHome.below(settings.home)
    home.prepare(minimum_free_mb=0)
    with home.locked(seconds=settings.start_seconds):
        server = find_running(settings)
        if server is None:
            home.prepare(minimum_free_mb=settings.minimum_free_mb)
            home.credentials()
            server = _launch(home, settings)
        replica_set.set_up(server.port, home.credentials(), settings.database, seconds=settings.start_seconds)
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
        uptime_seconds=round(time.time() - server.started_at, 1),
        uri=f"mongodb://{replica_set.USER}:***@{replica_set.HOST}:{server.port}/"
        f"?authSource=admin&replicaSet={replica_set.NAME}",
    )


def why_stopped(settings: Settings) -> str:
    """Give the last errors of a server that stopped by itself, or nothing."""
    if find_running(settings) is not None:
        return ""
    return "; ".join(server_log.errors_in(ServerHome.below(settings.home).log))


def keep_log_short(server: Server, *, longest_bytes: int = server_log.LONGEST_LOG_BYTES) -> None:
    """Put the log aside when it has grown beyond `longest_bytes`, and let the server open a new one."""
    if server_log.rotate(server.home.log, longest_bytes=longest_bytes):
        psutil.Process(server.pid).send_signal(signal.SIGUSR1)


def _version(server: Server) -> str | None:
    try:
        with replica_set.admin_client(server.port, server.home.credentials().admin, seconds=2) as client:
            return str(client.admin.command("buildInfo")["version"])
    except mongo.PyMongoError:  # runs, but does not answer yet: the rest of the status is still worth showing
        return None


def _launch(home: ServerHome, settings: Settings) -> Server:
    binary = find_mongod(settings.mongod)
    server_log.rotate(home.log)
    remembered = home.remembered_port()
    for _ in range(ATTEMPTS_AT_A_PORT):
        port = _port(settings.port, remembered)
        try:
            _run(_command(binary, home, settings, port), home, settings.start_seconds)
        except server_log.PortTaken:
            if settings.port is not None:
                raise _port_error(settings.port) from None
            remembered = None  # taken between the look and the start
            continue
        server = find_running(settings)
        if server is None:
            last = "; ".join(server_log.errors_in(home.log)) or "nothing"
            raise ServerStartFailed(f"mongod started and went away again. It says: {last}", f"Its log: {home.log}")
        home.remember_port(port)
        return Server(home, server.pid, port, server.started_at, binary, already_running=False)
    raise ServerStartFailed(f"no free port found in {ATTEMPTS_AT_A_PORT} attempts", "Set EXFOLIO_PORT to a free one.")


def _command(binary: Path, home: ServerHome, settings: Settings, port: int) -> list[str]:
    options = {
        "--dbpath": home.data,
        "--port": port,
        "--bind_ip": replica_set.HOST,
        "--replSet": replica_set.NAME,
        "--keyFile": home.key,  # switches authentication on
        "--logpath": home.log,
        "--logRotate": "reopen",
        "--networkMessageCompressors": COMPRESSORS,
        "--wiredTigerCacheSizeGB": settings.cache_gb,
        "--oplogSize": OPLOG_MB,
        "--slowms": SLOW_QUERY_MS,
        "--setParameter": "diagnosticDataCollectionEnabled=false",
    }
    flags = ["--auth", "--nounixsocket", "--logappend", "--quiet", "--fork"]
    return [str(binary), *(str(part) for option in options.items() for part in option), *flags]


def _run(command: list[str], home: ServerHome, seconds: float) -> None:
    # With --fork, mongod returns once it listens, or with the status of its failure; what stays is a daemon in a
    # session of its own, out of reach of Ctrl-C and of the end of this process.
    with explained(home.folder):
        log_start = home.log.stat().st_size if home.log.exists() else 0
        descriptor = os.open(home.output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as output:
            process = subprocess.Popen(  # noqa: S603  the program is the user's own choice
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True, cwd=home.folder
            )
    try:
        exit_code = process.wait(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.kill()  # only the one that waits; the server itself goes on
        process.wait()
        raise ServerStartFailed(
            f"mongod does not listen after {seconds:g} s; it may still be repairing the data after a crash",
            f"Try again later, or raise EXFOLIO_START_SECONDS. Its log: {home.log}",
        ) from None
    if exit_code != 0:
        output_text = home.output.read_text(encoding="utf-8", errors="replace")
        raise server_log.start_failure(home.log, log_start, output_text, exit_code)


def _port(fixed: int | None, remembered: int | None) -> int:
    if fixed is not None:
        if not _is_free(fixed):
            raise _port_error(fixed)
        return fixed
    if remembered is not None and _is_free(remembered):
        return remembered
    with socket.socket() as probe:
        probe.bind((replica_set.HOST, 0))
        return int(probe.getsockname()[1])


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as mongod does: a port just left is free
        try:
            probe.bind((replica_set.HOST, port))
        except OSError:
            return False
    return True


def _port_error(port: int) -> ServerStartFailed:
    return ServerStartFailed(
        f"port {port}, which the settings ask for, is taken by another program or not allowed",
        "Stop that program, set EXFOLIO_PORT to another port, or leave it out for a free one.",
    )


def _plain(value: object) -> object:
    if isinstance(value, Path):
        return str(value)
    return list(value) if isinstance(value, tuple) else value
