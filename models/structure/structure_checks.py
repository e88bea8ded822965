"""Is a predicted structure sane: shortest distance, coordination, charge, each with its value and limit.

Knows structures and radii; what follows from a failed check is decided elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from pymatgen.core.structure import Structure

from .clusters import COVALENT_RADII, NotAnalysable, possible_bonds
from .rescaling import BOND_TOLERANCE

MIN_DISTANCE_RATIO: Final = 0.70
"""Shortest distance over the sum of covalent radii. Of 980 monolayers of 2DMatPedia 99.9 % have more than 0.77, of 500
bulk crystals of Petretto et al., Sci. Data 5, 180065 (2018) all; the shortest of all, 0.66, is a relaxed H-H pair."""
MIN_BONDS_KEPT: Final = 0.5
"""Least share of the template's bonds that must still be bonds; and no atom may lose all of its own."""

_SEARCH: Final = 1.0  # Å beyond the sum of covalent radii up to which neighbours are looked for


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
    return _shortest(structure), _coordination(structure, template, factor), _charge(states)


def _shortest(structure: Structure) -> Check:
    try:
        bonds = possible_bonds(structure, _SEARCH)
    except NotAnalysable as error:
        return Check("shortest_distance", passed=None, value=None, limit=MIN_DISTANCE_RATIO, note=str(error))
    if not len(bonds.first):
        note = f"no two atoms are closer than their covalent radii and {_SEARCH:g} Å"
        return Check("shortest_distance", passed=True, value=None, limit=MIN_DISTANCE_RATIO, note=note)
    radii = _radii(structure)
    expected = radii[bonds.first] + radii[bonds.second]
    ratios = (bonds.slack + expected) / expected
    least = int(np.argmin(ratios))
    pair = sorted(structure[int(index)].specie.symbol for index in (bonds.first[least], bonds.second[least]))
    ratio = float(ratios[least])
    length = bonds.slack[least] + expected[least]
    note = f"{'-'.join(pair)} {length:.2f} Å, {ratio:.2f} of the sum of covalent radii"
    return Check(
        "shortest_distance", passed=ratio >= MIN_DISTANCE_RATIO, value=ratio, limit=MIN_DISTANCE_RATIO, note=note
    )


def _coordination(structure: Structure, template: Structure, factor: float) -> Check:
    try:
        bonds = possible_bonds(template, BOND_TOLERANCE)
    except NotAnalysable as error:
        return Check("coordination", passed=None, value=None, limit=MIN_BONDS_KEPT, note=f"of the template: {error}")
    if not len(bonds.first):
        return Check("coordination", passed=None, value=None, limit=MIN_BONDS_KEPT, note="the template has no bonds")
    old, new = _radii(template), _radii(structure)
    if np.isnan(new).any():
        return Check("coordination", passed=None, value=None, limit=MIN_BONDS_KEPT, note="a radius is not known")
    lengths = factor * (bonds.slack + old[bonds.first] + old[bonds.second])
    kept = lengths < new[bonds.first] + new[bonds.second] + BOND_TOLERANCE
    before = np.bincount(np.concatenate([bonds.first, bonds.second]), minlength=len(old))
    after = np.bincount(np.concatenate([bonds.first[kept], bonds.second[kept]]), minlength=len(old))
    lost = int(((after == 0) & (before > 0)).sum())
    share = float(kept.mean())
    note = f"{after.mean():.1f} of {before.mean():.1f} bonds an atom" + (f", {lost} atoms without" if lost else "")
    passed = share >= MIN_BONDS_KEPT and not lost
    return Check("coordination", passed=passed, value=share, limit=MIN_BONDS_KEPT, note=note)


def _radii(structure: Structure) -> NDArray[np.float64]:
    """Covalent radius of each site in Å, NaN beyond Cm."""
    numbers = np.array([site.specie.Z for site in structure])
    radii: NDArray[np.float64] = np.append(COVALENT_RADII, np.nan)[np.minimum(numbers, len(COVALENT_RADII))]
    return radii


def _charge(states: Mapping[str, float] | None) -> Check:
    if states is None:
        return Check(
            "charge", passed=False, value=None, limit=0.0, note="no choice of common oxidation states is neutral"
        )
    written = " ".join(f"{element}{state:+g}" for element, state in states.items())
    return Check("charge", passed=True, value=0.0, limit=0.0, note=written)
