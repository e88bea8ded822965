"""Kinds of faults: each does harm to refreshes so many times, lets the next finish, and notes what came of it."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import psutil
from exfolio.stores.server import embedded
from ground import LEASE_SECONDS, Ground, Tally
from other_servers import Members, Proxy
from two_campaigns import rows, write_rows
from workers import kill_dask, kill_workers

Harm = Callable[[Ground, int, random.Random, Tally, float], None]
FROZEN: Final = LEASE_SECONDS + 3  # s, for which a lease holder is stopped


def kill_refresh(ground: Ground, number: int, chance: random.Random, tally: Tally, _: float) -> None:
    """SIGKILL, again and again, until one gets through; then from empty."""
    ground.clear()
    while tally.faults < number:
        process = ground.refresh()
        if ground.until(process, chance.uniform(0.1, 1) * ground.seconds):
            process.kill()
            tally.faults += 1
            ground.note_end(tally, process)
            if tally.faults % 3 and tally.faults < number:
                continue
        else:
            ground.note_end(tally, process)
        ground.finish(tally)
        ground.clear()


def kill_mongod(ground: Ground, number: int, chance: random.Random, tally: Tally, _: float) -> None:
    """SIGKILL of the embedded server under a refresh; the next starts it again."""
    ground.clear()
    while tally.faults < number:
        process = ground.refresh()
        if ground.until(process, chance.uniform(0.25, 1) * ground.seconds):
            server = embedded.find_running(ground.settings)
            assert server is not None
            psutil.Process(server.pid).kill()
            tally.faults += 1
            if tally.faults % 2 and tally.faults < number:
                ground.note_end(tally, process)
                continue
        ground.note_end(tally, process)
        ground.finish(tally)
        ground.clear()


def primary(ground: Ground, number: int, chance: random.Random, tally: Tally, _: float) -> None:
    """SIGKILL of the primary of a set of three; it comes back later."""
    with Members(ground.folder / "members", 3) as members:
        own = members.ground(ground)
        while tally.faults < number:
            own.clear()
            process = own.refresh()
            if own.until(process, chance.uniform(0.3, 0.95) * ground.seconds):
                gone = members.kill_primary()
                tally.faults += 1
                own.note_end(tally, process)
                members.start(gone)
            else:
                own.note_end(tally, process)
            own.finish(tally)


def cut(ground: Ground, number: int, chance: random.Random, tally: Tally, seconds: float) -> None:
    """All connections of the refresh to its server cut, and none let through for a while."""
    server = embedded.find_running(ground.settings)
    assert server is not None
    uri = server.uri().get_secret_value()
    with Proxy(server.port) as proxy:
        through = uri.replace(f":{server.port}/", f":{proxy.port}/")
        through += "" if "directConnection" in uri else ("&" if "?" in uri else "?") + "directConnection=true"
        while tally.faults < number:
            ground.clear()
            process = ground.refresh(MONGO_URI=through)
            if ground.until(process, chance.uniform(0.3, 0.95) * ground.seconds):
                proxy.cut(seconds)
                tally.faults += 1
            ground.note_end(tally, process)
            proxy.wait()
            ground.finish(tally)


def full_disk(ground: Ground, number: int, chance: random.Random, tally: Tally, _: float) -> None:
    """The disk of the server's data, a tmpfs, is filled by something else; later there is space again."""
    disk = ground.folder / "disk"
    disk.mkdir(exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=600m", "exfolio-faults", str(disk)], check=True)
    own = Ground(ground.folder / "full", HOME=disk / "home", MINIMUM_FREE_MB=50)
    own.campaigns, own.undisturbed, own.seconds = ground.campaigns, ground.undisturbed, ground.seconds
    try:
        while tally.faults < number:
            own.clear()
            process = own.refresh()
            if own.until(process, chance.uniform(0.3, 0.9) * ground.seconds):
                _fill(disk / "filler")
                tally.faults += 1
            own.note_end(tally, process)
            if tally.faults % 2:
                own.note_end(tally, own.refresh())  # still full
            (disk / "filler").unlink(missing_ok=True)
            own.finish(tally)
    finally:
        own.stop()
        subprocess.run(["umount", "-l", str(disk)], check=True)


def clock_back(ground: Ground, number: int, chance: random.Random, tally: Tally, _: float) -> None:
    """A refresh is killed, and its clock is an hour behind when the next goes on (libfaketime)."""
    if shutil.which("faketime") is None:
        tally.wrong.append("there is no faketime here")
        return
    while tally.faults < number:
        ground.clear()
        process = ground.refresh()
        if ground.until(process, chance.uniform(0.3, 0.95) * ground.seconds):
            process.kill()
        process.communicate()
        behind = ground.refresh(wrapper=("faketime", "-f", "-1h"))
        tally.faults += 1
        ground.note_end(tally, behind)
        ground.finish(tally)


def freeze(ground: Ground, number: int, chance: random.Random, tally: Tally, _: float) -> None:
    """SIGSTOP of a refresh, that another one takes over; the first wakes up while that works, or later."""
    while tally.faults < number:
        ground.clear()
        first = ground.refresh()
        if ground.until(first, chance.uniform(0.3, 0.9) * ground.seconds) and _holds_a_lease(ground, first):
            os.kill(first.pid, signal.SIGSTOP)
            tally.faults += 1
            early = ground.refresh()
            ground.note_end(tally, early)  # refused, or already taking over
            time.sleep(FROZEN)
            second = ground.refresh()
            if tally.faults % 2:
                ground.until(second, 0.6 * ground.seconds)
            else:
                ground.note_end(tally, second)
            os.kill(first.pid, signal.SIGCONT)
            if tally.faults % 2:
                ground.note_end(tally, second)
        ground.note_end(tally, first)
        ground.finish(tally)


def schedulers(ground: Ground, number: int, chance: random.Random, tally: Tally, _: float) -> None:
    """Two schedulers; the one that leads is killed or frozen, the other takes over."""
    often = {"SCHEDULE__REFRESH": "*/2 * * * * *", "SCHEDULE__JITTER_SECONDS": 0, "SCHEDULE__BACKOFF_FIRST_SECONDS": 1}
    ground.finish(tally)
    with ground.connect() as connection:
        source = Path(ground.folder / "lab.jsonl")
        lines = source.read_text()
        leases = connection.database["leases"]
        for _i in range(number):
            source.write_text(lines)
            both = [ground.start("schedule", "-n", "1", **often) for _ in range(2)]
            try:
                leader = _leader(leases, both)
                write_rows(source, [{**row, "band_gap": 1.25} for row in rows()])  # so that there is something to do
                time.sleep(chance.uniform(0.5, 6))
                stopped = chance.random() < 0.5
                os.kill(leader.pid, signal.SIGSTOP if stopped else signal.SIGKILL)
                tally.faults += 1
                [other] = [one for one in both if one is not leader]
                successor = _leader(leases, [other])
                source.write_text(lines)
                if stopped:
                    os.kill(leader.pid, signal.SIGCONT)
                _wait_for_rest(connection, source)
                ground.note_end(tally, leader)
                successor.terminate()
                ground.note_end(tally, successor)
            finally:
                for one in both:
                    one.kill()
            ground.finish(tally)


def first_commands(ground: Ground, number: int, _: random.Random, tally: Tally, __: float) -> None:
    """So many first commands at once, where there is no server and no database yet."""
    own = Ground(ground.folder / "first")
    own.campaigns, own.undisturbed = ground.campaigns, ground.undisturbed
    source = str(ground.folder / "lab.jsonl")
    try:
        processes = [
            own.start("ingest", source, "--source", "lab") if i % 2 else own.start("db", "init") for i in range(number)
        ]
        tally.faults = number
        for process in processes:
            own.note_end(tally, process)
        own.finish(tally)
    finally:
        own.stop()


def _holds_a_lease(ground: Ground, process: subprocess.Popen[str]) -> bool:
    with ground.connect() as connection:
        owner = {"owner": {"$regex": f":{process.pid}:"}}
        while process.poll() is None:
            if connection.database["leases"].find_one(owner):
                return process.poll() is None
            time.sleep(0.01)
    return False


def _leader(leases: object, processes: list[subprocess.Popen[str]]) -> subprocess.Popen[str]:
    pids = {f":{process.pid}:": process for process in processes}
    until = time.monotonic() + 90
    while time.monotonic() < until:
        lease = leases.find_one({"job": "schedule"}) or {}  # type: ignore[attr-defined]
        for sign, process in pids.items():
            if sign in lease.get("owner", ""):
                return process
        time.sleep(0.2)
    raise TimeoutError("no scheduler leads")


def _wait_for_rest(connection: object, source: Path) -> None:
    until = time.monotonic() + 90
    changed = source.stat().st_mtime
    runs = connection.database["runs"]  # type: ignore[attr-defined]
    while time.monotonic() < until:
        last = runs.find_one({"state": "succeeded", "ended_at": {"$ne": None}}, sort=[("ended_at", -1)])
        if last and last["started_at"].timestamp() > changed:
            return
        time.sleep(0.5)


def _fill(filler: Path) -> None:
    with filler.open("wb") as stream:
        while True:
            try:
                stream.write(b"\0" * (1 << 20))
                stream.flush()
            except OSError:
                return


KINDS: Final[dict[str, tuple[Harm, int]]] = {
    "kill-refresh": (kill_refresh, 6),
    "kill-workers": (kill_workers, 3),
    "kill-dask": (kill_dask, 3),
    "kill-mongod": (kill_mongod, 2),
    "primary": (primary, 1),
    "cut": (cut, 1),
    "full-disk": (full_disk, 1),
    "clock-back": (clock_back, 1),
    "freeze": (freeze, 2),
    "schedulers": (schedulers, 2),
    "first-commands": (first_commands, 20),
}
"""By name, with how often it comes where nobody says."""
