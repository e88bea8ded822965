"""The mongod process: telling whether it runs, and starting it on a port that is free.

Knows the program's options and its ways of failing; nothing of replica sets, users or databases.
"""

from __future__ import annotations

import itertools
import os
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

from ..errors import ServerStartFailed
from ..settings import Settings
from . import replica_set, server_log
from .mongod_binary import find_mongod
from .server_home import ServerHome, explained

ATTEMPTS_AT_A_PORT: Final = 5
POLL_SECONDS: Final = 0.05
OPLOG_MB: Final = 512  # enough for any one transaction; the default takes 5 % of the disk
SLOW_QUERY_MS: Final = 1000
# Compression by zlib is left out: in older servers it leaks memory to whoever connects (CVE-2025-14847).
COMPRESSORS: Final = "snappy,zstd"


@dataclass(frozen=True, slots=True)
class MongodProcess:
    """A running mongod: process, port on 127.0.0.1, when it began (seconds since 1970), and its program."""

    pid: int
    port: int
    started_at: float
    binary: Path


def find(home: ServerHome) -> MongodProcess | None:
    """Give the mongod that works on the data of `home`, if one does.

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
        arguments = process.cmdline()
        started_at = process.create_time()
    except psutil.Error:
        return None
    options = dict(itertools.pairwise(arguments))
    if options.get("--dbpath") != str(home.data) or "--port" not in options:
        return None
    return MongodProcess(pid, int(options["--port"]), started_at, Path(arguments[0]))


def launch(home: ServerHome, settings: Settings) -> MongodProcess:
    """Start mongod and wait until it listens.

    Whoever calls this holds the lock of `home` and has found no mongod. There may be one all the same, that has
    not yet written its pid: begun by a process that was killed right after. It is waited for and given.

    Raises
    ------
    ServerStartFailed
        With the reason and a remedy.
    """
    failure: ServerStartFailed
    try:
        return _launch(home, settings)
    except server_log.DataInUse as error:
        failure, deadline = error, time.monotonic() + settings.start_seconds
    except server_log.PortTaken as error:  # perhaps by that one; by now it has written its pid, then
        failure, deadline = error, time.monotonic()
    while True:
        if process := find(home):
            return process
        if time.monotonic() > deadline:
            raise failure
        time.sleep(POLL_SECONDS)


def _launch(home: ServerHome, settings: Settings) -> MongodProcess:
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
        process = find(home)
        if process is None:
            last = "; ".join(server_log.errors_in(home.log)) or "nothing"
            raise ServerStartFailed(f"mongod started and went away again. It says: {last}", f"Its log: {home.log}")
        home.remember_port(port)
        return process
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


def _port_error(port: int) -> server_log.PortTaken:
    return server_log.PortTaken(
        f"port {port}, which the settings ask for, is taken by another program or not allowed",
        "Stop that program, set EXFOLIO_PORT to another port, or leave it out for a free one.",
    )
