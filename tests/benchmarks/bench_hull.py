"""Decomposition energies of 85,014 compositions: how right, how fast beside pymatgen, how much memory.

    OMP_NUM_THREADS=1 python tests/benchmarks/bench_hull.py

pymatgen gets a random sample of the chemical systems and is compared by compositions per second; its entries are made
beforehand, so that it is timed on phase diagrams and separation energies alone, ours on the formulas as they are.
"""

from __future__ import annotations

import random
import re
import warnings
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
from exfolio.models.energetics.hull import Entry, decomposition_energies, energy_above_hull
from numpy.typing import NDArray
from pymatgen.analysis.phase_diagram import PDEntry, PhaseDiagram
from pymatgen.core import Composition
from report import compare, peak_memory_mb
from scipy.optimize import linprog

DATA = Path(__file__).resolve().parents[3] / "shared" / "data" / "critexam.csv.gz"
SAMPLED_SYSTEMS = 1500
TOLERANCE = 0.0015
"""eV/atom, the agreement asked for."""


def by_highs(target: int, formulas: list[str], energies: NDArray[np.float64]) -> float:
    """Cheapest mixture of everything but the target, by scipy's solver, eV/atom."""
    wanted = Composition(formulas[target]).fractional_composition
    symbols = [element.symbol for element in wanted]
    inside = re.compile(f"(?:(?:{'|'.join(symbols)})[0-9]+)+")
    rivals = [i for i, formula in enumerate(formulas) if i != target and inside.fullmatch(formula)]
    contents = [[Composition(formulas[i]).get_atomic_fraction(s) for s in symbols] for i in rivals]
    columns = np.vstack([np.array(contents).reshape(-1, len(symbols)), np.eye(len(symbols))])
    costs = np.concatenate([energies[rivals], np.zeros(len(symbols))])
    answer = linprog(costs, A_eq=columns.T, b_eq=[wanted[s] for s in symbols], method="highs")
    return float(answer.fun)


def main() -> None:
    """Print agreement with the published values, then speed."""
    frame = pd.read_csv(DATA)
    formulas = frame.formula.to_list()
    energies = frame.formation_energy_per_atom.to_numpy()
    published = frame.decomposition_energy_per_atom.to_numpy()

    before = peak_memory_mb()
    found = decomposition_energies(formulas, energies)
    print(f"memory: {peak_memory_mb() - before:,.0f} MB on top of {before:,.0f} MB")
    given = ~np.isnan(published)
    error = (found - published)[given]
    within = np.abs(error) <= TOLERANCE
    print(
        f"published values: {within.sum():,} of {given.sum():,} within {TOLERANCE} eV/atom ({within.mean():.2%}), "
        f"median {np.median(np.abs(error)):.1e}, lowest {error.min():+.1e}, highest {error.max():+.1e}"
    )

    exceptions = np.flatnonzero(given)[~within]
    dearer = error[~within]
    certified = [abs(energies[i] - found[i] - by_highs(int(i), formulas, energies)) for i in exceptions]
    print(f"the {len(exceptions)} others: published mixture dearer by {dearer.min():.4f} to {dearer.max():.4f} eV/atom")
    print(f"ours on these equal to HiGHS within {max(certified):.1e} eV/atom")

    systems: dict[frozenset[str], list[int]] = {}
    entries = []
    for i, (formula, energy) in enumerate(zip(formulas, energies, strict=True)):
        composition = Composition(formula)
        entries.append(PDEntry(composition, energy * composition.num_atoms))
        systems.setdefault(frozenset(element.symbol for element in composition), []).append(i)
    elements = {symbol: PDEntry(Composition(symbol), 0.0) for system in systems for symbol in system}
    sampled = random.Random(0).sample(sorted(systems, key=sorted), SAMPLED_SYSTEMS)
    asked = [i for system in sampled for i in systems[system]]
    of_pymatgen: dict[int, float] = {}

    def pymatgen() -> None:
        for system in sampled:
            members = [
                entries[i]
                for size in range(2, len(system) + 1)
                for part in combinations(system, size)
                for i in systems.get(frozenset(part), ())
            ]
            diagram = PhaseDiagram([*members, *(elements[symbol] for symbol in system)])
            for i in systems[system]:
                of_pymatgen[i] = diagram.get_phase_separation_energy(entries[i])

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        compare(
            "decomposition energies",
            lambda: decomposition_energies(formulas, energies),
            pymatgen,
            ours_n=len(formulas),
            peer_n=len(asked),
            peer_name=f"pymatgen ({SAMPLED_SYSTEMS:,} of {len(systems):,} systems)",
        )
    difference = np.abs(found[asked] - [of_pymatgen[i] for i in asked])
    print(f"ours - pymatgen on these {len(asked):,}: largest {difference.max():.1e} eV/atom")

    system = [
        i for i, formula in enumerate(formulas) if set(Composition(formula).as_dict()) <= {"Li", "Mn", "O", "P", "Fe"}
    ]
    ours = [Entry(formulas[i], float(energies[i])) for i in system] + [
        Entry(s, 0.0) for s in ("Li", "Mn", "O", "P", "Fe")
    ]
    theirs = [entries[i] for i in system] + [elements[s] for s in ("Li", "Mn", "O", "P", "Fe")]

    def distances() -> None:
        diagram = PhaseDiagram(theirs)
        for entry in theirs:
            diagram.get_e_above_hull(entry)

    compare("energy above hull, Fe-Li-Mn-O-P", lambda: energy_above_hull(ours, ours), distances, ours_n=len(ours))


if __name__ == "__main__":
    main()
