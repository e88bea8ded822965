"""Is a predicted structure sane: distances, bonds, volume and ions, each with its value and limits.

Knows radii and distances; what follows from a failed check is decided elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ..sizes.roles import Role
from ..sizes.volumes import SPREAD
from .fragments import BOND_TOLERANCE

MIN_DISTANCE_RATIO: Final = 0.70
"""Shortest distance over the sum of covalent radii. Of 980 monolayers of 2DMatPedia 99.9 % have more than 0.77, of 500
bulk crystals of Petretto et al., Sci. Data 5, 180065 (2018) all; the shortest of all, 0.66, is a relaxed H-H pair."""
MIN_BONDS_KEPT: Final = 0.5
"""Least share of the template's bonds that must still be bonds; and no atom may lose all of its own."""
LONGEST_BOND: Final = 1.35
"""Of the sum of covalent radii, up to which they are: large cations are far from twelve neighbours, as Pb from O in
PbTiO3 (1.32) and from F in PbF2 (1.27), and atoms of metals from as many, in lead 1.20."""

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
        "shortest_distance", "coordination", "volume", "bond_valence", "ion_coordination" or "charge".
    passed
        None when it cannot be told.
    value
        Of the shortest distance: the least ratio of a distance to the sum of covalent radii. Of the coordination: the
        share of the template's bonds that are bonds of the new elements too. Of the volume: over the one that the
        composition takes. Of bond valences: what bonds carry over the charges, or over those of the element that has
        most too much. Of the coordination of ions: by how many neighbours that farthest off is beside what is
        tabulated, 0 within; or how many one has that has too few or too many; or how far to one side of one with a lone
        pair these lie, 0 to 1. Of the charge: the total of the likeliest oxidation states, 0; None when no choice is
        neutral.
    limit
        The least value allowed; of the charge the only one.
    note
        The finding in words.
    most
        The largest value allowed, None where any is.
    """

    name: str
    passed: bool | None
    value: float | None
    limit: float | None
    note: str
    most: float | None = None


def check_shortest(symbols: Sequence[str], radii: Array, first: Integers, second: Integers, lengths: Array) -> Check:
    """Check that no two atoms come closer than `MIN_DISTANCE_RATIO` allows.

    Parameters
    ----------
    symbols, radii
        Element and covalent radius, Å, of each of n sites; NaN where none is known.
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
    """Check that the template's bonds are bonds of the new elements too, within `LONGEST_BOND` of their radii.

    Bonds that the new elements might have besides are not counted: large cations are within their covalent radii of
    each other in many salts.

    Parameters
    ----------
    radii
        Å, (n,): covalent radius of the new element of each site, NaN where none is known.
    first, second, lengths
        The template's bonds, and how long they have become, Å.
    """
    name, limit = "coordination", MIN_BONDS_KEPT
    if not len(first):
        return Check(name, passed=None, value=None, limit=limit, note="the template has no bonds")
    if np.isnan(radii).any():
        return Check(name, passed=None, value=None, limit=limit, note="a radius is not known")
    expected = radii[first] + radii[second]
    kept = lengths < np.maximum(LONGEST_BOND * expected, expected + BOND_TOLERANCE)
    n = len(radii)
    before = np.bincount(first, minlength=n) + np.bincount(second, minlength=n)
    after = np.bincount(first[kept], minlength=n) + np.bincount(second[kept], minlength=n)
    lost = int(((after == 0) & (before > 0)).sum())
    share = float(kept.mean())
    note = f"{after.mean():.1f} of {before.mean():.1f} bonds an atom" + (f", {lost} atoms without" if lost else "")
    return Check(name, passed=share >= limit and not lost, value=share, limit=limit, note=note)


def check_volume(volume: float, expected: float | None) -> Check:
    """Check that a crystal's volume per atom is near the one its composition takes, both in Å³."""
    name, limit, most = "volume", float(np.exp(-SPREAD)), float(np.exp(SPREAD))
    if expected is None:
        return Check(name, passed=None, value=None, limit=limit, note="a radius is not known", most=most)
    ratio = volume / expected
    note = f"{volume:.1f} Å³ an atom, {ratio:.2f} of what its elements take"
    return Check(name, passed=limit <= ratio <= most, value=ratio, limit=limit, note=note, most=most)


def check_charge(states: Mapping[str, float] | None, roles: Mapping[str, Role]) -> Check:
    """Check that charge-neutral oxidation states were found; atoms of metals need none."""
    if states is None and all(role.kind == "metal" for role in roles.values()):
        return Check("charge", passed=None, value=None, limit=0.0, note="a metal")
    if states is None:
        return Check(
            "charge", passed=False, value=None, limit=0.0, note="no choice of common oxidation states is neutral"
        )
    written = " ".join(f"{element}{state:+g}" for element, state in states.items())
    return Check("charge", passed=True, value=0.0, limit=0.0, note=written)
