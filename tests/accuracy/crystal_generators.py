"""Generators of Mg-Mn-O crystals side by side by one rule: learnt ones, random search, substitution, known cells.

So many crystals of each composition, nothing rejected: which are as asked, which valid, what the others fail by, how
many of the valid ones differ. Of the valid ones of each composition the lowest in energy by CHGNet as they are, above
the lowest known cell of the composition: equal effort for all. Held out of training are the families MgMn2O4, MgMn4O8
and Mg2Mn3O8, the first of which is asked for.

    python tests/accuracy/crystal_generators.py [NAME=WEIGHTS ...] [--draws 40] [--energies]
"""

from __future__ import annotations

import argparse
import gzip
import json
import statistics
import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from exfolio.models.crystal_gan.crystals.random_crystals import random_crystal
from exfolio.models.crystal_gan.crystals.substitution_into_layout import substituted_into
from exfolio.models.crystal_gan.crystals.validity import faults, kind
from exfolio.models.crystal_gan.generation import sample
from exfolio.models.crystal_gan.generators import read_generator
from exfolio.models.potential.family.chgnet import evaluate
from exfolio.models.structure.comparison.matching import Representatives
from exfolio.models.structure.point_cloud import counts, decode_many, encode_many
from exfolio.models.structure.point_cloud_layouts import MG_MN_O
from exfolio.models.structure.sizes.volumes import expected_volume
from numpy.typing import NDArray
from pymatgen.core import Composition, Structure

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
CELLS = 1253
ASKED = ((1, 1, 3), (2, 2, 4), (2, 2, 6), (2, 4, 8))
"""Mg, Mn, O: three of the training set, and the spinel's."""

Counts = tuple[int, ...]
Clouds = NDArray[np.float64]


def drawn(path: str, n: int) -> Callable[[Counts], Clouds]:
    """Draw from a trained generator."""
    model = read_generator(Path(path).read_bytes(), MG_MN_O)
    return lambda number: sample(model, number, n, seed=7)


def at_random(n: int) -> Callable[[Counts], Clouds]:
    """Search at random, in cells of the volume that a composition takes."""
    random = np.random.default_rng(7)

    def crystals(number: Counts) -> Clouds:
        symbols = np.repeat(MG_MN_O.elements, number).tolist()
        volume = len(symbols) * float(expected_volume(Composition("".join(symbols)).reduced_formula) or 0.0)
        return encode_many([random_crystal(symbols, volume, random) for _ in range(n)], MG_MN_O)

    return crystals


def by_substitution(n: int) -> Callable[[Counts], Clouds]:
    """Put Mg and Mn into the oxides of two other elements that are at hand."""
    with gzip.open(DATA / "matbench_phonons_structures.json.gz", "rt") as file:
        table = json.load(file)
    column = table["columns"].index("structure")
    structures = (Structure.from_dict(row[column]) for row in table["data"])
    cells = encode_many(list(substituted_into(structures, MG_MN_O)), MG_MN_O)
    number = counts(cells, MG_MN_O)
    return lambda asked: cells[(number == np.array(asked)).all(axis=1)][:n]


def lowest(clouds: Clouds) -> float | None:
    """Lowest energy by CHGNet, eV/atom, of crystals as they are."""
    if not len(clouds):
        return None
    energies = [one.energy_per_atom for one in evaluate(decode_many(clouds, MG_MN_O), forces=False)]
    return min((energy for energy in energies if energy is not None), default=None)


def told(name: str, make: Callable[[Counts], Clouds], known: dict[Counts, float | None], energies: bool) -> None:
    """Print a row."""
    failed: Counter[str] = Counter()
    made = valid = distinct = as_asked = 0
    above = []
    for number in ASKED:
        clouds = make(number)
        said = faults(clouds, MG_MN_O, asked=number) if len(clouds) else []
        good = [index for index, fault in enumerate(said) if fault is None]
        failed.update(kind(fault) for fault in said if fault is not None)
        representatives = Representatives()
        for structure in decode_many(clouds[good], MG_MN_O):
            representatives.add(structure)
        made, valid, distinct = made + len(said), valid + len(good), distinct + len(representatives)
        as_asked += sum(fault is None or kind(fault) != "composition" for fault in said)
        reference = known.get(number)
        if energies and reference is not None and (energy := lowest(clouds[good])) is not None:
            above.append(energy - reference)
    shares = " | ".join(f"{n / max(made, 1):.1%}" for n in (as_asked, valid))
    error = np.sqrt(valid * (made - valid) / max(made, 1) ** 3)
    median = f"{statistics.median(above):.3f} of {len(above)}" if above else "–"
    reasons = ", ".join(f"{reason} {count / made:.0%}" for reason, count in failed.most_common(4))
    print(f"| {name} | {made} | {shares} ± {error:.1%} | {distinct} of {valid} | {median} | {reasons} |", flush=True)


def main(given: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("weights", nargs="*", help="NAME=FILE of trained generators")
    parser.add_argument("--draws", type=int, default=40, help="of each composition")
    parser.add_argument("--energies", action="store_true", help="evaluate the valid ones by CHGNet")
    arguments = parser.parse_args(given)
    warnings.simplefilter("ignore")
    cells = np.load(DATA / "mg_mn_o_cells.npz")["cells"][:CELLS]
    number = counts(cells, MG_MN_O)
    of_each = {asked: cells[(number == np.array(asked)).all(axis=1)] for asked in ASKED}
    known = dict.fromkeys(ASKED) | (
        {asked: lowest(found[: arguments.draws]) for asked, found in of_each.items()} if arguments.energies else {}
    )
    print("| generator | drawn | as asked | valid | distinct | lowest above the lowest known (eV/atom) | fails by |")
    print("|---|---|---|---|---|---|---|")
    told("known cells", lambda asked: of_each[asked][: arguments.draws], known, arguments.energies)
    for one in arguments.weights:
        name, _, path = one.partition("=")
        told(name, drawn(path, arguments.draws), known, arguments.energies)
    told("random search", at_random(arguments.draws), known, arguments.energies)
    told("substitution", by_substitution(arguments.draws), known, arguments.energies)


if __name__ == "__main__":
    main()
