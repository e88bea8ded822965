"""Least Pourbaix decomposition energies of magnesium manganese oxides, beside pymatgen's Pourbaix diagram.

    OMP_NUM_THREADS=1 python tests/benchmarks/bench_pourbaix.py

pymatgen makes one diagram for each ratio of the metals and reads 141 points of pH from it; its entries are made
beforehand. Ours finds the exact minimum.
"""

from __future__ import annotations

import json
import sys
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
from exfolio.models.energetics.ions import ions_from_records
from exfolio.models.energetics.pourbaix import (
    entries_with_ions,
    minimum_decomposition_energies,
    potential_vs_she,
    solid_entry,
)
from pymatgen.analysis.pourbaix_diagram import PourbaixDiagram
from report import compare

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))
from pourbaix_pymatgen import to_pymatgen

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
PH = np.linspace(0.0, 14.0, 141)


def main() -> None:
    """Print agreement, then speed."""
    table = pd.read_csv(DATA / "critexam.csv.gz")
    table = table[table.formula.str.fullmatch("(?:(?:Mg|Mn|O|H)[0-9]+)+")]
    energies = dict(zip(table.formula, table.formation_energy_per_atom, strict=True)) | {"Mg": 0.0, "Mn": 0.0}
    ions = ions_from_records(json.loads((DATA / "aqueous_ions.json").read_text()))
    entries = entries_with_ions(energies, ions, ["Mg", "Mn"])
    targets = [solid_entry(f, e) for f, e in energies.items() if "Mg" in f and "Mn" in f and "O" in f]
    theirs, their_targets = to_pymatgen(entries), to_pymatgen(targets)
    lowest: list[float] = []

    def pymatgen() -> None:
        diagrams: dict[float, PourbaixDiagram] = {}
        lowest.clear()
        for target in their_targets:
            ratio = target.composition["Mg"] / (target.composition["Mg"] + target.composition["Mn"])
            if ratio not in diagrams:
                diagrams[ratio] = PourbaixDiagram(theirs, {"Mg": ratio, "Mn": 1 - ratio}, filter_solids=False)
            energy = diagrams[ratio].get_decomposition_energy(target, PH, potential_vs_she(1.5, PH))
            lowest.append(float(energy.min()))

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        compare(
            "least decomposition energy in water",
            lambda: minimum_decomposition_energies(entries, targets),
            pymatgen,
            ours_n=len(targets),
            peer_name="pymatgen",
        )
    ours = np.array([minimum.energy for minimum in minimum_decomposition_energies(entries, targets)])
    difference = ours - lowest
    print(f"ours - pymatgen on its grid: {difference.min():+.1e} to {difference.max():+.1e} eV/atom")


if __name__ == "__main__":
    main()
