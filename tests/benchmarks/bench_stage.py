"""Times a stage against maggma's MapBuilder: the same small documents, the same arithmetic, the same target indexes.

    OMP_NUM_THREADS=1 python tests/benchmarks/bench_stage.py --count 500000 --refresh 250000 500000 1000000

Prints the first build, rebuilds, the refresh that finds nothing to do at several sizes, and the memory of each. Every
timed run has a process of its own, so that its peak memory is its own too; both sides take turns. MongoDB is the one of
EXFOLIO_MONGO_URI, else an embedded server of the benchmark's own.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

import psutil
import report
from exfolio.builders.engine.batches import Item, Outcome
from exfolio.builders.engine.execution.runner import run_stage
from exfolio.builders.engine.selection.map_stage import MapStage
from exfolio.stores.connection import Connection, connect
from exfolio.stores.documents import BY_COLLECTION, RegistryDocument
from exfolio.stores.documents.base import meta
from exfolio.stores.layout import index_models, json_schema
from exfolio.stores.schema import initialise
from exfolio.stores.server import embedded
from exfolio.stores.settings import Settings, load_settings
from maggma.builders import MapBuilder
from maggma.cli.serial import serial
from maggma.stores import MongoStore
from mongoengine import FloatField, IntField, StringField

EPOCH = datetime(2020, 1, 1, tzinfo=UTC)
SEEDED_AT_ONCE = 10_000
SIDES = ("exfolio", "MapBuilder")
TARGETS = {"exfolio": "bench_targets", "MapBuilder": "bench_peer_targets"}
BOOKKEEPING = {"exfolio": ("origins.id", "facets.value.rev"), "MapBuilder": ("updated_at", "state")}


class Sample(RegistryDocument):
    """What both read."""

    KEY = "sample_id"
    FACETS: ClassVar[dict[str, tuple[str, ...]]] = {"record": ()}
    meta = meta("bench_samples", {"fields": ["sample_id"], "unique": True}, "facets.record.rev", "updated_at")

    sample_id = StringField(required=True)
    formula_reduced = StringField()
    energy = FloatField()
    volume = FloatField(min_value=0)
    nsites = IntField(min_value=1)


class Target(RegistryDocument):
    """What both make of a sample; with an index on its content, and those either side keeps its books with."""

    KEY = "target_id"
    FACETS: ClassVar[dict[str, tuple[str, ...]]] = {"value": ()}
    meta = meta(
        TARGETS["exfolio"],
        {"fields": ["target_id"], "unique": True},
        "formula_reduced",
        *(name for names in BOOKKEEPING.values() for name in names),
    )

    target_id = StringField(required=True)
    formula_reduced = StringField()
    energy_per_atom = FloatField()
    volume_per_atom = FloatField(min_value=0)
    state = StringField()


BY_COLLECTION.update({document.collection_name(): document for document in (Sample, Target)})


def derived(sample: dict[str, Any], factor: float) -> dict[str, Any]:
    """Do the work, which is next to none: what is timed is everything around it."""
    return {
        "formula_reduced": sample["formula_reduced"],
        "energy_per_atom": factor * sample["energy"] / sample["nsites"],
        "volume_per_atom": factor * sample["volume"] / sample["nsites"],
    }


class Scale(MapStage):
    """The work as a stage. Another `label` makes everything due without changing any result."""

    name = "bench-scale"
    source = Sample
    facets = ("record",)
    fields = ("formula_reduced", "energy", "volume", "nsites")
    writes: ClassVar = {Target: "value"}

    def __init__(self, factor: float = 1.0, label: str = "", share: dict[str, Any] | None = None) -> None:
        self.factor = factor
        self.label = label
        super().__init__(share=share)

    def arguments(self) -> dict[str, Any]:
        return {"factor": self.factor, "label": self.label}

    def process(self, items: list[Item]) -> list[Outcome]:
        return [
            {"bench_targets": [{"target_id": item.key, "state": "successful", **derived(item.content, self.factor)}]}
            for item in items
        ]


class ScaleBuilder(MapBuilder):
    """The same work as a MapBuilder, which adds `state` by itself."""

    def __init__(self, source: MongoStore, target: MongoStore, factor: float, **options: Any) -> None:
        self.factor = factor
        super().__init__(source, target, projection=list(Scale.fields), **options)

    def unary_function(self, item: dict[str, Any]) -> dict[str, Any]:
        return derived(item, self.factor)


# --- one run, in a process of its own -------------------------------------------------------------------------------


def peak_memory_mb() -> float:
    """Peak resident memory of this process in MB; Linux counts that of its parent into ru_maxrss."""
    status = Path("/proc/self/status")
    if not status.exists():
        return report.peak_memory_mb()
    return int(next(line for line in status.read_text().splitlines() if line.startswith("VmHWM")).split()[1]) / 1e3


def run_once(side: str, factor: float, label: str, repeats: int) -> dict[str, Any]:
    """Run one side and give its figures; several repeats take the median time."""
    settings = load_settings()
    assert settings.mongo_uri is not None
    uri = settings.mongo_uri.get_secret_value()
    with connect(settings) as connection:
        connection.database["counters"].find_one()
        before = peak_memory_mb()
        times = []
        cpu = time.process_time()
        due = 0
        for _ in range(repeats):
            start = time.perf_counter()
            if side == "exfolio":
                due = run_stage(Scale(factor, label), connection).due
            else:
                stores = [
                    MongoStore(connection.name, name, uri=uri, key=key, last_updated_field="updated_at")
                    for name, key in (("bench_samples", "sample_id"), (TARGETS[side], "target_id"))
                ]
                builder = ScaleBuilder(stores[0], stores[1], factor)
                serial(builder, no_bars=True)
                due = builder.total
            times.append(time.perf_counter() - start)
    peak = peak_memory_mb()
    return {
        "seconds": statistics.median(times),
        "cpu": (time.process_time() - cpu) / repeats,
        "peak": peak,
        "growth": peak - before,
        "due": due,
    }


# --- the bench ------------------------------------------------------------------------------------------------------


@dataclass
class Bench:
    """The database of the benchmark and what is measured on it."""

    connection: Connection
    server: psutil.Process | None
    all_indexes: bool = True
    seeded: int = 0
    runs: dict[tuple[str, str], list[dict[str, Any]]] = field(default_factory=dict)

    def prepare(self) -> None:
        """Make the collections with their validators and indexes."""
        initialise(self.connection)
        self._collection(Sample.collection_name(), Sample, index_models(Sample))
        for side in SIDES:
            self.clear(side)

    def _collection(
        self, name: str, document: type[RegistryDocument], indexes: list[dict[str, Any]], *, validated: bool = True
    ) -> None:
        database = self.connection.database
        database.drop_collection(name)
        options = {"validator": {"$jsonSchema": json_schema(document)}} if validated else {}
        database.create_collection(name, **options)
        for model in indexes:
            database[name].create_index(model["keys"], name=model["name"], unique=model["unique"])

    def clear(self, side: str) -> None:
        """Forget what a side has made."""
        others = {name for other in SIDES if other != side and not self.all_indexes for name in BOOKKEEPING[other]}
        indexes = [model for model in index_models(Target) if model["keys"][0][0] not in others]
        self._collection(TARGETS[side], Target, indexes, validated=side == "exfolio")
        self.connection.database["stage_states"].delete_many({"stage": Scale.name})

    def seed(self, count: int) -> None:
        """Bring the samples to `count`."""
        database = self.connection.database
        for start in range(self.seeded, count, SEEDED_AT_ONCE):
            numbers = range(start, min(start + SEEDED_AT_ONCE, count))
            database["bench_samples"].insert_many([_sample(number) for number in numbers], ordered=False)
        self.seeded = max(self.seeded, count)
        counter = {"$set": {"rev": self.seeded}}
        database["counters"].update_one({"_id": "bench_samples"}, counter, upsert=True)

    def touch(self) -> None:
        """Make every sample newer than what a MapBuilder made of it."""
        self.connection.database["bench_samples"].update_many(
            {}, [{"$set": {"updated_at": {"$dateAdd": {"startDate": "$updated_at", "unit": "hour", "amount": 1}}}}]
        )

    def follow(self) -> None:
        """Give the MapBuilder's side what it has not made yet, on the server: its next run has nothing to do."""
        made = {"_id": 0, "target_id": "$sample_id", "updated_at": 1, "formula_reduced": 1, "state": "successful"}
        merge = {"into": TARGETS["MapBuilder"], "on": "target_id", "whenMatched": "keepExisting"}
        self.connection.database["bench_samples"].aggregate([{"$project": made}, {"$merge": merge}])

    def run(self, name: str, side: str, *, factor: float = 1.0, label: str = "", repeats: int = 1) -> dict[str, Any]:
        """Run one side in a process of its own."""
        served = self._server_cpu()
        command = [sys.executable, __file__, "--run", side, str(factor), label, str(repeats)]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        result = json.loads(done.stdout)
        result["server"] = (self._server_cpu() - served) / repeats
        self.runs.setdefault((name, side), []).append(result)
        return dict(result)

    def _server_cpu(self) -> float:
        return sum(self.server.cpu_times()[:2]) if self.server else 0.0

    def report(self, name: str, count: int) -> None:
        """Print both sides of one comparison, medians, with the ratio of their times."""
        medians = {}
        for side in SIDES:
            runs = self.runs[name, side]
            medians[side] = {key: statistics.median(run[key] for run in runs) for key in runs[0]}
        ours, peer = (medians[side] for side in SIDES)
        texts = [
            f"{side} {one['seconds']:.3f} s (own CPU {one['cpu']:.2f} s, server {one['server']:.2f} s, "
            f"memory +{one['growth']:.0f} MB)"
            for side, one in medians.items()
        ]
        ratio = peer["seconds"] / ours["seconds"]
        work = (peer["cpu"] + peer["server"]) / (ours["cpu"] + ours["server"])
        speed = f"{count / ours['seconds']:,.0f}/s beside {count / peer['seconds']:,.0f}/s, " if ours["due"] else ""
        print(f"{name}, {count:,} documents: {', '.join(texts)}: {speed}{ratio:.2f}x, CPU {work:.2f}x", flush=True)


def _sample(number: int) -> dict[str, Any]:
    at = EPOCH + timedelta(seconds=number)
    note = {"rev": number + 1, "hash": f"{number:032x}", "stage": "seed", "fingerprint": "1", "run_id": "1", "at": at}
    return {
        "sample_id": f"bench:{number:08d}",
        "formula_reduced": f"Li{number % 97 + 1}O{number % 89 + 1}",
        "energy": -(number % 1013) / 7,
        "volume": 11 + (number % 997) / 3,
        "nsites": number % 40 + 1,
        "schema_version": 1,
        "rev": number + 1,
        "content_hash": note["hash"],
        "run_id": "1",
        "created_at": at,
        "updated_at": at,
        "origins": [{"collection": "file", "id": f"line {number}"}],
        "deprecated": False,
        "facets": {"record": note},
    }


@contextlib.contextmanager
def _bench(cache_gb: float) -> Iterator[Bench]:
    name = f"bench_stage_{uuid.uuid4().hex[:8]}"
    if "EXFOLIO_MONGO_URI" in os.environ:
        with connect(load_settings(database=name)) as connection:
            os.environ["EXFOLIO_DATABASE"] = name
            yield Bench(connection, None)
            connection.client.drop_database(name)
        return
    with tempfile.TemporaryDirectory() as home:
        settings = Settings(home=Path(home), database=name, cache_gb=cache_gb)
        server = embedded.start(settings)
        process = psutil.Process(server.pid)
        os.environ |= {"EXFOLIO_MONGO_URI": server.uri().get_secret_value(), "EXFOLIO_DATABASE": name}
        try:
            with connect(settings) as connection:
                yield Bench(connection, process)
        finally:
            process.kill()
            process.wait(timeout=30)


def _load() -> str:
    one, five, _ = os.getloadavg()
    return f"{one:.1f} over a minute, {five:.1f} over five, {os.cpu_count()} processors"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=60_000, help="documents of the builds")
    parser.add_argument("--refresh", type=int, nargs="*", default=[25_000, 50_000, 100_000], help="sizes of stores")
    parser.add_argument("--repeats", type=int, default=1, help="builds of each kind and side; medians are shown")
    parser.add_argument(
        "--indexes",
        choices=["all", "own"],
        default="all",
        help="all: both targets have the indexes of both sides; own: each side keeps its own books only",
    )
    parser.add_argument("--cache-gb", type=float, default=1.0, help="WiredTiger cache of the embedded server, GB")
    parser.add_argument("--run", nargs=4, metavar=("SIDE", "FACTOR", "LABEL", "REPEATS"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.run:
        side, factor, label, repeats = options.run
        print(json.dumps(run_once(side, float(factor), label, int(repeats))))
        return
    print(f"indexes of the targets: {options.indexes}; load at the start: {_load()}")
    with _bench(options.cache_gb) as bench:
        bench.all_indexes = options.indexes == "all"
        bench.prepare()
        for count in (options.count // 5, options.count):  # the smaller one shows that memory does not grow
            bench.seed(count)
            for _ in range(options.repeats):
                for side in SIDES:
                    bench.clear(side)
                    bench.run(f"first build of {count:,}", side)
            bench.report(f"first build of {count:,}", count)
        for round_ in range(options.repeats):
            bench.run("every document changes", "exfolio", factor=2.0 + round_)
            bench.touch()
            bench.run("every document changes", "MapBuilder", factor=2.0 + round_)
        bench.report("every document changes", options.count)
        for round_ in range(options.repeats):
            bench.run("all is due, nothing changes", "exfolio", factor=1.0 + options.repeats, label=f"again {round_}")
            bench.touch()
            bench.run("all is due, nothing changes", "MapBuilder", factor=1.0 + options.repeats)
        bench.report("all is due, nothing changes", options.count)
        for count in sorted(options.refresh):
            bench.seed(count)
            bench.run("catching up", "exfolio", factor=1.0 + options.repeats)
            bench.follow()
            for side, repeats in zip(SIDES, (9, 1), strict=True):
                bench.run(f"nothing to do at {count:,}", side, factor=1.0 + options.repeats, repeats=repeats)
            bench.report(f"nothing to do at {count:,}", count)
    print(f"load at the end: {_load()}")


if __name__ == "__main__":
    main()
