"""Structures for compositions from a library of templates, on two processes: time and memory.

The library is made from real monolayers by giving their elements new names; prototypes are those of the real ones. The
compositions are real ones of 2DMatPedia, of the anonymous formulas the library has. The figures in
docs/measured/templates.md are of --templates 100000 --compositions 1500.

    python tests/benchmarks/bench_templates.py [--templates 100000] [--compositions 1500] [--match]
"""

from __future__ import annotations

import argparse
import sys
import time
import warnings
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
from exfolio.models.composition.formula.formulas import anonymous_formulas, reduced_formulas
from exfolio.models.structure.cells.fragments import size_like
from exfolio.models.structure.comparison.prototype_index import Membership
from exfolio.models.structure.pettifor import MODIFIED_PETTIFOR_ORDER, position
from exfolio.models.structure.substitution.element_mapping import substitution_costs
from exfolio.models.structure.templates import NoTemplateError, predict
from exfolio.models.structure.templates.library import Template, TemplateLibrary
from pymatgen.core import Structure
from report import peak_memory_mb

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "accuracy"))
from recovery import DATA, buckets, load

PROCESSES = 2
STRUCTURES = 10
_library: list[TemplateLibrary] = []  # set before the processes fork, so that they share it


def renamed_library(wanted: int) -> TemplateLibrary:
    """Give each real template new elements again and again, likelier ones more often."""
    records = load("2d")
    rng = np.random.default_rng(0)
    real = records.library.templates
    likely = np.exp(-0.5 * substitution_costs())
    likely /= likely.sum(axis=1, keepdims=True)
    templates: list[Template] = []
    sources: dict[str, tuple[str, tuple[str, ...]]] = {}
    seen: set[tuple[str, tuple[str, ...]]] = set()
    while len(templates) < wanted:
        source = real[int(rng.integers(len(real)))]
        old = source.membership
        new = tuple(str(rng.choice(MODIFIED_PETTIFOR_ORDER, p=likely[position(element)])) for element in old.slots)
        if len(set(new)) < len(new) or (source.template_id, new) in seen:
            continue
        seen.add((source.template_id, new))
        amounts = records.library.amounts_of(source.template_id)
        formula = "".join(f"{element}{amount}" for element, amount in zip(new, amounts, strict=True))
        template_id = f"{source.template_id}/{'-'.join(new)}"
        sources[template_id] = (source.template_id, new)
        size = None if source.size is None else size_like(source.size, source.formula, formula)
        templates.append(Template(template_id, formula, Membership(old.prototype, new), source.space_group, 2, size))

    def structure_of(template_id: str) -> Structure:
        source, new = sources[template_id]
        names = dict(zip(records.library[source].membership.slots, new, strict=True))
        structure = records.structures[source]
        return Structure(structure.lattice, [names[site.specie.symbol] for site in structure], structure.frac_coords)

    return TemplateLibrary(templates, records.library.prototypes, structure_of)


def compositions(library: TemplateLibrary, wanted: int) -> list[str]:
    """Draw real compositions that have templates."""
    formulas = reduced_formulas(
        pd.read_csv(DATA / "2dmatpedia_formulas.csv.gz", keep_default_na=False).formula.tolist()
    )
    formulas = sorted(set(formulas))
    have = set(anonymous_formulas([one.formula for one in library.templates]))
    fitting = [one for one, anonymous in zip(formulas, anonymous_formulas(formulas), strict=True) if anonymous in have]
    return np.random.default_rng(1).choice(fitting, wanted, replace=len(fitting) < wanted).tolist()


def structures(task: tuple[str, bool]) -> int:
    """Predict for one composition; how many structures came back."""
    formula, match = task
    warnings.simplefilter("ignore")
    try:
        return len(predict(formula, _library[0], STRUCTURES, match_structures=match))
    except NoTemplateError:
        return 0


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--templates", type=int, default=20_000)
    parser.add_argument("--compositions", type=int, default=500)
    parser.add_argument("--match", action="store_true", help="also with every structure compared by StructureMatcher")
    options = parser.parse_args()
    start = time.perf_counter()
    library = renamed_library(options.templates)
    buckets(library)
    _library.append(library)
    took = time.perf_counter() - start
    print(f"{len(library):,} templates made and laid out in {took:.0f} s; {peak_memory_mb():,.0f} MB", flush=True)
    wanted = compositions(library, options.compositions)
    for match in (False, True) if options.match else (False,):
        start = time.perf_counter()
        with ProcessPoolExecutor(PROCESSES, mp_context=get_context("fork")) as pool:
            tasks = [(formula, match) for formula in wanted]
            counts = list(pool.map(structures, tasks, chunksize=20))
            each = [process.memory_info().rss / 1e6 for process in psutil.Process().children()]
        took = time.perf_counter() - start
        how = "compared by StructureMatcher" if match else "distinct by prototype"
        print(
            f"{how}: {len(wanted):,} compositions, {sum(counts):,} structures in {took:.0f} s; {PROCESSES} processes, "
            f"memory {peak_memory_mb():,.0f} MB, {max(each, default=0):,.0f} MB each, most of it shared",
            flush=True,
        )


if __name__ == "__main__":
    main()
