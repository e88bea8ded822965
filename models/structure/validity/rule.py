"""The rule by which an arrangement of atoms could be a crystal: checks with values and limits, one after the other.

Each limit is one that about one real crystal in a hundred is beyond, so that nineteen of twenty pass all of them; what
random arrangements and strained crystals do is told by ``tests/learnt/fit_validity.py``. Knows no energies.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import exp, inf
from typing import Final

import numpy as np
from numpy.typing import NDArray
from pymatgen.core.composition import Composition

from ..cells.sanity_checks import Check
from ..covalent_radii import covalent_radius
from ..sizes.volumes import expected_volume
from .charges import has_full_charge
from .surroundings import Array, Contacts, Valences, contacts, fewest_neighbours, valences

LEAST_CHARGE: Final = 0.5
"""Of cations whose neighbours are counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidityRule:
    """Limits of what could be a crystal.

    Attributes
    ----------
    volume
        Volume per atom over the one that the composition takes, least and most.
    shortest
        Least distance over the sum of covalent radii.
    farthest
        Most of the same that an atom may be from its nearest neighbour.
    cations
        Least of the same for two cations,
    cations_beside_anions
        and least ratio of a cation's distance from the nearest cation to that from its nearest anion.
    bonded_anions
        Most share of anions of full charge (O2-) that may be bonded to each other,
    bond_of_anions
        up to which distance over the sum of covalent radii they are, and up to which they are neither bonded nor apart.
    valence
        Logarithm of what the bonds of ions carry over their charges: least and most of its mean,
    valence_spread
        and the most that it may deviate.
    missing_neighbours
        By how many a cation's neighbours may be fewer than the fewest known.
    """

    volume: tuple[float, float] = (exp(-0.5), exp(0.65))
    shortest: float = 0.76
    farthest: float = 1.35
    cations: float = 0.77
    cations_beside_anions: float = 0.9
    bonded_anions: float = 1 / 3
    bond_of_anions: tuple[float, float] = (1.15, 1.3)
    valence: tuple[float, float] = (-0.35, 0.3)
    valence_spread: float = 0.5
    missing_neighbours: float = 1.0

    def checks(self, symbols: Sequence[str], matrix: Array, fractional: Array) -> Iterator[Check]:
        """Check a crystal, the cheapest first.

        Parameters
        ----------
        symbols
            Elements of n atoms.
        matrix, fractional
            Cell vectors (Å, in rows) and places, (n, 3).

        Yields
        ------
        Check
            "volume", "shortest_distance", "lone_atom"; of what has ions "cation_contact", "anion_contact",
            "bond_valence", "bond_valence_spread" and "missing_neighbours".
        """
        formula = Composition("".join(symbols)).reduced_formula
        yield self._volume(abs(float(np.linalg.det(matrix))) / len(symbols), expected_volume(formula))
        if any(np.isnan(covalent_radius(symbol)) for symbol in set(symbols)):
            note = "a covalent radius is not known"
            yield Check("shortest_distance", passed=None, value=None, limit=self.shortest, note=note)
            return
        near = contacts(symbols, matrix, fractional)
        yield self._shortest(near)
        yield self._lone(near)
        if (near.charge < 0).any() and (near.charge > 0).any():
            yield self._cations(near)
            yield self._anions(near)
            yield from self._valences(near)

    def _volume(self, volume: float, expected: float | None) -> Check:
        least, most = self.volume
        if expected is None:
            return Check("volume", passed=None, value=None, limit=least, note="a radius is not known", most=most)
        ratio = volume / expected
        note = f"{volume:.1f} Å³ an atom, {ratio:.2f} of what its elements take"
        return Check("volume", passed=least <= ratio <= most, value=ratio, limit=least, note=note, most=most)

    def _shortest(self, near: Contacts) -> Check:
        if not len(near.ratios):
            return Check("shortest_distance", passed=True, value=None, limit=self.shortest, note="no atoms are near")
        least = int(np.argmin(near.ratios))
        return Check(
            "shortest_distance",
            passed=bool(near.ratios[least] >= self.shortest),
            value=float(near.ratios[least]),
            limit=self.shortest,
            note=f"{_pair(near, least)}, {near.ratios[least]:.2f} of the sum of covalent radii",
        )

    def _lone(self, near: Contacts) -> Check:
        nearest = near.nearest(np.ones(len(near.first), dtype=bool), near.ratios)
        worst = int(np.argmax(nearest))
        value = float(nearest[worst])
        note = f"{near.symbols[worst]} is {value:.2f} of the sum of covalent radii from the nearest atom"
        passed, told = value <= self.farthest, None if value == inf else value
        return Check("lone_atom", passed=passed, value=told, limit=0.0, note=note, most=self.farthest)

    def _cations(self, near: Contacts) -> Check:
        """Check that cations keep apart, and that their anions are nearer than they."""
        like = near.between(1) & (near.charge[near.first] > 0)
        apart = near.nearest(like, near.ratios)
        other = near.nearest(like, near.lengths)
        own = near.nearest(near.between(-1), near.lengths)
        cation = near.charge > 0
        beside = np.where(own[cation] < inf, other[cation] / own[cation], np.where(other[cation] < inf, 0.0, inf))
        value = float(beside.min())
        too_close = float(apart[cation].min())
        if too_close < self.cations:
            note = f"two cations are {too_close:.2f} of the sum of their covalent radii apart"
            return Check("cation_contact", passed=False, value=too_close, limit=self.cations, note=note)
        return Check(
            "cation_contact",
            passed=value >= self.cations_beside_anions,
            value=None if value == inf else value,
            limit=self.cations_beside_anions,
            note=f"the nearest cation is {value:.2f} times as far from a cation as the nearest anion",
        )

    def _anions(self, near: Contacts) -> Check:
        """Check that anions of full charge are not bonded to each other, or few of them."""
        like = near.between(1) & (near.charge[near.first] < 0)
        nearest = near.nearest(like, near.ratios)[_full(near)]
        bonded, apart = self.bond_of_anions
        share = float((nearest < apart).sum() / max((near.charge < 0).sum(), 1))
        between = bool(((nearest > bonded) & (nearest < apart)).any())
        note = f"{share:.0%} of the anions are bonded to others" + (", too far for a bond" if between else "")
        passed = share <= self.bonded_anions and not between
        return Check("anion_contact", passed=passed, value=share, limit=0.0, note=note, most=self.bonded_anions)

    def _valences(self, near: Contacts) -> Iterator[Check]:
        least, most = self.valence
        summed = valences(near)
        if summed is None:
            note = "bond valences are not known"
            yield Check("bond_valence", passed=None, value=None, limit=least, note=note, most=most)
            return
        if not _full(near)[near.charge < 0].all():
            note = "anions share electrons with each other, as in peroxides: what their bonds carry is not known"
            yield Check("bond_valence", passed=None, value=None, limit=least, note=note, most=most)
        else:
            yield from self._carried(summed)
        yield from self._neighbours(near, summed)

    def _carried(self, summed: Valences) -> Iterator[Check]:
        least, most = self.valence
        mean, spread = float(summed.excess.mean()), float(summed.excess.std())
        note = f"bonds carry {exp(mean):.2f} of the charges"
        yield Check("bond_valence", passed=least <= mean <= most, value=mean, limit=least, note=note, most=most)
        yield Check(
            "bond_valence_spread",
            passed=spread <= self.valence_spread,
            value=spread,
            limit=0.0,
            note=f"from ion to ion by a factor of {exp(spread):.2f}",
            most=self.valence_spread,
        )

    def _neighbours(self, near: Contacts, summed: Valences) -> Iterator[Check]:
        missing = [
            (fewest_neighbours(symbol, float(charge)) - float(count), symbol, float(count))
            for symbol, charge, count in zip(near.symbols, near.charge, summed.neighbours, strict=True)
            if charge > LEAST_CHARGE
        ]
        if missing:
            worst, symbol, count = max(missing)
            yield Check(
                "missing_neighbours",
                passed=worst <= self.missing_neighbours,
                value=max(worst, 0.0),
                limit=0.0,
                note=f"{symbol} has {count:.1f} neighbours, {count + worst:.1f} are the fewest known",
                most=self.missing_neighbours,
            )


def _full(near: Contacts) -> NDArray[np.bool_]:
    """Mark the atoms that are anions with all the charge they take."""
    pairs = zip(near.symbols, near.charge, strict=True)
    return np.array([has_full_charge(symbol, float(charge)) for symbol, charge in pairs])


def _pair(near: Contacts, number: int) -> str:
    names = sorted((near.symbols[near.first[number]], near.symbols[near.second[number]]))
    return f"{'-'.join(names)} {near.lengths[number]:.2f} Å"
