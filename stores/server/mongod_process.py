"""The mongod process: telling whether it runs, and starting it on a port that is free.

Knows the program's options and its ways of failing; setting up what it serves is for `replica_set`.
"""

from __future__ import annotations

import itertools
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

import psutil
from pydantic import SecretStr

from ..errors import ServerStartFailed
from ..settings import Settings
from . import replica_set, server_log
from .mongod_binary import find_mongod
from .server_home import ServerHome, explained

ATTEMPTS_AT_A_PORT: Final = 5
POLL_SECONDS: Final = 0.05
OPLOG_MB: Final = 512  # enough for any one transaction; the default takes 5 % of the disk
SLOW_QUERY_MS: Final = 1000
# Shares of the cache, in %, that changes may take before they are written out. By default that begins at 5 %, and pages
# of the many indexes, to which each batch adds at random places, are compressed and written over and over: 160,000
# materials with 25 indexes take 465 us of processor time each, 132 us so.
# https://source.wiredtiger.com/develop/tune_cache.html
ENGINE: Final = (
    "eviction_dirty_target=60,eviction_dirty_trigger=80,eviction_updates_target=40,eviction_updates_trigger=60"
)
# Compression by zlib is left out: in older servers it leaks memory to whoever connects (CVE-2025-14847).
COMPRESSORS: Final = "snappy,zstd"


@dataclass(frozen=True, slots=True)
class Server:
    """A running embedded server.

    Attributes
    ----------
    home
        Its folder.
    pid, port
        Its process and its port on 127.0.0.1.
    already_running
        Whether it was found running, not started.
    """

    home: ServerHome
    pid: int
    port: int
    already_running: bool = field(default=True, compare=False)

    def uri(self) -> SecretStr:
        """URI of the exfolio user, password included."""
        return SecretStr(replica_set.uri(self.port, self.home.credentials().user.get_secret_value()))

    def reader_uri(self, database: str, *, seconds: float = 60) -> SecretStr:
        """URI of a user who can only read `database`, password included; the user is made at the first call."""
        with self.home.locked(seconds=seconds):
            credentials = self.home.credentials()
            replica_set.grant_reading(self.port, credentials, database)
        return SecretStr(replica_set.uri(self.port, credentials.reader.get_secret_value(), replica_set.READER))

    def admin_client(self, *, seconds: float = 5) -> replica_set.Client:
        """Client of the admin, who may look into every database; waits for the server up to `seconds`."""
        return replica_set.admin_client(self.port, self.home.credentials().admin, seconds=seconds)

    def grant(self, database: str) -> None:
        """Let the exfolio user use one more database."""
        replica_set.grant(self.port, self.home.credentials(), database)


def find(home: ServerHome) -> Server | None:
    """Mongod that works on the data of `home`, if one does.

    What decides is the process itself: mongod writes its pid beside the data, and the process of that number must
    be one that works on these data. A file left by a crash, or a pid that now belongs to another program, is no server.

    Raises
    ------
    ServerStartFailed
        The folder may not be read.
    """
    with explained(home.data):
        try:
            pid = int((home.data / "mongod.lock").read_text())
        except (FileNotFoundError, NotADirectoryError, ValueError):  # never started, or stopped in order
            return None
    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return None
        options = dict(itertools.pairwise(process.cmdline()))
    except psutil.Error:
        return None
    if options.get("--dbpath") != str(home.data) or "--port" not in options:
        return None
    return Server(home, pid, int(options["--port"]))


def launch(home: ServerHome, settings: Settings) -> Server:
    """Start mongod and wait until it listens.

    Whoever calls this holds the lock of `home` and has found no mongod. There may be one all the same, that has
    not yet written its pid: begun by a process that was killed right after. It is waited for and returned.

    Raises
    ------
    ServerStartFailed
        With the reason and a remedy.
    """
    failure: ServerStartFailed | None = None
    deadline = time.monotonic()
    try:
        _start(home, settings)
    except server_log.DataInUse as error:
        failure, deadline = error, deadline + settings.start_seconds
    except server_log.PortTaken as error:  # perhaps by that one; by now it has written its pid, then
        failure = error
    while (server := find(home)) is None:
        if time.monotonic() > deadline:
            raise failure or _went_away(home)
        time.sleep(POLL_SECONDS)
    home.remember_port(server.port)
    return replace(server, already_running=failure is not None)


def _start(home: ServerHome, settings: Settings) -> None:
    binary = find_mongod(settings.mongod)
    server_log.rotate(home.log)
    for port in _ports(settings.port, home.remembered_port()):
        with suppress(server_log.PortTaken):
            _run(_command(binary, home, settings, port), home, settings.start_seconds)
            return
    if settings.port is None:
        raise server_log.PortTaken("no free port found", "Set EXFOLIO_PORT to a free one.")
    raise server_log.PortTaken(
        f"port {settings.port}, which the settings ask for, is taken by another program or not allowed",
        "Stop that program, set EXFOLIO_PORT to another port, or leave it out for a free one.",
    )


def _ports(fixed: int | None, remembered: int | None) -> Iterator[int]:
    """Yield the ports to try: the one of the settings only, else the remembered one, then free ones."""
    if fixed is not None:
        yield fixed
        return
    if remembered is not None:
        yield remembered
    for _ in range(ATTEMPTS_AT_A_PORT):  # another program may take it between this look and the start
        with socket.socket() as probe:
            probe.bind((replica_set.HOST, 0))
            port = int(probe.getsockname()[1])
        yield port


def _went_away(home: ServerHome) -> ServerStartFailed:
    last = "; ".join(server_log.errors_in(home.log)) or "nothing"
    return ServerStartFailed(f"mongod started and went away again. It says: {last}", f"Its log: {home.log}")


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
        "--wiredTigerEngineConfigString": ENGINE,
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
