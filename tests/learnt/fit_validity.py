"""Learn what real crystals have around their ions, and measure what passes the validity rule.

Real crystals of the Materials Project at hand (phonons, entries of Mn-O and Fe-Li-O-P, compounds of the corrections),
of the bundled handbook, and the relaxed Mg-Mn-O cells of Kim et al. Learnt without a fifth of the families (same
amounts, elements of the same groups), or without any Mg-Mn-O, and measured on what was left out: the crystals
themselves, strained, with a cation and an anion swapped, shaken, and their atoms put at random where distances allow.

    python tests/learnt/fit_validity.py [--write] [--every 2]
"""

from __future__ import annotations

import argparse
import gzip
import json
import warnings
import zlib
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from exfolio.builders.sources.bundled import handbook
from exfolio.models.crystal_gan.crystals.random_crystals import placed, random_cell
from exfolio.models.evaluation.relatives import family
from exfolio.models.structure.point_cloud import decode_many
from exfolio.models.structure.point_cloud_layouts import MG_MN_O
from exfolio.models.structure.serialization import from_plain
from exfolio.models.structure.validity import surroundings
from exfolio.models.structure.validity.rule import LEAST_CHARGE, ValidityRule
from exfolio.models.structure.validity.surroundings import BOND_SOFTNESS, LEARNT, contacts, ion_name, valences
from numpy.typing import NDArray
from pymatgen.core import Structure

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
KIM = "Mg-Mn-O"
CELLS, MOST_ATOMS, MOST_ATOMS_AT_RANDOM = 1253, 60, 30
FOLDS, ROUNDS, STEP = 5, 12, 0.5
AS_GOOD_AS = 3
"""Crystals that no correction counts as."""
SHAKEN = 0.3  # Å
LOWEST = 0.02  # quantile of the fewest neighbours

Array = NDArray[np.float64]
Arrays = tuple[list[str], Array, Array]


@dataclass
class Crystal:
    """A real crystal as symbols, cell and places, with what it is compared by."""

    source: str
    arrays: Arrays
    fold: int
    formula: str


@dataclass
class Learnt:
    """What was learnt: see `surroundings.learnt`."""

    lengths: dict[str, float] = field(default_factory=dict)
    fewest: dict[str, tuple[int, float]] = field(default_factory=dict)


def structures() -> Iterator[tuple[str, Structure]]:
    """Read the real crystals."""
    with gzip.open(DATA / "matbench_phonons_structures.json.gz", "rt") as file:
        table = json.load(file)
    column = table["columns"].index("structure")
    yield from (("phonons", Structure.from_dict(row[column])) for row in table["data"])
    for name in ("Mn-O", "Fe-Li-O-P"):
        with gzip.open(DATA / f"mp_entries_{name}.json.gz", "rt") as file:
            yield from ((name, Structure.from_dict(entry["structure"])) for entry in json.load(file))
    with gzip.open(DATA / "mp_calc_compounds.json.gz", "rt") as file:
        yield from (("compounds", Structure.from_dict(entry["structure"])) for entry in json.load(file).values())
    reader = handbook.Handbook()
    documents = (reader.parse(raw)["materials"][0] for raw in reader.records(handbook.TABLE))
    yield from (("handbook", from_plain(one["structure"])) for one in documents if one.get("structure"))
    cells = np.load(DATA / "mg_mn_o_cells.npz")["cells"][:CELLS]
    yield from ((KIM, one) for one in decode_many(cells, MG_MN_O))


def crystals(every: int) -> list[Crystal]:
    """Read every n-th of those that are ordered compounds and not too large."""
    found = []
    for number, (source, one) in enumerate(structures()):
        if number % every or not one.is_ordered or len(one) > MOST_ATOMS or len(one.composition) < 2:
            continue
        formula = one.composition.element_composition.reduced_formula
        fold = zlib.crc32(repr(family(formula)).encode()) % FOLDS
        symbols = [site.specie.symbol for site in one]
        found.append(Crystal(source, (symbols, one.lattice.matrix, one.frac_coords), fold, formula))
    return found


def learn(known: list[Crystal]) -> Learnt:
    """Learn corrections to bond lengths until what bonds carry is right in the median, and the fewest neighbours."""
    near = [contacts(*one.arrays) for one in known]
    learnt = Learnt()
    for _ in range(ROUNDS):
        excess: dict[str, list[float]] = defaultdict(list)
        for one in near:
            summed = valences(one, learnt.lengths)
            if summed is None:
                continue
            ions = [ion_name(s, q) for s, q in zip(one.symbols, one.charge, strict=True) if abs(q) > 0.01]
            by_ion: dict[str, list[float]] = defaultdict(list)
            for ion, value in zip(ions, summed.excess, strict=True):
                by_ion[ion].append(float(value))
            for ion, values in by_ion.items():
                excess[ion].append(float(np.mean(values)))
        for ion, means in excess.items():
            step = STEP * float(np.median(means)) * len(means) / (len(means) + AS_GOOD_AS)
            learnt.lengths[ion] = learnt.lengths.get(ion, 0.0) - BOND_SOFTNESS * step
    fewest: dict[str, list[float]] = defaultdict(list)
    for one in near:
        if (summed := valences(one, learnt.lengths)) is None:
            continue
        least: dict[str, float] = {}
        for symbol, charge, count in zip(one.symbols, one.charge, summed.neighbours, strict=True):
            if charge > LEAST_CHARGE:
                ion = ion_name(symbol, charge)
                least[ion] = min(least.get(ion, np.inf), float(count))
        for ion, count in least.items():
            fewest[ion].append(count)
    learnt.fewest = {ion: (len(counts), float(np.quantile(counts, LOWEST))) for ion, counts in fewest.items()}
    return learnt


def spoilt(one: Crystal, random: np.random.Generator) -> Iterator[tuple[str, Arrays]]:
    """Spoil a crystal in several ways, each with its name."""
    symbols, matrix, fractional = one.arrays
    for percent in (-10, -5, 5, 10):
        yield f"strained by {percent:+d} %", (symbols, matrix * (1 + percent / 100), fractional)
    charge = contacts(*one.arrays).charge
    if (charge > 0).any() and (charge < 0).any():
        swapped = list(symbols)
        i, j = random.choice(np.flatnonzero(charge > 0)), random.choice(np.flatnonzero(charge < 0))
        swapped[i], swapped[j] = swapped[j], swapped[i]
        yield "a cation and an anion swapped", (swapped, matrix, fractional)
    shaken = fractional + random.normal(0, SHAKEN, fractional.shape) @ np.linalg.inv(matrix)
    yield f"shaken by {SHAKEN:g} Å", (symbols, matrix, shaken)
    if len(symbols) <= MOST_ATOMS_AT_RANDOM:
        cell = random_cell(abs(float(np.linalg.det(matrix))), random)
        places = placed(symbols, cell, random)
        if places is not None:
            yield "atoms at random", (symbols, cell, places)


def told(name: str, arrays: list[Arrays]) -> None:
    """Print the share that passes, and what the others fail by."""
    if not arrays:
        return
    failed = [{check.name for check in ValidityRule().checks(*one) if check.passed is False} for one in arrays]
    share = sum(not one for one in failed) / len(failed)
    error = np.sqrt(share * (1 - share) / len(failed))
    reasons = Counter(reason for one in failed for reason in one).most_common()
    listed = ", ".join(f"{reason} {number / len(failed):.1%}" for reason, number in reasons)
    print(f"  {name:32} {len(failed):5d} {share:6.1%} ± {error:.1%}  {listed}", flush=True)


def use(learnt: Learnt) -> None:
    """Let the rule go by this."""
    tables: dict[str, Any] = {"lengths": learnt.lengths, "fewest": learnt.fewest}
    surroundings.learnt = lambda: tables  # type: ignore[assignment]


def measure(name: str, taught: list[Crystal], others: list[Crystal]) -> None:
    """Learn from some and measure on others."""
    print(f"{name}: learnt from {len(taught)}, measured on {len(others)}")
    use(learn(taught))
    told("learnt from", [one.arrays for one in taught])
    told("real", [one.arrays for one in others])
    for source in sorted({one.source for one in others}):
        told(f"  {source}", [one.arrays for one in others if one.source == source])
    random = np.random.default_rng(1)
    by_way: dict[str, list[Arrays]] = defaultdict(list)
    for one in others:
        for way, arrays in spoilt(one, random):
            by_way[way].append(arrays)
    for way, found in by_way.items():
        told(way, found)


def main() -> None:
    """Measure, and write what was learnt from all."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true", help="write what was learnt into the package")
    parser.add_argument("--every", type=int, default=1, help="measure on every n-th crystal")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    if arguments.write:
        learnt = learn(crystals(1))
        lengths = {ion: round(value, 4) for ion, value in sorted(learnt.lengths.items())}
        fewest = {ion: [number, round(value, 2)] for ion, (number, value) in sorted(learnt.fewest.items())}
        LEARNT.write_text(json.dumps({"lengths": lengths, "fewest": fewest}, indent=1) + "\n", encoding="utf-8")
        return
    known = crystals(arguments.every)
    measure("families left out", [one for one in known if one.fold], [one for one in known if not one.fold])
    measure(
        "Mg-Mn-O left out",
        [one for one in known if one.source != KIM],
        [one for one in known if one.source == KIM][:500],
    )


if __name__ == "__main__":
    main()
