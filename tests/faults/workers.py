"""Kinds of faults that hit the workers of a refresh: processes of this machine, and those of a Dask cluster."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import psutil
from ground import Ground, Tally

_SUPPORT: Final = Path(__file__).parents[1] / "support"
_APART: Final = (0.1, 0.8)
"""s of CPU of the refresh between two faults."""
_WORKERS: Final = 3


def kill_workers(ground: Ground, number: int, chance: random.Random, tally: Tally, _: float) -> None:
    """SIGKILL of worker processes of this machine, several in each refresh."""

    def workers(process: subprocess.Popen[str]) -> list[psutil.Process]:
        servers = psutil.Process(process.pid).children()
        return [worker for server in servers for worker in server.children()]

    while tally.faults < number:
        ground.clear()
        process = ground.start("refresh", *ground.campaigns, "-n", "2")
        _kill(ground, process, workers, number, chance, tally)
        ground.finish(tally)


def kill_dask(ground: Ground, number: int, chance: random.Random, tally: Tally, _: float) -> None:
    """SIGKILL of workers of Dask, which its nannies start again."""

    def workers(_: subprocess.Popen[str]) -> list[psutil.Process]:
        return [worker for nanny in nannies() for worker in nanny.children()]

    with _cluster(ground.folder) as (address, nannies):
        while tally.faults < number:
            ground.clear()
            process = ground.start("refresh", *ground.campaigns, "--dask", address)
            _kill(ground, process, workers, number, chance, tally)
            ground.finish(tally)


def _kill(
    ground: Ground,
    process: subprocess.Popen[str],
    workers: Callable[[subprocess.Popen[str]], list[psutil.Process]],
    number: int,
    chance: random.Random,
    tally: Tally,
) -> None:
    used = chance.uniform(*_APART)
    while tally.faults < number and ground.until(process, used):
        used += chance.uniform(*_APART)
        try:
            there = [worker for worker in workers(process) if _computes(worker)]
            if there:
                chance.choice(there).kill()
                tally.faults += 1
        except psutil.Error:  # it ended meanwhile
            continue
    ground.note_end(tally, process)


def _computes(process: psutil.Process) -> bool:
    """Whether it is a worker, not what keeps book of their resources, and lives."""
    said = " ".join(process.cmdline())
    return "spawn_main" in said or "forkserver" in said


@contextmanager
def _cluster(folder: Path) -> Iterator[tuple[str, Callable[[], list[psutil.Process]]]]:
    file = folder / "scheduler.json"
    file.unlink(missing_ok=True)
    more = os.pathsep.join((str(_SUPPORT), *filter(None, [os.environ.get("PYTHONPATH")])))
    quiet: dict[str, Any] = {
        "env": os.environ | {"PYTHONPATH": more, "DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "3"},
        "stdout": subprocess.DEVNULL,
        "stderr": subprocess.DEVNULL,
    }
    options = ["--scheduler-file", str(file), "--no-dashboard"]
    module = [sys.executable, "-m", "distributed.cli.dask_scheduler"]
    scheduler = subprocess.Popen([*module, "--host", "127.0.0.1", "--port", "0", *options], **quiet)
    module[-1] = "distributed.cli.dask_worker"
    worker = [*module, "--nthreads", "1", "--local-directory", str(folder), *options]
    # Each has a process of its own as its nanny.
    started = [subprocess.Popen(worker, **quiet) for _ in range(_WORKERS)]
    try:
        while not file.exists():
            time.sleep(0.2)
        yield json.loads(file.read_text())["address"], lambda: [psutil.Process(one.pid) for one in started]
    finally:
        for one in (*started, scheduler):
            one.terminate()
        for one in (*started, scheduler):
            one.wait()
