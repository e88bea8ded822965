"""What ions have around them: bond valences, numbers of neighbours and nearest ions of the same sign, as arrays.

Lengths of bonds and the fewest neighbours of ions were learnt from real crystals: ``ion_surroundings.json`` beside
this file, written by ``tests/learnt/fit_validity.py``. What is still a crystal is decided elsewhere.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from pymatgen.core.composition import Composition
from pymatgen.optimization.neighbors import find_points_in_spheres

from ..covalent_radii import covalent_radius
from ..sizes.ions import BOND_SOFTNESS, bond_length
from .charges import charges_of

LEARNT: Final = Path(__file__).with_name("ion_surroundings.json")
SOFTENED: Final = 0.3
"""Added to what bonds carry and to the charge before their logarithms are compared: an ion of little charge may miss
all of it."""
SEARCH: Final = 1.2
"""Å beyond the largest sum of covalent radii up to which neighbours are looked for,"""
FARTHEST: Final = 6.0
"""and Å at most."""
FEWEST_BY_CHARGE: Final[Mapping[int, float]] = {1: 2.0, 2: 2.6, 3: 3.4}
"""Fewest neighbours of cations of which nothing was learnt; 3 stands for 3 and more. Hg2+, Pd2+ and their like have 2
to 4, highly charged ones no fewer than `sanity_checks.LEAST_NEIGHBOURS`."""
_AS_GOOD_AS: Final = 4
"""Crystals that such a rule counts as, beside those learnt from."""
_ITSELF: Final = 1e-8
_CHARGED: Final = 0.01

Array = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Contacts:
    """Pairs of atoms that are near each other, each met twice.

    Attributes
    ----------
    first, second, lengths
        Numbers of the atoms, and Å, all of shape (pairs,).
    ratios
        The same over the sums of covalent radii.
    charge
        Of each of the n atoms.
    symbols
        Their elements.
    """

    first: Integers
    second: Integers
    lengths: Array
    ratios: Array
    charge: Array
    symbols: tuple[str, ...]

    def nearest(self, which: NDArray[np.bool_], values: Array) -> Array:
        """Least value of the pairs that are marked, for each atom; infinite where it has none."""
        least = np.full(len(self.symbols), np.inf)
        np.minimum.at(least, self.first[which], values[which])
        return least

    def between(self, sign: int) -> NDArray[np.bool_]:
        """Mark the pairs of cations and anions (-1), or of ions of the same sign (1)."""
        signs = np.where(np.abs(self.charge) > _CHARGED, np.sign(self.charge), 0.0)
        marked: NDArray[np.bool_] = signs[self.first] * signs[self.second] == sign
        return marked


@dataclass(frozen=True, slots=True)
class Valences:
    """What the bonds between cations and anions carry.

    Attributes
    ----------
    excess
        Of each ion: logarithm of what its bonds carry over its charge, `SOFTENED`.
    neighbours
        Of each atom: (sum of valences)² / sum of squares, so that far neighbours count less.
    """

    excess: Array
    neighbours: Array


def contacts(symbols: Sequence[str], matrix: Array, fractional: Array) -> Contacts:
    """Find the contacts in a crystal.

    Parameters
    ----------
    symbols
        Elements of n atoms, of which covalent radii are known.
    matrix, fractional
        Cell vectors (Å, in rows) and places, (n, 3).
    """
    radii = np.array([covalent_radius(symbol) for symbol in symbols])
    charges = charges_of(Composition("".join(symbols)).reduced_formula)
    points = np.ascontiguousarray(np.mod(fractional, 1.0) @ matrix)
    first, second, images, lengths = find_points_in_spheres(
        points,
        points,
        r=min(2 * float(radii.max()) + SEARCH, FARTHEST),
        pbc=np.ones(3, dtype=np.int64),
        lattice=np.ascontiguousarray(matrix),
        tol=_ITSELF,
    )
    apart = (first != second) | images.any(axis=1)
    first, second, lengths = first[apart], second[apart], lengths[apart]
    charge = np.array([charges.get(symbol, 0.0) for symbol in symbols])
    return Contacts(first, second, lengths, lengths / (radii[first] + radii[second]), charge, tuple(symbols))


def ion_name(element: str, charge: float) -> str:
    """Name of an ion by its whole charge: Mg+2."""
    return f"{element}{round(charge):+d}"


def valences(near: Contacts, corrections: Mapping[str, float] | None = None) -> Valences | None:
    """Add up bond valences; None where there are no ions, or parameters of one are not known.

    Parameters
    ----------
    near
        Contacts of a crystal.
    corrections
        Å by which bonds of ions, by `ion_name`, are longer than tabulated; what was learnt without.
    """
    longer = learnt()["lengths"] if corrections is None else corrections
    unlike = near.between(-1)
    first, second = near.first[unlike], near.second[unlike]
    if not len(first):
        return None
    ideal = _ideal_lengths(near.symbols)
    kinds = {symbol: k for k, symbol in enumerate(sorted(set(near.symbols)))}
    kind = np.array([kinds[symbol] for symbol in near.symbols])
    correction = np.array(
        [longer.get(ion_name(symbol, q), 0.0) for symbol, q in zip(near.symbols, near.charge, strict=True)]
    )
    expected = ideal[kind[first], kind[second]] + correction[first] + correction[second]
    if np.isnan(expected).any():
        return None
    carried = np.exp((expected - near.lengths[unlike]) / BOND_SOFTNESS)
    n, charge = len(near.symbols), np.abs(near.charge)
    total, squares = np.bincount(first, carried, n), np.bincount(first, carried**2, n)
    excess = np.log((total + SOFTENED) / (charge + SOFTENED))[charge > _CHARGED]
    return Valences(excess, total**2 / np.maximum(squares, np.finfo(float).tiny))


def fewest_neighbours(element: str, charge: float) -> float:
    """Fewest neighbours that a cation is known to have, as `Valences.neighbours` counts them."""
    rule = FEWEST_BY_CHARGE[min(max(round(charge), 1), max(FEWEST_BY_CHARGE))]
    crystals, fewest = learnt()["fewest"].get(ion_name(element, charge), (0, 0.0))
    return float((crystals * fewest + _AS_GOOD_AS * rule) / (crystals + _AS_GOOD_AS))


@lru_cache(maxsize=1)
def learnt() -> dict[str, Any]:
    """Read what was learnt: "lengths", Å, by ion, and "fewest", by ion: from how many crystals, neighbours."""
    tables: dict[str, Any] = json.loads(LEARNT.read_text(encoding="utf-8"))
    return tables


@lru_cache(maxsize=4096)
def _ideal_lengths_of(symbols: tuple[str, ...]) -> Array:
    return np.array([[bond_length(one, other) or np.nan for other in symbols] for one in symbols])


def _ideal_lengths(symbols: Sequence[str]) -> Array:
    return _ideal_lengths_of(tuple(sorted(set(symbols))))
