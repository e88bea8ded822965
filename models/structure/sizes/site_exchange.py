"""Which elements of a crystal could change places: alike in size and charge, on sites alike; what that costs in order.

What is proposed as an ordered crystal may be a solid solution when it is made: Cu and Zn in Cu2ZnSnS4 mix above 533 K.
The rule is a suspicion; the energy of an exchange, by a potential, tells up to which temperature an order would hold.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from math import ceil
from typing import Final

import numpy as np
from pymatgen.core.periodic_table import Element
from pymatgen.core.structure import Structure

from ..covalent_radii import covalent_radius
from .ions import anion_radius, cation_radius
from .roles import Role, roles_of

RADIUS_DIFFERENCE: Final = 0.15
"""Of the larger radius: beyond it metals hardly dissolve in each other (Hume-Rothery's rule: Y. M. Zhang, S. Yang and
J. R. G. Evans, Acta Mater. 56, 1094 (2008)); ions are taken alike."""
CHARGE_DIFFERENCE: Final = 1.0
"""Cu+ and Zn2+ mix in Cu2ZnSnS4; Li+ and In3+ order in LiInO2."""
NEIGHBOURS_WITHIN: Final = 1.25
"""Times the shortest distance of a site: these are its neighbours."""
MIXES_BELOW: Final = 600.0
"""K: an order that holds no higher can't be reached, as by then atoms have stopped to move. Cu2ZnSnS4, whose order
holds up to 533 K (J. J. S. Scragg et al., Appl. Phys. Lett. 104, 041911 (2014)), is hardly ever found ordered; CuAu,
up to 683 K, orders when annealed."""
BOLTZMANN: Final = 8.617333262e-5
"""eV/K (CODATA 2018)."""
_LEAST_LENGTH: Final = 7.0
"""Å of the supercell in which two sites are exchanged, so that an exchanged pair is far from its images."""
_MOST_ATOMS: Final = 200
_LONGEST_BOND: Final = 3.5
"""Å: most atoms have a neighbour nearer than that."""


@dataclass(frozen=True, slots=True)
class AlikeElements:
    """Two elements that could change places.

    Attributes
    ----------
    elements
        Symbols, in alphabetical order.
    radius_difference
        As a share of the larger radius.
    charges
        Of the two; 0 in metals.
    sites
        Two sites of the structure with neighbours alike, one of each.
    """

    elements: tuple[str, str]
    radius_difference: float
    charges: tuple[float, float]
    sites: tuple[int, int]


def alike_elements(structure: Structure) -> list[AlikeElements]:
    """Pairs of elements of an ordered crystal that could change places, the most alike in size first.

    They have the same role, charges that differ by one at most, radii (Shannon's with six neighbours, in metals the
    covalent ones) within 15 %, and sites with the same neighbours where the two are not told apart.
    """
    if not structure.is_ordered:
        return []
    roles = roles_of(structure.composition.reduced_formula)
    symbols = [site.specie.symbol for site in structure]
    found = []
    for first, second in combinations(sorted(roles), 2):
        one, other = _likened(first, roles[first], second, roles[second])
        if one.kind != other.kind or abs(one.charge - other.charge) > CHARGE_DIFFERENCE:
            continue
        sizes = _radius(first, one), _radius(second, other)
        difference = abs(sizes[0] - sizes[1]) / max(sizes)
        if not difference <= RADIUS_DIFFERENCE:
            continue
        if (sites := _sites_alike(structure, symbols, first, second)) is not None:
            found.append(AlikeElements((first, second), difference, (one.charge, other.charge), sites))
    return sorted(found, key=lambda pair: pair.radius_difference)


def exchanged(structure: Structure, pair: AlikeElements) -> tuple[Structure, Structure]:
    """A supercell as it is, and with one atom of each of two elements exchanged, as far apart as the cell has them.

    Parameters
    ----------
    structure
        The crystal; where it is a layer, its vacuum is not repeated.
    pair
        Of its elements.
    """
    lattice = structure.lattice
    heights = lattice.volume / np.array([np.linalg.norm(np.cross(*np.delete(lattice.matrix, i, 0))) for i in range(3)])
    repeats = [max(1, ceil(_LEAST_LENGTH / height)) for height in heights]
    while len(structure) * int(np.prod(repeats)) > _MOST_ATOMS and max(repeats) > 1:
        repeats[int(np.argmax(repeats))] -= 1
    cell = structure.make_supercell(repeats, in_place=False)
    copies = int(np.prod(repeats))
    first, *others = (index * copies for index in pair.sites)
    second = others[0]
    candidates = range(second, second + copies)
    far = max(candidates, key=lambda index: round(cell.get_distance(first, index), 3))
    swapped = cell.copy()
    swapped.replace(first, pair.elements[1])
    swapped.replace(far, pair.elements[0])
    return cell, swapped


def order_holds_up_to(exchange_energy: float) -> float:
    """Temperature in K up to which an order holds by the mean field of Bragg and Williams; 0 where exchange gains.

    With the energy E0 that complete disorder costs two sites, the order goes at E0/k, and the first exchange costs
    4 E0 (W. L. Bragg and E. J. Williams, Proc. R. Soc. A 145, 699 (1934)).

    Parameters
    ----------
    exchange_energy
        eV for one exchange of two atoms, far apart.
    """
    return max(0.0, exchange_energy / (4 * BOLTZMANN))


def _likened(first: str, one: Role, second: str, other: Role) -> tuple[Role, Role]:
    """Roles of two elements; of the same group and role with the same charge, which guesses spread over them."""
    if one.kind == other.kind and Element(first).group == Element(second).group:
        mean = Role(one.kind, (one.charge + other.charge) / 2)
        return mean, mean
    return one, other


def _radius(element: str, role: Role) -> float:
    if role.kind == "anion":
        return anion_radius(element)
    return float(covalent_radius(element)) if role.kind == "metal" else cation_radius(element, role.charge)


def _sites_alike(structure: Structure, symbols: Sequence[str], first: str, second: str) -> tuple[int, int] | None:
    """Two sites, one of each element, whose neighbours are the same where the two elements are not told apart."""
    told = ["first or second" if symbol in (first, second) else symbol for symbol in symbols]
    around: dict[str, dict[tuple[tuple[str, int], ...], int]] = {first: {}, second: {}}
    centers, points, _, distances = structure.get_neighbor_list(_reach(structure))
    for index, symbol in enumerate(symbols):
        if symbol not in around:
            continue
        mine = centers == index
        if not mine.any():
            continue
        near = points[mine][distances[mine] <= NEIGHBOURS_WITHIN * distances[mine].min()]
        around[symbol].setdefault(tuple(sorted(Counter(told[i] for i in near).items())), index)
    shared = sorted(around[first].keys() & around[second].keys())
    return (around[first][shared[0]], around[second][shared[0]]) if shared else None


def _reach(structure: Structure) -> float:
    return float(NEIGHBOURS_WITHIN * max(_LONGEST_BOND, (structure.volume / len(structure)) ** (1 / 3)))
