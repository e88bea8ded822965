"""Links structures of many sources: time, memory, precision and recall, and what adding some costs.

    OMP_NUM_THREADS=1 python tests/benchmarks/bench_duplicates.py --count 20000

The structures are made from the folder of real data beside the project (made_structures.py). MongoDB is the one of
EXFOLIO_MONGO_URI, else an embedded server of the benchmark's own.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import resource
import tempfile
import time
import uuid
from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import combinations, islice
from pathlib import Path
from typing import Any

from exfolio.builders.engine.execution.runner import run_stage
from exfolio.builders.engine.stage import Stage
from exfolio.builders.materials.duplicates_stage import LinkStage
from exfolio.builders.materials.preferred_stage import PreferredStage
from exfolio.models.structure.comparison.incremental_matching import link
from exfolio.models.structure.comparison.matching import prepare
from exfolio.models.structure.serialization import Arrays, arrays_of, from_plain
from exfolio.stores.connection import Connection, connect
from exfolio.stores.documents import Material
from exfolio.stores.schema import initialise
from exfolio.stores.server import embedded
from exfolio.stores.settings import Settings, load_settings
from exfolio.stores.transactions import in_transaction
from exfolio.stores.writes.writing import FacetWriter
from made_structures import Made, Truth, make, read_bases
from pymatgen.analysis.structure_matcher import StructureMatcher
from report import compare, peak_memory_mb

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
AT_ONCE = 1000


def insert(connection: Connection, made: Iterable[Made]) -> tuple[dict[str, int], int]:
    """Write materials as an ingestion does; gives the base of each, and how many there were."""
    bases: dict[str, int] = {}
    made = iter(made)
    while chunk := list(islice(made, AT_ONCE)):
        writer = FacetWriter(Material, "record", "ingest:made", "f1", "bench")
        ready = [writer.prepare(one.document, [{"collection": "file", "id": "made.json"}]) for one in chunk]
        in_transaction(
            connection, lambda session, w=writer, r=ready: w.write(connection.database, r, session, all_new=True)
        )
        bases |= {one.document["material_id"]: one.base for one in chunk}
    return bases, len(bases)


def run(connection: Connection, what: str, processes: int, stage: Stage | None = None) -> None:
    """Run the stage, by default that of links, and say what it took."""
    before, start = _cpu(), time.perf_counter()
    report = run_stage(stage or LinkStage(), connection, processes=processes)
    wall = time.perf_counter() - start
    print(
        f"{what}: {report.due:,} formulas due, {report.updated:,} documents written, {report.failed} failed; "
        f"{wall:.1f} s, CPU {_cpu() - before:.1f} s, peak memory {peak_memory_mb():,.0f} MB, "
        f"load {os.getloadavg()[0]:.1f}",
        flush=True,
    )


def _cpu() -> float:
    own, workers = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + workers.ru_utime + workers.ru_stime


def check(connection: Connection, bases: dict[str, int], truth: Truth) -> None:
    """Compare the links with what is known by construction, pair by pair within each formula."""
    formulas: dict[str, list[tuple[str, frozenset[str], frozenset[str]]]] = defaultdict(list)
    wanted = {"_id": 0, "material_id": 1, "formula_reduced": 1, "same_as": 1, "alike": 1}
    for doc in connection.database["materials"].find({}, wanted):
        same = frozenset(doc.get("same_as", ()))
        formulas[doc["formula_reduced"]].append((doc["material_id"], same, same.union(doc.get("alike", ()))))
    sharing = {"copies": 0, "same": 0, "different": 0}
    count = {(linked, label): 0 for linked in (True, False) for label in ("copies", "same", "different")}
    for members in formulas.values():
        for (one, same, links), (other, _, _) in combinations(members, 2):
            first, second = bases[one], bases[other]
            if first == second:
                label = "copies"
            elif len(members) > 400:  # too many pairs to ask pymatgen about
                continue
            else:
                label = "same" if truth.same(first, second) else "different"
            count[other in links, label] += 1
            sharing[label] += other in same
    for label in ("copies", "same", "different"):
        linked, apart = count[True, label], count[False, label]
        print(f"  pairs that are {label}: {linked:,} linked, {apart:,} not; {sharing[label]:,} share their values")
    right = count[True, "copies"] + count[True, "same"]
    linked = right + count[True, "different"]
    copies = count[True, "copies"] + count[False, "copies"]
    print(f"  precision {right / max(linked, 1):.5f}, recall of copies {count[True, 'copies'] / max(copies, 1):.5f}")


def beside_structure_matcher(sample: list[list[Made]]) -> None:
    """Group some formulas by both, and count pairs on which they disagree."""
    plain = [[one.document["structure"] for one in group] for group in sample]
    number = sum(map(len, plain))
    found: dict[str, Any] = {}

    def ours() -> None:
        found["ours"] = [_kinds(group) for group in plain]

    def peer() -> None:
        found["peer"] = [_kinds_by_matcher(group) for group in plain]

    compare("linking formula by formula", ours, peer, ours_n=number, repeats=1, peer_name="StructureMatcher alone")
    differ = sum(a != b for x, y in zip(found["ours"], found["peer"], strict=True) for a, b in zip(x, y, strict=True))
    print(f"  representatives that differ: {differ} of {number:,}")


def _kinds(group: list[dict[str, Any]]) -> list[int]:
    arrays: dict[str, Arrays] = {f"{i:04d}": arrays_of(plain) for i, plain in enumerate(group)}
    return [int(one.family) for one in link(arrays).values()]


def _kinds_by_matcher(group: list[dict[str, Any]]) -> list[int]:
    matcher = StructureMatcher()
    prepared = [prepare(from_plain(plain)) for plain in group]
    kinds: list[int] = []
    for i, one in enumerate(prepared):
        firsts = (j for j in range(i) if kinds[j] == j)
        like = (
            j
            for j in firsts
            if prepared[j].key == one.key
            and max(prepared[j].extent, one.extent) <= 1.25 * min(prepared[j].extent, one.extent)
            and len(prepared[j].reduced) == len(one.reduced)
            and matcher.fit(prepared[j].reduced, one.reduced, skip_structure_reduction=True)
        )
        kinds.append(next(like, i))
    return kinds


def by_formula(made: Iterable[Made]) -> list[list[Made]]:
    """Sort into formulas."""
    groups: dict[str, list[Made]] = defaultdict(list)
    for one in made:
        groups[one.document["formula_reduced"]].append(one)
    return list(groups.values())


@contextlib.contextmanager
def _registry() -> Iterator[Connection]:
    name = f"bench_duplicates_{uuid.uuid4().hex[:8]}"
    if "EXFOLIO_MONGO_URI" in os.environ:
        with connect(load_settings(database=name)) as connection:
            try:
                yield connection
            finally:
                connection.client.drop_database(name)
        return
    with tempfile.TemporaryDirectory() as home:
        settings = Settings(home=Path(home), database=name, cache_gb=1.0)
        server = embedded.start(settings)
        try:
            with connect(settings) as connection:
                yield connection
        finally:
            os.kill(server.pid, 9)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=4_000, help="structures")
    parser.add_argument("--new", type=int, default=200, help="structures that come later")
    parser.add_argument("--peer", type=int, default=600, help="structures also grouped by StructureMatcher alone")
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--data", type=Path, default=DATA, help="folder of real data")
    options = parser.parse_args()
    if not options.data.is_dir():
        print(f"the folder of real data, {options.data}, is not there")
        return
    groups = read_bases(options.data)
    print(f"{sum(map(len, groups)):,} real structures of {len(groups):,} formulas; load {os.getloadavg()[0]:.1f}")
    if options.peer:
        beside_structure_matcher(by_formula(make(groups, options.peer, seed=options.seed + 1)))
    with _registry() as connection:
        initialise(connection)
        # What comes later are further copies of what is there, and formulas that are not.
        every = make(groups, options.count, seed=options.seed)
        later: list[Made] = []
        bases, _ = insert(connection, _without(every, later, options.new // 2, options.count))
        print(
            f"{len(bases):,} structures stored, each formula with {len(bases) / _formulas(connection):.1f} on average"
        )
        run(connection, "first time", options.processes)
        run(connection, "again", options.processes)
        run(connection, "preferred values", options.processes, PreferredStage())
        start = time.perf_counter()
        truth = Truth(groups)
        check(connection, bases, truth)
        print(f"  (checked in {time.perf_counter() - start:.0f} s)")
        new = [*later, *make(groups, options.new - len(later), seed=options.seed + 7)]
        bases |= insert(connection, new)[0]
        run(connection, f"{len(new):,} more", options.processes)
        run(connection, "their preferred values", options.processes, PreferredStage())
        check(connection, bases, truth)
        largest = max(by_formula_counts(connection), key=lambda pair: pair[1])
        _one_more(connection, *largest, options.processes)


def _without(made: Iterable[Made], later: list[Made], wanted: int, count: int) -> Iterator[Made]:
    """Keep a few of those made for later, spread evenly."""
    step = max(2, count // max(wanted, 1))
    for index, one in enumerate(made):
        if index % step == 1 and len(later) < wanted:
            later.append(one)
        else:
            yield one


def _formulas(connection: Connection) -> int:
    return len(by_formula_counts(connection))


def by_formula_counts(connection: Connection) -> list[tuple[str, int]]:
    """Structures of each formula."""
    counted = connection.database["materials"].aggregate([{"$sortByCount": "$formula_reduced"}], allowDiskUse=True)
    return [(doc["_id"], doc["count"]) for doc in counted]


def _one_more(connection: Connection, formula: str, number: int, processes: int) -> None:
    """Add one to the largest group, with and without remembering what was compared."""
    materials = connection.database["materials"]
    example = materials.find_one({"formula_reduced": formula}, {"_id": 0, "structure": 1, "nsites": 1})
    for what, key in (("remembering", "zeta:1"), ("from nothing", "zeta:2")):
        if what == "from nothing":
            materials.update_many({"formula_reduced": formula}, {"$unset": {"link": ""}})
        document = {"material_id": key, "source": "zeta", "source_id": key, "formula": formula, **(example or {})}
        insert(connection, [Made({**document, "formula_reduced": formula}, -1)])
        run(connection, f"one more in the {number} of {formula}, {what}", processes)


if __name__ == "__main__":
    main()
