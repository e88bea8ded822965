"""Stage `template-structures` as a whole: compositions, templates in MongoDB, two processes.

The templates are real monolayers with their elements replaced by likely ones, rescaled; prototypes are those of the
real ones. The compositions are real ones of 2DMatPedia, of the anonymous formulas the library has. Everything counts:
starting the processes, choosing, reading templates, making and comparing structures, writing. Making the library does
not, and with --keep the database keeps it for the next run. The figures in docs/measured/templates.md are of
--templates 100000 --compositions 1500, which takes longer than the default.

    python tests/benchmarks/bench_template_stage.py [--templates 100000] [--compositions 1500] [--keep]
"""

from __future__ import annotations

import argparse
import cProfile
import os
import pstats
import sys
import threading
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import psutil
from bench_templates import compositions, renamed_library
from exfolio.builders.engine.execution.runner import run_stage
from exfolio.builders.materials.template_library_stage import _founding
from exfolio.builders.structures.template_structures_stage import TemplateStructuresStage
from exfolio.models.composition.formula.formulas import anonymous_formulas, reduced_formulas
from exfolio.models.structure.cells.template_cells import TemplateCells
from exfolio.models.structure.serialization import to_plain
from exfolio.stores.connection import Connection, connect
from exfolio.stores.schema import initialise
from exfolio.stores.settings import load_settings

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "accuracy"))
from layers_and_compositions import put_compositions
from recovery import load

AT_ONCE = 2000


@contextmanager
def registry(templates: int, *, keep: bool) -> Iterator[Connection]:
    """Give a registry with nothing in it but the library, if that was made before."""
    name = f"bench_template_stage_{templates}"
    with connect(load_settings(database=name), autostart="EXFOLIO_MONGO_URI" not in os.environ) as connection:
        initialise(connection)
        for other in connection.database.list_collection_names():
            if other == "counters":
                connection.database[other].delete_many({"_id": {"$nin": ["schema", "materials"]}})
            elif other != "materials":
                connection.database[other].delete_many({})
        try:
            yield connection
        finally:
            if not keep:
                connection.client.drop_database(name)


def fill(connection: Connection, wanted: int) -> list[str]:
    """Store the library as stage `templates` leaves it; give compositions it can serve."""
    records = load("2d")
    made = renamed_library(wanted)
    shapes = TemplateCells(records.structures.__getitem__, 2)
    plain = {key: to_plain(one) for key, one in records.structures.items()}
    every = [*records.library.templates, *made.templates]
    formulas = [one.formula for one in every]
    described = zip(every, reduced_formulas(formulas), anonymous_formulas(formulas), strict=True)
    docs: list[dict[str, Any]] = []
    materials = connection.database["materials"]
    for rev, (template, reduced, anonymous) in enumerate(described, 1):
        membership = template.membership
        source = template.template_id.split("/")[0]
        found: dict[str, Any] = {"version": 1, "digest": "", "slots": list(membership.slots)}
        if template.size is not None:
            found["size"] = list(template.size)
        structure = plain[source]
        if source != template.template_id:
            names = dict(zip(records.library[source].membership.slots, membership.slots, strict=True))
            shape = shapes[source].with_elements(names, None)
            sites = zip(shape.symbols, shape.fractional.tolist(), strict=True)
            structure = {
                **structure,
                "lattice": {"matrix": shape.matrix.tolist(), "pbc": [True, True, True]},
                "sites": [{"species": [{"element": one, "occu": 1}], "abc": abc} for one, abc in sites],
            }
        elif membership.prototype == source:
            found["founds"] = _founding(records.library.prototypes[source], rev)
        facets = {"record": {"rev": rev}, "template": {"rev": rev}}
        docs.append(
            {
                "material_id": template.template_id,
                "formula_reduced": reduced,
                "formula_anonymous": anonymous,
                "template_prototype": membership.prototype,
                "template_dimension": 2,
                "template": {**found, "space_group": template.space_group},
                "structure": structure,
                "deprecated": False,
                "content_hash": str(rev),
                "facets": facets,
                "rev": rev,
            }
        )
        if len(docs) == AT_ONCE or rev == len(every):
            materials.insert_many(docs, ordered=False, bypass_document_validation=True)
            docs.clear()
    connection.database["counters"].update_one({"_id": "materials"}, {"$set": {"rev": len(every)}}, upsert=True)
    return formulas


class Watch:
    """Memory of this process and its children, the most of it, and their CPU time, looked at every half second."""

    def __init__(self) -> None:
        self.total = self.child = 0.0
        self._cpu: dict[int, float] = {}
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    @property
    def cpu(self) -> float:
        """CPU seconds of the children."""
        return sum(self._cpu.values())

    def _watch(self) -> None:
        own = psutil.Process()
        while not self._done.wait(0.5):
            children = []
            for process in own.children(recursive=True):
                try:
                    children.append(process.memory_info().rss / 1e6)
                    self._cpu[process.pid] = sum(process.cpu_times()[:2])
                except psutil.NoSuchProcess:
                    continue
            self.child = max([self.child, *children])
            self.total = max(self.total, own.memory_info().rss / 1e6 + sum(children))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--templates", type=int, default=20_000)
    parser.add_argument("--compositions", type=int, default=300)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--keep", action="store_true", help="leave the library in the database for the next run")
    parser.add_argument("--profile", action="store_true", help="where this process spends its time; with --processes 1")
    parser.add_argument("--by-prototype", action="store_true", help="structures told apart by prototype alone")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    with registry(options.templates, keep=options.keep) as connection:
        start = time.perf_counter()
        if connection.database["counters"].find_one({"_id": "materials"}) is None:
            connection.database["materials"].delete_many({})
            fill(connection, options.templates)
        wanted = compositions(load("2d").library, options.compositions)
        put_compositions(connection, *sorted(set(wanted)))
        print(f"{options.templates:,} templates there after {time.perf_counter() - start:.0f} s", flush=True)
        stage = TemplateStructuresStage(match_structures=not options.by_prototype)
        start, own = time.perf_counter(), time.process_time()
        profile = cProfile.Profile()
        with Watch() as watch, profile if options.profile else nullcontext():
            report = run_stage(stage, connection, processes=options.processes)
        took, own = time.perf_counter() - start, time.process_time() - own
        print(
            f"{report.due:,} compositions, {report.inserted:,} structures, {report.failed} failed: {took:.0f} s; "
            f"CPU {own:.0f} s here, {watch.cpu:.0f} s in {options.processes} processes; memory "
            f"{watch.total:,.0f} MB together, {watch.child:,.0f} MB the largest child; load {os.getloadavg()[0]:.1f}",
            flush=True,
        )
        if options.profile:
            pstats.Stats(profile).sort_stats("cumulative").print_stats(80)


if __name__ == "__main__":
    main()
