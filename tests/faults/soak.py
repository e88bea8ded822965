"""The scheduler, hour after hour, against sources that change, shrink, fail and come back, to see what grows with time.

A refresh every half minute, in a database and a home of its own. A file of structures and an OPTIMADE provider on
loopback, each in another state for every refresh. Every half minute one line: memory, threads and open files of the
scheduler, memory, cursors, sessions, connections and open transactions of the server, held leases, documents. In the
end the median of the second quarter beside that of the last.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Final

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))

import psutil
from exfolio.stores.connection import Connection, connect
from exfolio.stores.server import embedded, replica_set
from exfolio.stores.settings import load_settings
from loopback import Fault
from odd_optimade_server import Misbehaving
from two_campaigns import rows, write_campaigns, write_rows

PROGRAM: Final = "import sys; from exfolio.cli.main import main; main()"
COUNTED: Final = (
    *("memory", "threads", "files", "mongod_memory", "cursors", "sessions", "connections", "transactions"),
    *("leases", "documents", "runs", "failed"),
)
STATES: Final = ("whole", "changed", "less", "much less", "broken", "gone", "whole")


def main() -> None:
    """Print a line every half minute, and what grew."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("folder", type=Path, help="where files and the home are made; must not be there")
    options.add_argument("--minutes", type=float, default=60)
    options.add_argument("--every", type=int, default=30, help="s between two refreshes")
    asked = options.parse_args()
    folder = asked.folder.absolute()
    folder.mkdir(parents=True)
    settings = load_settings(home=folder / "home", cache_gb=0.25)
    with Misbehaving() as provider, connect(settings, autostart=True) as connection:
        campaigns = write_campaigns(folder, {"kind": "optimade", "options": {"url": provider.url, "source": "ref"}})
        own = {
            "HOME": settings.home,
            "SCHEDULE__REFRESH": f"*/{asked.every} * * * * *",
            "SCHEDULE__JITTER_SECONDS": 0,
            "SCHEDULE__BACKOFF_FIRST_SECONDS": 5,
            "SCHEDULE__BACKOFF_LONGEST_SECONDS": 20,
            "WEB_ATTEMPTS": 2,
            "WEB_FIRST_WAIT_SECONDS": 0.1,
            "RETRY_FIRST_SECONDS": 5,
        }
        environment = os.environ | {f"EXFOLIO_{name}": str(value) for name, value in own.items()}
        subprocess.run([sys.executable, "-c", PROGRAM, "refresh", *campaigns, "-n", "1"], env=environment, check=True)
        with (folder / "schedule.log").open("w") as log:
            command = [sys.executable, "-c", PROGRAM, "schedule", "-n", "1"]
            scheduler = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        try:
            lines = _watch(connection, provider, folder, psutil.Process(scheduler.pid), asked.minutes, asked.every)
        finally:
            scheduler.terminate()
            print("the scheduler ended with", scheduler.wait(120))
        _sum_up(lines)
        if embedded.find_running(settings):
            embedded.stop(settings)


def _watch(
    connection: Connection,
    provider: Misbehaving,
    folder: Path,
    scheduler: psutil.Process,
    minutes: float,
    every: int,
) -> list[dict[str, float]]:
    """Change the sources and count, until the time is over.

    Parameters
    ----------
    connection
        The registry.
    provider
        The OPTIMADE server.
    folder
        Where ``lab.jsonl`` lies.
    scheduler
        The process that is watched.
    minutes
        How long.
    every
        s between two states of the sources.
    """
    chance = random.Random(20261130)
    whole, until, lines = list(provider.data), time.monotonic() + 60 * minutes, []
    print("minute", *COUNTED, "file", "provider", sep="\t", flush=True)
    began = time.monotonic()
    while time.monotonic() < until and scheduler.is_running():
        states = chance.choice(STATES), chance.choice(STATES)
        _change_file(folder / "lab.jsonl", states[0], chance)
        _change_provider(provider, whole, states[1], chance)
        time.sleep(every)
        counted = _count(connection, scheduler)
        lines.append(counted)
        minute = (time.monotonic() - began) / 60
        print(f"{minute:.1f}", *(f"{counted[name]:g}" for name in COUNTED), *states, sep="\t", flush=True)
    return lines


def _change_file(file: Path, state: str, chance: random.Random) -> None:
    records = rows()
    if state == "changed":
        chance.choice(records)["band_gap"] = chance.uniform(0, 3)
    elif state in ("less", "much less"):
        records = records[: -1 if state == "less" else 3]
    if state == "gone":
        file.unlink(missing_ok=True)
        return
    write_rows(file, records)
    if state == "broken":
        file.write_text(file.read_text()[: chance.randrange(500, 5000)])


def _change_provider(provider: Misbehaving, whole: list[Any], state: str, chance: random.Random) -> None:
    provider.faults.clear()
    provider.asked.clear()
    provider.keys.clear()
    kept = {"less": len(whole) - 1, "much less": 4}.get(state, len(whole))
    provider.data = [dict(one) for one in whole[:kept]]
    if state == "changed":
        one = chance.choice(provider.data)
        attributes, factor = one["attributes"], chance.uniform(1, 1.01)
        scaled = {
            name: [[factor * number for number in vector] for vector in attributes[name]]
            for name in ("lattice_vectors", "cartesian_site_positions")
        }
        stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        one["attributes"] = {**attributes, **scaled, "last_modified": stamp}
    provider.count = len(provider.data)
    if state == "broken":
        kinds = [Fault("structures", body=b"{"), Fault("structures", cut=True), Fault("structures", status=503)]
        provider.faults += [kinds[chance.randrange(3)] for _ in range(20)]
    elif state == "gone":
        provider.faults += [Fault(status=404) for _ in range(200)]


def _count(connection: Connection, scheduler: psutil.Process) -> dict[str, float]:
    server = embedded.find_running(connection.settings)
    assert server is not None
    with replica_set.admin_client(server.port, server.home.credentials().admin) as admin:
        status = admin.admin.command("serverStatus")
    database = connection.database
    return {
        "memory": round(scheduler.memory_info().rss / 1e6, 1),
        "threads": scheduler.num_threads(),
        "files": scheduler.num_fds(),
        "mongod_memory": status["mem"]["resident"],
        "cursors": status["metrics"]["cursor"]["open"]["total"],
        "sessions": status["logicalSessionRecordCache"]["activeSessionsCount"],
        "connections": status["connections"]["current"],
        "transactions": status["transactions"]["currentOpen"],
        "leases": database["leases"].count_documents({"owner": {"$nin": ["", None]}}),
        "documents": sum(database[name].estimated_document_count() for name in ("materials", "candidates")),
        "runs": database["runs"].estimated_document_count(),
        "failed": database["runs"].count_documents({"state": {"$ne": "succeeded"}}),
    }


def _sum_up(lines: list[dict[str, float]]) -> None:
    quarter = len(lines) // 4
    if not quarter:
        return
    print(f"medians of the second quarter and of the last, of {len(lines)} lines:")
    for name in COUNTED:
        parts = lines[quarter : 2 * quarter], lines[-quarter:]
        early, late = (statistics.median(line[name] for line in part) for part in parts)
        print(f"{name:>14} {early:10g} {late:10g}")


if __name__ == "__main__":
    main()
