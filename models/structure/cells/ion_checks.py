"""Whether the ions of a predicted structure have bonds and neighbours as such ions are known to have.

Knows charges, distances and directions; what follows from a failed check is decided elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from pymatgen.core.periodic_table import Element

from ..sizes.ions import BOND_SOFTNESS, bond_length, coordination_numbers
from ..sizes.roles import Kind, Role
from .sanity_checks import Check

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
BERYLLIUM_CHARGE: Final = 2.0
"""Least of the smallest cations: N of charge 1 is ammonium whose hydrogen nobody has found."""
_SMALL: Final = frozenset({"B", "C", "N"})
MOST_OF_SMALL: Final = 5.2
"""Neighbours of such a cation, and of beryllium. They have four at most, which second ones make 4.5 in BN and 4.8 in
BeCN2; six in the octahedra of ilmenite count 5.6. Radii for six are calculated ones in Shannon's table."""
LEAST_ONE_SIDED: Final = 0.2
"""Of an ion of charge 3 and more with a lone pair and about three neighbours: length of the sum of its bonds' valences
along their directions, over the sum of the valences. A pyramid with angles of 100° has 0.47, a flat triangle, as Br's
would be in KBrO3 made of calcite, 0."""
_IN_TRIANGLES: Final = frozenset({"C", "Si", "Ge", "N", "P", "As", "Sb", "Bi"})
"""Anions around which, or with which, highly charged ions have three neighbours."""
MIXED_VALENCE: Final = 0.05
"""By which a charge is off a whole one where ions of an element differ, or electrons are left over."""
LIKE_BOND: Final = 0.1
"""Å beyond the sum of covalent radii up to which two cations or two anions of the p block are bonded. They then carry
charges that the bonds between anions and cations do not, and have neighbours of their own kind."""
LONG_LIKE_BOND: Final = 0.4
"""The same where it counts as a neighbour: Si-Si of CrSiTe3 made of CrGeTe3 is 0.2 Å too long."""

_SIGNS: Final[Mapping[Kind, int]] = {"anion": -1, "metal": 0, "cation": 1}

Array = NDArray[np.float64]
Integers = NDArray[np.int64]


def check_ions(
    symbols: Sequence[str],
    roles: Mapping[str, Role],
    radii: Array,
    first: Integers,
    second: Integers,
    lengths: Array,
    vectors: Array | None = None,
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
    vectors
        Å, (pairs, 3): from the first to the second of each; without them nothing is told of where lone pairs may point.
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
    steps = np.zeros((len(lengths), 3)) if vectors is None else vectors[between] / lengths[:, None]
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
    amiss = None if monolayer or like else _too_many(told)
    if flat:
        return total, amiss or _check_neighbours(told, like=like)
    amiss = amiss or _too_few(told)
    if amiss is None and vectors is not None:
        sums = np.zeros((n, 3))
        np.add.at(sums, first, valences[:, None] * steps)
        np.add.at(sums, second, -valences[:, None] * steps)
        one_sided = np.linalg.norm(sums, axis=1) / np.maximum(carried, np.finfo(float).tiny)
        amiss = _too_flat(told, {name: one_sided[kinds == k] for name, k in number.items()})
    return total, amiss or _check_neighbours(told, like=like)


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


def _too_many(ions: Mapping[str, tuple[float, Array]]) -> Check | None:
    """Fail the smallest cations that have more neighbours than there is room for; None where none does."""
    for name, (charge, counts) in ions.items():
        most = float(counts.max())
        small = (name in _SMALL or name == "Be") and charge >= BERYLLIUM_CHARGE - MIXED_VALENCE
        if small and most > MOST_OF_SMALL:
            note = f"{name}{charge:+g} has {most:.1f} neighbours, such ions have 4 at most"
            return Check("ion_coordination", passed=False, value=most, limit=0.0, note=note, most=MOST_OF_SMALL)
    return None


def _too_flat(ions: Mapping[str, tuple[float, Array]], one_sided: Mapping[str, Array]) -> Check | None:
    """Fail highly charged cations with a lone pair that have no side for it; None where none does."""
    for name, (charge, counts) in ions.items():
        few = counts < LEAST_NEIGHBOURS
        if charge < HIGH_CHARGE - MIXED_VALENCE or not _has_lone_pair(name, charge) or not few.any():
            continue
        least = float(one_sided[name][few].min())
        if least < LEAST_ONE_SIDED:
            note = f"{name}{charge:+g} has its neighbours in one plane, and no side for its lone pair"
            return Check("ion_coordination", passed=False, value=least, limit=LEAST_ONE_SIDED, note=note)
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
