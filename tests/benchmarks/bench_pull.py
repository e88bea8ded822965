"""Pulls of real entries of the Materials Project from its API on loopback: first, second, ten changed, cut and resumed.

Needs the folder of real data beside the project. It makes a database of its own, and drops it in the end, on the
embedded server or that of EXFOLIO_MONGO_URI.
"""

from __future__ import annotations

import gzip
import json
import sys
import time
import uuid
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))

from exfolio.builders.engine.execution.runner import run_stage
from exfolio.builders.sources.live.service_stage import LiveSourceStage
from exfolio.builders.sources.services.http_client import SourceUnavailable
from exfolio.stores.connection import Connection, connect
from exfolio.stores.settings import load_settings
from loopback import Fault
from materials_project_server import KEY, MaterialsProjectServer
from pydantic import SecretStr
from pymatgen.entries.computed_entries import ComputedStructureEntry
from report import peak_memory_mb

FILES = ("mp_entries_Mn-O.json.gz", "mp_entries_Fe-Li-O-P.json.gz")
CHEMSYS = ["Mn-O", "Fe-Li-O-P"]


def main() -> None:
    """Print a line for each pull: records due, written, requests, seconds."""
    data = Path(__file__).resolve().parents[3] / "shared" / "data"
    if not data.is_dir():
        print("the folder of real data (shared/data beside the project) is not there")
        return
    own_database = load_settings(database=f"bench_pull_{uuid.uuid4().hex[:8]}")
    with connect(own_database, autostart=True) as opened, MaterialsProjectServer() as server:
        connection = replace(opened)
        settings = {"mp_endpoint": server.url, "mp_api_key": SecretStr(KEY), "web_first_wait_seconds": 0.01}
        object.__setattr__(connection, "settings", opened.settings.model_copy(update=settings))
        for name in FILES:
            for entry in json.loads(gzip.decompress((data / name).read_bytes())):
                _serve(server, entry)
        print(f"served: {len(server.summary):,} summary and {len(server.thermo):,} thermo documents")
        _pulls(server, connection)
        for name in ("materials", "reference_entries", "quarantine", "failures"):
            print(f"{name}: {connection.database[name].count_documents({}):,}")
        print(f"peak memory, server included: {peak_memory_mb():.0f} MB")
        opened.client.drop_database(opened.name)


def _serve(server: MaterialsProjectServer, plain: dict) -> None:  # type: ignore[type-arg]
    entry = ComputedStructureEntry.from_dict(plain)
    number = int(entry.entry_id.split("-")[1])
    if number not in server.thermo:  # oxygen is in both files
        server.put(number, entry.structure, energy=entry.energy / len(entry.structure))


def _pulls(server: MaterialsProjectServer, connection: Connection) -> None:
    _show("first pull", connection, server)
    _show("second pull", connection, server)
    server.release = "2025.2.12"
    _show("new release, nothing changed", connection, server)
    for number in sorted(server.summary)[:10]:
        server.summary[number] |= {"band_gap": 1.23, "last_updated": "2025-02-01T00:00:00Z"}
    server.release = "2025.4.10"
    _show("10 changed", connection, server)
    for name in ("materials", "reference_entries", "source_records", "source_pulls", "stage_states", "counters"):
        connection.database[name].delete_many({"_id": {"$ne": "schema"}})
    object.__setattr__(connection, "settings", connection.settings.model_copy(update={"web_attempts": 1}))
    server.faults.append(Fault("/materials/thermo/", cut=True, after=2))
    _show("cut in the middle", connection, server)
    _show("resumed", connection, server)


def _show(what: str, connection: Connection, server: MaterialsProjectServer) -> None:
    server.asked.clear()
    stage = LiveSourceStage("materials-project", {"chemsys": CHEMSYS})
    start = time.perf_counter()
    try:
        report = run_stage(stage, connection)
    except SourceUnavailable as error:
        report = stage.report
        print(f"  ({error.message})")
    took = time.perf_counter() - start
    print(
        f"{what:<30} {report.due:>6,} due {report.inserted:>6,} new {report.updated:>6,} changed "
        f"{report.quarantined:>4,} refused {len(server.asked):>4,} requests {took:>7.2f} s"
    )


if __name__ == "__main__":
    main()
