"""Standard entropies at 298.15 K of elements and solids: tabulated ones, and an estimate for all others.

`standard_entropies.csv` holds the tabulated ones, each with its source. It knows no energies.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from importlib import resources
from typing import Final, NamedTuple

import numpy as np

from ..composition.formula.parsing import parse
from .convex_hull.composition_table import DECIMALS, CompositionTable, composition_table

TABLE: Final = "standard_entropies.csv"

SOURCES: Final[Mapping[str, str]] = {
    "CODATA": "Cox, Wagman, Medvedev, CODATA Key Values for Thermodynamics, Hemisphere, New York (1989)",
    "CRC": "Standard Thermodynamic Properties of Chemical Substances, in: Haynes (ed.), CRC Handbook of Chemistry and "
    "Physics, 95th ed. (2014), as tabulated in the package chemicals 1.5",
    "Helgeson1978": "Helgeson, Delany, Nesbitt, Bird, Am. J. Sci. 278A, 1 (1978)",
    "Hemingway1991": "Hemingway, Robie, Apps, Am. Mineral. 76, 445 (1991)",
    "JANAF": "Chase, NIST-JANAF Thermochemical Tables, 4th ed., J. Phys. Chem. Ref. Data Monograph 9 (1998)",
    "Majzlan2003": "Majzlan, Grevel, Navrotsky, Am. Mineral. 88, 855 (2003)",
    "NBS": "Wagman et al., J. Phys. Chem. Ref. Data 11, Suppl. 2 (1982)",
    "Robie1978": "Robie, Hemingway, Fisher, U.S. Geol. Surv. Bull. 1452 (1978)",
    "Sassani1998": "Sassani, Shock, Geochim. Cosmochim. Acta 62, 2643 (1998)",
}
"""The tables behind the keys of the column `source`."""

ESTIMATE: Final = "additive estimate"
"""Source of an entropy that no table has."""

OF_METALS: Final = 0.79
"""Share of their own entropies that metals bring into a compound."""

OF_NONMETALS: Final[Mapping[str, float]] = {
    "H": 9.3,
    "B": 0.4,
    "C": 22.0,
    "N": 28.9,
    "O": 15.6,
    "F": 23.8,
    "Si": 8.1,
    "P": 23.0,
    "S": 28.5,
    "Cl": 39.2,
    "As": 30.8,
    "Se": 57.7,
    "Br": 52.9,
    "Te": 57.0,
    "I": 60.8,
}
"""What an atom of a nonmetal brings into a compound, J/(mol K)."""


class Entropy(NamedTuple):
    """A standard entropy, J/(mol K) per atom, and its source: a key of `SOURCES`, or `ESTIMATE`."""

    per_atom: float
    source: str


def standard_entropies(formulas: Sequence[str | Mapping[str, float]] | CompositionTable) -> list[Entropy | None]:
    """Standard entropies of solids, and of elements and water in their standard states.

    Of a formula that tables know it is theirs, whatever the polymorph; of others an estimate, additive as Latimer's (J.
    Am. Chem. Soc. 73, 1480 (1951)): 0.79 of the entropies of the metals, and a constant for each atom of a nonmetal; of
    a compound of metals alone the sum of the metals' entropies (Kopp and Neumann).

    Parameters
    ----------
    formulas
        Formulas, mappings from element symbol to amount, or the table of them.

    Returns
    -------
    list
        One for each formula; None where an element's own entropy isn't tabulated, nor the formula's.

    Raises
    ------
    FormulaError
        When a formula cannot be read.

    Notes
    -----
    The constants are fitted to 432 tabulated solids. Left out of the fit (a twentieth at a time), these are met with a
    mean error of 0.011 eV/atom in T S, 95 % within 0.031; of the 232 with oxygen 0.010 and 0.029.
    """
    table = formulas if isinstance(formulas, CompositionTable) else composition_table(formulas)
    known = _tabulated()
    of_elements = element_entropies()
    shares = np.array([of_elements.get(symbol, np.nan) * OF_METALS for symbol in table.elements])
    nonmetal = np.array([symbol in OF_NONMETALS for symbol in table.elements], dtype=bool)
    shares[nonmetal] = [OF_NONMETALS[symbol] for symbol in table.elements if symbol in OF_NONMETALS]
    found: list[Entropy | None] = []
    for row in table.fractions:
        (held,) = np.nonzero(row)
        entropy = known.get(_fractions([table.elements[j] for j in held], row[held].tolist()))
        if entropy is None:
            value = float(row[held] @ shares[held])
            if not nonmetal[held].any():
                value /= OF_METALS
            entropy = Entropy(value, ESTIMATE) if np.isfinite(value) else None
        found.append(entropy)
    return found


@cache
def element_entropies() -> Mapping[str, float]:
    """Standard entropies of the elements in their standard states (white phosphorus), J/K per mole of atoms."""
    return {next(iter(key))[0]: entropy.per_atom for key, entropy in _tabulated().items() if len(key) == 1}


_Fractions = frozenset[tuple[str, float]]


@cache
def _tabulated() -> Mapping[_Fractions, Entropy]:
    text = (resources.files(__package__) / TABLE).read_text(encoding="utf-8")
    rows = list(csv.DictReader(text.splitlines()))
    parsed = parse([row["formula"] for row in rows])
    entropies: dict[_Fractions, Entropy] = {}
    for i, row in enumerate(rows):
        amounts = parsed.composition(i)
        atoms = sum(amounts.values())
        fractions = _fractions(amounts, [amount / atoms for amount in amounts.values()])
        entropies[fractions] = Entropy(float(row["entropy_j_per_mol_k"]) / atoms, row["source"])
    return entropies


def _fractions(elements: Iterable[str], fractions: Iterable[float]) -> _Fractions:
    return frozenset(zip(elements, (round(fraction, DECIMALS) for fraction in fractions), strict=True))
