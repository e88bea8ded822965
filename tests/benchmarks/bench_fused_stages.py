"""Times a generator whose followers work on its documents before they are stored against the same stages one by one.

    OMP_NUM_THREADS=1 python tests/benchmarks/bench_fused_stages.py --count 200000

The documents are small compositions, every stage does next to nothing: what is timed is everything around it. MongoDB
is an embedded server of the benchmark's own.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import psutil
import report
from exfolio.builders.engine.batches import Batch, Item, Outcome
from exfolio.builders.engine.execution.runner import run_stage
from exfolio.builders.engine.selection.map_stage import MapStage
from exfolio.builders.engine.stage import Stage
from exfolio.stores.connection import Connection, connect
from exfolio.stores.documents import Composition
from exfolio.stores.schema import initialise
from exfolio.stores.server import embedded
from exfolio.stores.settings import Settings

PER_CHUNK = 4_000


class Draw(Stage):
    """Gives a chunk of compositions per item."""

    name = "bench-draw"
    writes: ClassVar = {Composition: "sample"}
    orphans = "kept"
    selects_ahead = True

    def __init__(self, count: int, share: dict[str, Any] | None = None) -> None:
        self.count = count
        super().__init__(share=share)

    def arguments(self) -> dict[str, Any]:
        return {"count": self.count}

    def select(self) -> Iterator[Batch]:
        origins = [{"collection": "trained_models", "id": "bench"}]
        for start in range(0, self.count, PER_CHUNK):
            yield Batch(0, [Item(f"chunk {start}", min(PER_CHUNK, self.count - start), origins)])

    def process(self, items: list[Item]) -> list[Outcome]:
        return [{"compositions": [_draw(item.key, number) for number in range(item.content)]} for item in items]


class Screen(MapStage):
    """Follows, as do the next two."""

    name = "bench-screen"
    source = Composition
    facets = ("sample",)
    fields = ("elements",)
    writes: ClassVar = {Composition: "screen"}
    made: ClassVar[dict[str, Any]] = {"charge_neutral": True, "electronegativity_balanced": True, "all_metals": False}

    def process(self, items: list[Item]) -> list[Outcome]:
        return [{"compositions": [{"formula_reduced": item.key, **self.made}]} for item in items]


class Classify(Screen):
    """Reads what the first wrote."""

    name = "bench-classify"
    criteria: ClassVar = {"charge_neutral": True}
    writes: ClassVar = {Composition: "classify"}
    made: ClassVar = {"p_2d": 0.987654}


class Energy(Screen):
    """Reads what the second wrote."""

    name = "bench-energy"
    facets = ("sample", "classify")
    criteria: ClassVar = {"p_2d": {"$gte": 0.5}}
    writes: ClassVar = {Composition: "energy"}
    made: ClassVar = {"predicted_formation_energy": -1.234567}


def _draw(chunk: str, number: int) -> dict[str, Any]:
    formula = f"Mg{chunk.split()[1]}Mn{number}O3"
    elements = ["Mg", "Mn", "O"]
    described = {"formula_anonymous": "ABC3", "chemsys": "Mg-Mn-O", "elements": elements, "nelements": 3}
    return {"formula_reduced": formula, **described, "times_drawn": 1 + number % 7, "generator": "bench"}


def _followers() -> list[MapStage]:
    return [Screen(), Classify(), Energy()]


def _empty(connection: Connection) -> None:
    for name in ("compositions", "stage_states", "runs", "leases"):
        connection.database.drop_collection(name)
    connection.database["counters"].delete_many({})
    initialise(connection)


def _followed(connection: Connection, count: int, processes: int) -> None:
    _empty(connection)
    assert run_stage(Draw(count).fused_with(*_followers()), connection, processes=processes).inserted == count


def _one_by_one(connection: Connection, count: int, processes: int) -> None:
    _empty(connection)
    for stage in (Draw(count), *_followers()):
        assert run_stage(stage, connection, processes=processes, batch_size=PER_CHUNK).written == count


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=30_000, help="documents")
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--processes", type=int, nargs="*", default=[1, 2])
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        settings = Settings(home=Path(home))
        server = psutil.Process(embedded.start(settings).pid)
        try:
            with connect(settings) as connection:
                for processes in options.processes:
                    report.compare(
                        f"three facets follow the first, {processes} processes",
                        lambda processes=processes: _followed(connection, options.count, processes),
                        lambda processes=processes: _one_by_one(connection, options.count, processes),
                        ours_n=options.count,
                        repeats=options.repeats,
                        peer_name="one by one",
                    )
        finally:
            server.kill()
            server.wait(timeout=30)


if __name__ == "__main__":
    main()
