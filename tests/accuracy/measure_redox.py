"""Measure how many known compounds, and how many drawn ones, set something free as they fall apart.

    python tests/accuracy/measure_redox.py critexam.csv.gz --drawn compositions.txt --sample 3000

The table has formation energies (eV/atom) of the Materials Project without corrections of anions; each compound falls
apart into all others of its elements. Drawn compositions, one a line, are only looked at for what they fall into.
"""

from __future__ import annotations

import argparse
import csv
import gzip
from collections.abc import Iterable
from itertools import chain
from math import sqrt
from pathlib import Path
from random import Random

from exfolio.builders.properties.hulls.set_free import LEAST_BOUND, set_free
from exfolio.builders.sources.bundled.handbook import Handbook
from exfolio.builders.sources.records.raw_record import RawRecord
from exfolio.models.composition.formula.chemical_systems import sub_systems
from exfolio.models.composition.formula.formulas import reduced_formulas
from exfolio.models.composition.formula.single_formula import read_one
from exfolio.models.composition.ion_familiarity import familiarity
from exfolio.models.energetics.entry import Entry
from exfolio.models.energetics.hull import hull_positions
from exfolio.models.energetics.reliability.missing_compounds import with_anions_corrected

ANIONS = {"O", "F", "Cl", "Br", "I", "S", "Se", "Te"}
GATE = -2.2
"""Of `ion_familiarity`, in the campaign ``two-dimensional``."""


class Phases:
    """Compounds with their formation energies, by chemical system."""

    def __init__(self, table: Path) -> None:
        with gzip.open(table, "rt") as lines:
            rows = list(csv.DictReader(lines))
        formulas = reduced_formulas([row["formula"] for row in rows])
        lowest: dict[str, float] = {}
        for formula, row in zip(formulas, rows, strict=True):
            if len(read_one(formula)) > 1:
                energy = with_anions_corrected(formula, float(row["formation_energy_per_atom"]))
                lowest[formula] = min(energy, lowest.get(formula, energy))
        self.energies = lowest
        self.of_system: dict[str, list[str]] = {}
        for formula in lowest:
            self.of_system.setdefault("-".join(sorted(read_one(formula))), []).append(formula)

    def decomposition(self, formula: str) -> tuple[float, dict[str, float]]:
        """Energy above the hull of all others, eV/atom, and the phases there with their shares of the atoms."""
        elements = sorted(read_one(formula))
        others = chain.from_iterable(self.of_system.get(system, ()) for system in sub_systems("-".join(elements)))
        entries = [Entry({symbol: 1}, 0.0, symbol) for symbol in elements]
        entries += [Entry(read_one(one), self.energies[one], one) for one in others if one != formula]
        [position] = hull_positions([Entry(read_one(formula), self.energies.get(formula, 0.0), formula)], entries)
        return position.energy, {product.name: product.amount for product in position.products}


def with_anions(formulas: Iterable[str]) -> list[str]:
    """Those that hold anions, and something else."""
    return [formula for formula in formulas if {*read_one(formula)} & ANIONS and {*read_one(formula)} - ANIONS]


def told(name: str, freed: int, of: int) -> None:
    """Print a share with its standard error."""
    share = freed / of
    print(f"{name}: {freed:,} of {of:,}, {share:.1%} ± {sqrt(share * (1 - share) / of):.1%}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", type=Path)
    parser.add_argument("--drawn", type=Path)
    parser.add_argument("--sample", type=int, default=3000)
    arguments = parser.parse_args()
    phases = Phases(arguments.table)

    reader = Handbook()
    documents = (reader.parse(raw)["materials"][0] for path in reader.files() for raw in reader.records(path)
                 if isinstance(raw, RawRecord))  # fmt: skip
    handbook = {str(doc["formula_reduced"]) for doc in documents}
    known = with_anions(formula for formula in sorted(handbook) if formula in phases.energies)
    drawn_at_random = Random(0).sample(sorted(phases.energies), arguments.sample)
    fallen = {formula: phases.decomposition(formula) for formula in {*known, *with_anions(drawn_at_random)}}

    def free(formula: str) -> bool:
        energy, into = fallen[formula]
        return energy > LEAST_BOUND and bool(set_free(into))

    on_hull = [formula for formula in with_anions(drawn_at_random) if fallen[formula][0] <= 0]
    scores = dict(zip(on_hull, familiarity(on_hull), strict=True))
    familiar = [formula for formula in on_hull if scores[formula] >= GATE]
    for name, formulas in (("handbook", known), ("on the hull", on_hull), ("… of familiar ions", familiar)):
        told(name, sum(map(free, formulas)), len(formulas))
    if arguments.drawn:
        drawn = with_anions(reduced_formulas(arguments.drawn.read_text().split()))
        freed = sum(bool(set_free(phases.decomposition(one)[1])) for one in drawn)
        told("drawn, whatever their distance", freed, len(drawn))


if __name__ == "__main__":
    main()
