"""Radii, coordination numbers and bond lengths of ions, as tabulated.

Radii and coordination numbers: R. D. Shannon, Acta Cryst. A 32, 751 (1976), as pymatgen has them. Bond valences:
M. O'Keeffe and N. E. Brese, J. Am. Chem. Soc. 113, 3226 (1991), likewise. Knows no structures.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from math import sqrt
from typing import Any, Final

import numpy as np
from pymatgen.core.periodic_table import Element

from ..covalent_radii import covalent_radius
from .bond_valence import VALENCE

BOND_SOFTNESS: Final = 0.37
"""Å: by which a bond is longer when its valence is smaller by a factor e (I. D. Brown and D. Altermatt, Acta Cryst. B
41, 244 (1985))."""
RADIUS_PER_NEIGHBOUR: Final = 0.05
RADIUS_PER_CHARGE: Final = -0.08
"""Å: how radii go on where Shannon has none for six neighbours, or for a charge: the usual steps of his table."""
COVALENT_EXCESS: Final = 0.5
"""Å: by how much covalent radii are larger than ionic ones of charge 0, for elements Shannon has no radius of."""
ANION_EXCESS: Final = 0.78
"""Å: by how much Shannon's radii of anions with six neighbours are larger than covalent ones, within 0.05 for each."""
UNKNOWN_RADIUS: Final = 1.9
_NUMERALS: Final = {
    "I": 1,
    "II": 2,
    "III": 3,
    "IV": 4,
    "V": 5,
    "VI": 6,
    "VII": 7,
    "VIII": 8,
    "IX": 9,
    "X": 10,
    "XI": 11,
    "XII": 12,
    "XIV": 14,
}
_SIX: Final = 6


@lru_cache(maxsize=4096)
def cation_radius(element: str, charge: float) -> float:
    """Shannon's ionic radius with six neighbours and high spin in Å; between and beyond his charges, interpolated."""
    radii = {charge: _at_six(entries) for charge, entries in _tabulated(element).items()}
    if not radii:
        radius = covalent_radius(element)
        return (UNKNOWN_RADIUS if np.isnan(radius) else radius) - COVALENT_EXCESS + RADIUS_PER_CHARGE * charge
    charges = sorted(radii)
    within = float(np.interp(charge, charges, [radii[charge] for charge in charges]))
    beyond = charge - min(max(charge, charges[0]), charges[-1])
    return within + RADIUS_PER_CHARGE * beyond


def anion_radius(element: str) -> float:
    """Ionic radius of an anion with six neighbours in Å; NaN where no covalent radius is known."""
    return covalent_radius(element) + ANION_EXCESS


@lru_cache(maxsize=4096)
def coordination_numbers(element: str, charge: float | None) -> tuple[int, int] | None:
    """Least and largest number of neighbours that Shannon has for an ion; None for one of no charge near his.

    Without a charge those of all charges of the element.
    """
    tabulated = _tabulated(element).items()
    numbers = [n for own, entries in tabulated if charge is None or abs(own - charge) <= 0.5 for n, _ in entries]
    return (min(numbers), max(numbers)) if numbers else None


@lru_cache(maxsize=8192)
def bond_length(first: str, second: str) -> float | None:
    """Å: length of a bond of valence 1 between two elements; None where one has no parameters."""
    if first not in VALENCE or second not in VALENCE:
        return None
    (r, c), (other_r, other_c) = VALENCE[first], VALENCE[second]
    return r + other_r - r * other_r * (sqrt(c) - sqrt(other_c)) ** 2 / (c * r + other_c * other_r)


@lru_cache(maxsize=128)
def _tabulated(element: str) -> dict[int, list[tuple[int, float]]]:
    """Number of neighbours and radius in Å, of each positive charge."""
    table: dict[int, list[tuple[int, float]]] = {}
    for charge, by_neighbours in (Element(element).data.get("Shannon radii") or {}).items():
        if not charge.isdigit():
            continue
        for numeral, spins in by_neighbours.items():
            number = _NUMERALS.get(numeral.removesuffix("SQ").removesuffix("PY"))
            if number is not None:
                chosen: Mapping[str, Any] = spins.get("High Spin") or spins.get("") or next(iter(spins.values()))
                table.setdefault(int(charge), []).append((number, float(chosen["ionic_radius"])))
    return table


def _at_six(entries: list[tuple[int, float]]) -> float:
    number, radius = min(entries, key=lambda entry: abs(entry[0] - _SIX))
    return radius + RADIUS_PER_NEIGHBOUR * (_SIX - number)
