"""How well space groups and cells are predicted from compositions, on all structures at hand, with a learning curve.

Folds by reduced formula. Bulk structures of one formula and space group count once. Prints figures beside the published
ones, for 25, 50 and 100 % of the compositions outside each fold, and the time it takes.

    python tests/benchmarks/bench_space_groups.py [2d|bulk] [--trees 100]
"""

from __future__ import annotations

import argparse
import gzip
import json
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from exfolio.models.structure.serialization import from_plain
from exfolio.models.structure.symmetry.lattice_predictor import LatticeConfig, fit, unpack
from exfolio.models.structure.symmetry.lattice_report import PUBLISHED, cross_validate
from exfolio.models.structure.symmetry.structure_cells import conventional
from report import peak_memory_mb

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
BULK = (
    "matbench_phonons_structures.json.gz",
    "mp_calc_compounds.json.gz",
    "mp_entries_Mn-O.json.gz",
    "mp_entries_Fe-Li-O-P.json.gz",
)
SHARES = (0.25, 0.5, 1.0)
MANY = 10_000


def structures(kind: str) -> Iterator[dict[str, Any]]:
    """Give the structures as plain data."""
    if kind == "2d":
        with gzip.open(DATA / "2dmatpedia_records.jsonl.gz", "rt") as lines:
            yield from (json.loads(line)["structure"] for line in lines)
        return
    for name in BULK:
        with gzip.open(DATA / name, "rt") as file:
            yield from found_in(json.load(file))


def found_in(content: Any) -> Iterator[dict[str, Any]]:
    """Give all structures within nested data."""
    if isinstance(content, dict) and "lattice" in content and "sites" in content:
        yield content
    elif isinstance(content, dict | list):
        for inner in content.values() if isinstance(content, dict) else content:
            yield from found_in(inner)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", nargs="?", default="2d", choices=["2d", "bulk"])
    parser.add_argument("--trees", type=int, default=LatticeConfig().trees)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    dimension = 2 if options.kind == "2d" else 3
    known: dict[object, tuple[str, int, tuple[float, ...]]] = {}
    for number, plain in enumerate(structures(options.kind)):
        structure = from_plain(plain)
        found = conventional(structure, dimension=dimension)
        if found is not None:
            formula = str(structure.composition.reduced_formula)
            key: object = number if dimension == 2 else (formula, found[0])
            known.setdefault(key, (formula, *found))
    formulas, numbers, cells = zip(*known.values(), strict=True)
    config = LatticeConfig(dimension=dimension, trees=options.trees)
    reports = [cross_validate(formulas, numbers, cells, config, share=share) for share in SHARES]
    print(f"{reports[0]['structures']} structures of {reports[0]['compositions']} compositions")
    print(f"{'share learnt':45s}" + "".join(f"{share:8.0%}" for share in SHARES) + "  published")
    for name in reports[-1]["figures"]:
        values = "".join(f"{one['figures'].get(name, np.nan):8.3f}" for one in reports)
        print(f"{name:45s}{values}  {PUBLISHED.get(name, '')}")
    for name, one in reports[-1]["within"].items():
        print(f"space group within {name}: {one['top_1']:.3f} of {one['structures']}")
    start = time.perf_counter()
    predictor = fit(formulas, numbers, cells, config)
    fitted = time.perf_counter()
    asked = [formulas[i % len(formulas)] for i in range(MANY)]
    predictor.space_group_probability(asked)
    done = time.perf_counter()
    predictor.predict(asked[:1000])
    print(
        f"fit {fitted - start:.1f} s, probabilities of {MANY:,} formulas {done - fitted:.1f} s, "
        f"1,000 predictions with cells {time.perf_counter() - done:.1f} s, "
        f"packed {len(predictor.pack()) / 1e6:.1f} MB; peak memory {peak_memory_mb():,.0f} MB"
    )
    assert unpack(predictor.pack()).predict(asked[:5]) == predictor.predict(asked[:5])


if __name__ == "__main__":
    main()
