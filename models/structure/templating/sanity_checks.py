"""Is a predicted structure sane: shortest distance, coordination, charge, each with its value and limit.

Knows structures and radii; what follows from a failed check is decided elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from pymatgen.core.structure import Structure

from ..layered.clusters import NotAnalysable, possible_bonds
from .rescaling import BOND_TOLERANCE, covalent_radius

MIN_DISTANCE_RATIO: Final = 0.70
"""Shortest distance over the sum of covalent radii. Of 980 monolayers of 2DMatPedia 99.9 % have more than 0.77, of 500
bulk crystals of Petretto et al., Sci. Data 5, 180065 (2018) all; the shortest of all, 0.66, is a relaxed H-H pair."""
MIN_BONDS_KEPT: Final = 0.5
"""Least share of the template's bonds that must still be bonds; and no atom may lose all of its own."""

SEARCH: Final = 1.0
"""Å beyond the sum of covalent radii up to which neighbours are looked for."""

Array = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Check:
    """One check of a structure.

    Attributes
    ----------
    name
        "shortest_distance", "coordination" or "charge".
    passed
        None when it cannot be told.
    value, limit
        What was found, and what is allowed; see `check_predicted`.
    note
        In words.
    """

    name: str
    passed: bool | None
    value: float | None
    limit: float | None
    note: str


def check_predicted(
    structure: Structure, template: Structure, factor: float, states: Mapping[str, float] | None
) -> tuple[Check, Check, Check]:
    """Check a predicted structure.

    Parameters
    ----------
    structure
        With its new elements, sites in the order of the template's.
    template
        The structure it was made from.
    factor
        By which its lengths were scaled.
    states
        Charge-neutral oxidation states of its elements, None when there are none.

    Returns
    -------
    shortest_distance
        Value: the least ratio of a distance to the sum of covalent radii.
    coordination
        Value: the share of the template's bonds that are bonds of the new elements too, being within the sum of their
        covalent radii and 0.4 Å. Bonds that the new elements might have besides are not counted: large cations are
        within their covalent radii of each other in many salts.
    charge
        Value: the total charge of the likeliest oxidation states, 0; none when no choice is neutral.
    """
    symbols = [site.specie.symbol for site in structure]
    radii = np.array([covalent_radius(symbol) for symbol in symbols])
    try:
        near = possible_bonds(structure, SEARCH)
    except NotAnalysable as error:
        shortest = Check("shortest_distance", passed=None, value=None, limit=MIN_DISTANCE_RATIO, note=str(error))
    else:
        expected = radii[near.first] + radii[near.second]
        shortest = check_shortest(symbols, radii, near.first, near.second, near.slack + expected)
    try:
        bonds = possible_bonds(template, BOND_TOLERANCE)
    except NotAnalysable as error:
        note = f"of the template: {error}"
        coordination = Check("coordination", passed=None, value=None, limit=MIN_BONDS_KEPT, note=note)
    else:
        old = np.array([covalent_radius(site.specie.symbol) for site in template])
        lengths = factor * (bonds.slack + old[bonds.first] + old[bonds.second])
        coordination = check_coordination(radii, bonds.first, bonds.second, lengths)
    return shortest, coordination, check_charge(states)


def check_shortest(symbols: Sequence[str], radii: Array, first: Integers, second: Integers, lengths: Array) -> Check:
    """Check the shortest distance.

    Parameters
    ----------
    symbols, radii
        Of each of n sites; Å.
    first, second, lengths
        Pairs of sites and how far they are apart, Å: at least all that are within `SEARCH` of their radii.
    """
    name, limit = "shortest_distance", MIN_DISTANCE_RATIO
    if np.isnan(radii).any():
        without = sorted({symbol for symbol, radius in zip(symbols, radii, strict=True) if np.isnan(radius)})
        note = f"no covalent radius is known for {', '.join(without)}"
        return Check(name, passed=None, value=None, limit=limit, note=note)
    expected = radii[first] + radii[second]
    ratios = np.where(lengths < expected + SEARCH, lengths / expected, np.inf)
    least = int(np.argmin(ratios)) if len(ratios) else -1
    if least < 0 or np.isinf(ratios[least]):
        note = f"no two atoms are closer than their covalent radii and {SEARCH:g} Å"
        return Check(name, passed=True, value=None, limit=limit, note=note)
    ratio = float(ratios[least])
    pair = "-".join(sorted((symbols[first[least]], symbols[second[least]])))
    note = f"{pair} {lengths[least]:.2f} Å, {ratio:.2f} of the sum of covalent radii"
    return Check(name, passed=ratio >= limit, value=ratio, limit=limit, note=note)


def check_coordination(radii: Array, first: Integers, second: Integers, lengths: Array) -> Check:
    """Check the coordination.

    Parameters
    ----------
    radii
        (n,) Å: of the new elements.
    first, second, lengths
        The template's bonds, and how long they have become, Å.
    """
    name, limit = "coordination", MIN_BONDS_KEPT
    if not len(first):
        return Check(name, passed=None, value=None, limit=limit, note="the template has no bonds")
    if np.isnan(radii).any():
        return Check(name, passed=None, value=None, limit=limit, note="a radius is not known")
    kept = lengths < radii[first] + radii[second] + BOND_TOLERANCE
    n = len(radii)
    before = np.bincount(first, minlength=n) + np.bincount(second, minlength=n)
    after = np.bincount(first[kept], minlength=n) + np.bincount(second[kept], minlength=n)
    lost = int(((after == 0) & (before > 0)).sum())
    share = float(kept.mean())
    note = f"{after.mean():.1f} of {before.mean():.1f} bonds an atom" + (f", {lost} atoms without" if lost else "")
    return Check(name, passed=share >= limit and not lost, value=share, limit=limit, note=note)


def check_charge(states: Mapping[str, float] | None) -> Check:
    """Check that charge-neutral oxidation states were found."""
    if states is None:
        return Check(
            "charge", passed=False, value=None, limit=0.0, note="no choice of common oxidation states is neutral"
        )
    written = " ".join(f"{element}{state:+g}" for element, state in states.items())
    return Check("charge", passed=True, value=0.0, limit=0.0, note=written)
