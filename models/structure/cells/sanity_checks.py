"""Is a predicted structure sane: distances, bonds, volume and ions, each with its value and limits.

Knows radii and distances; what follows from a failed check is decided elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from pymatgen.core.periodic_table import Element

from ..sizes.ions import BOND_SOFTNESS, bond_length, coordination_numbers
from ..sizes.roles import Kind, Role
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

LEAST_VALENCE: Final = 0.45
MOST_VALENCE: Final = 2.1
"""What the bonds between anions and cations carry, over the charge they have to carry. Of 484 crystals of the bundled
handbook 99 % are within 0.63 and 1.97, of 1,088 bulk crystals of Petretto et al. 98 % within 0.47 and 1.73."""
MOST_VALENCE_OF_ONE: Final = 2.4
"""The same for the cations of one element alone, where the sum hides that one has too much room and another none, as Ba
and Sn have where BaSnO3 is made of aragonite. Of 607 cations in the handbook's crystals none carries more, of 1,919 in
those of Petretto et al. 0.6 %: in complex hydrides and tellurides of three metals."""
NEIGHBOURS_LESS: Final = 2.5
NEIGHBOURS_MORE: Final = 1.0
"""By how many an ion's neighbours may be fewer or more than the fewest and most that Shannon tabulates. They are
counted as (sum of valences)² / sum of squares, so that far ones count less. 99.5 % of the same crystals have at most
0.65 more; fewer have ions of the p block, which may have a lone pair and are left out, and some between layers."""
LEAST_NEIGHBOURS: Final = 3.4
"""Of ions of charge 3 and more that have no lone pair, boron, carbon and nitrogen apart: of 806 in the same crystals
none has less than 3.72. In the flat triangle of calcite's carbon Si4+ and Sn4+ would have 3. Carbides, nitrides and
their like are let off: FeN3 of Sr3FeN3 and InAs3 of Cs6InAs3 are such triangles. So are monolayers: with them fewer of
2DMatPedia's would be found (of 487 three less among the first five)."""
HIGH_CHARGE: Final = 3.0
_SMALL: Final = frozenset({"B", "C", "N"})
_IN_TRIANGLES: Final = frozenset({"C", "Si", "Ge", "N", "P", "As", "Sb", "Bi"})
"""Anions around which, or with which, highly charged ions have three neighbours."""
MIXED_VALENCE: Final = 0.05
"""By which a charge is off a whole one where ions of an element differ, or electrons are left over."""
LIKE_BOND: Final = 0.1
"""Å beyond the sum of covalent radii up to which two cations or two anions of the p block are bonded. They then carry
charges that the bonds between anions and cations do not, and have neighbours of their own kind."""
LONG_LIKE_BOND: Final = 0.4
"""The same where it counts as a neighbour: Si-Si of CrSiTe3 made of CrGeTe3 is 0.2 Å too long."""

SEARCH: Final = 1.0
"""Å beyond the sum of covalent radii up to which neighbours are looked for."""

_SIGNS: Final[Mapping[Kind, int]] = {"anion": -1, "metal": 0, "cation": 1}

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
        tabulated, 0 within; or how many one has that has too few. Of the charge: the total of the likeliest oxidation
        states, 0; None when no choice is neutral.
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


def check_ions(
    symbols: Sequence[str],
    roles: Mapping[str, Role],
    radii: Array,
    first: Integers,
    second: Integers,
    lengths: Array,
    *,
    monolayer: bool,
) -> tuple[Check, Check]:
    """Check that bonds carry about the charges of the ions, and that cations have neighbours as they are known to have.

    Parameters
    ----------
    symbols
        Elements of n sites.
    roles
        Of each element.
    radii
        Å, (n,): covalent radius of each site, NaN where none is known.
    first, second, lengths
        Pairs of sites and how far they are apart, Å.
    monolayer
        Whether it is one, whose ions may miss neighbours at the surface and lie flat, as in a single layer of AlN.

    Returns
    -------
    bond_valence, ion_coordination
        Neither can be told without ions, or without bond valence parameters of one.
    """
    names = sorted(roles)
    ideal = np.array([[bond_length(one, other) or np.nan for other in names] for one in names])
    number = {name: k for k, name in enumerate(names)}
    kinds = np.array([number[symbol] for symbol in symbols], dtype=np.intp)
    sign = np.array([_SIGNS[roles[name].kind] for name in names])
    anion, cation = sign < 0, sign > 0
    charge = np.array([roles[name].charge for name in names])
    one, other = kinds[first], kinds[second]
    between = sign[one] * sign[other] < 0
    covalent = np.array([Element(name).block == "p" for name in names])
    beyond = (lengths - radii[first] - radii[second])[covalent[one] & covalent[other] & ~between]
    like = bool((beyond < LIKE_BOND).any())
    no_ions = not (anion.any() and cation.any())
    if no_ions or np.isnan(ideal[np.ix_(anion, cation)]).any():
        note = "no ions" if no_ions else "bond valences are not known"
        return _untold_ions(note)
    first, second, lengths = first[between], second[between], lengths[between]
    valences = np.exp((ideal[one[between], other[between]] - lengths) / BOND_SOFTNESS)
    n = len(symbols)
    carried = np.bincount(first, valences, n) + np.bincount(second, valences, n)
    squares = np.bincount(first, valences**2, n) + np.bincount(second, valences**2, n)
    ions = cation[kinds]
    share = float(carried[ions].sum() / charge[kinds][ions].sum())
    by_element = {name: float(carried[kinds == k].mean() / charge[k]) for k, name in enumerate(names) if cation[k]}
    total = _check_valence(share, by_element, like=like)
    neighbours = carried**2 / np.maximum(squares, np.finfo(float).tiny)
    by_ion = {name: neighbours[kinds == k] for k, name in enumerate(names) if cation[k]}
    told = {name: (roles[name].charge, counts) for name, counts in by_ion.items()}
    triangles = any(anion[k] and name in _IN_TRIANGLES for k, name in enumerate(names))
    flat = monolayer or triangles or bool((beyond < LONG_LIKE_BOND).any())
    return total, (None if flat else _too_few(told)) or _check_neighbours(told, like=like)


def _check_valence(share: float, by_element: Mapping[str, float], *, like: bool) -> Check:
    """Check what bonds carry over the charges, of all cations and by element; `like` allows any less."""
    name, limit, most = "bond_valence", LEAST_VALENCE, MOST_VALENCE
    passed = (like or share >= limit) and share <= most
    fullest = max(by_element, key=by_element.__getitem__)
    if passed and by_element[fullest] > MOST_VALENCE_OF_ONE:
        value = by_element[fullest]
        note = f"bonds of {fullest} carry {value:.2f} of its charge"
        return Check(name, passed=False, value=value, limit=limit, note=note, most=MOST_VALENCE_OF_ONE)
    note = f"bonds carry {share:.2f} of the charges" + (", those between like ions not counted" if like else "")
    return Check(name, passed=passed, value=share, limit=limit, note=note, most=most)


def _too_few(ions: Mapping[str, tuple[float, Array]]) -> Check | None:
    """Fail highly charged cations that have fewer neighbours than any is known to have; None where none does."""
    for name, (charge, counts) in ions.items():
        fewest = float(counts.min())
        if charge < HIGH_CHARGE - MIXED_VALENCE or name in _SMALL or _has_lone_pair(name, charge):
            continue
        if fewest < LEAST_NEIGHBOURS:
            note = f"{name}{charge:+g} has {fewest:.1f} neighbours, such ions have {LEAST_NEIGHBOURS:g} at least"
            return Check("ion_coordination", passed=False, value=fewest, limit=LEAST_NEIGHBOURS, note=note)
    return None


def _has_lone_pair(element: str, charge: float) -> bool:
    """Whether an ion of the p block, of less than the charge of its group, keeps electrons for one."""
    found = Element(element)
    return str(found.block) == "p" and charge < float(found.group) - 10 - MIXED_VALENCE


def _check_neighbours(ions: Mapping[str, tuple[float, Array]], *, like: bool) -> Check:
    """Check the numbers of neighbours of cations, given the charge of each element and the numbers by site.

    `like` ions are bonded to each other: any number below is allowed, and charges tell little. Ions that may have a
    lone pair may have any number below, too.
    """
    off, note = 0.0, "as tabulated"
    for name, (charge, counts) in ions.items():
        known = coordination_numbers(name, None if like else charge)
        if known is None or abs(charge - round(charge)) > MIXED_VALENCE:
            continue
        fewest, most = float(counts.min()), float(counts.max())
        fewer = 0.0 if like or Element(name).block == "p" else min(fewest - known[0], 0.0)
        for beside, count in ((fewer, fewest), (max(most - known[1], 0.0), most)):
            if abs(beside) > abs(off):
                off = beside
                note = f"{name}{charge:+g} has {count:.1f} neighbours, {known[0]} to {known[1]} are known"
    return Check(
        "ion_coordination",
        passed=-NEIGHBOURS_LESS <= off <= NEIGHBOURS_MORE,
        value=off,
        limit=-NEIGHBOURS_LESS,
        note=note,
        most=NEIGHBOURS_MORE,
    )


def _untold_ions(note: str) -> tuple[Check, Check]:
    total = Check("bond_valence", passed=None, value=None, limit=LEAST_VALENCE, note=note, most=MOST_VALENCE)
    near = Check("ion_coordination", passed=None, value=None, limit=-NEIGHBOURS_LESS, note=note, most=NEIGHBOURS_MORE)
    return total, near


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
