"""Contacts between atoms: how long each is beside the radii of its atoms, and how strong a bond that makes it.

It knows atoms and distances; what holds together and what comes apart is decided elsewhere.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from pymatgen.core.periodic_table import Element
from pymatgen.core.structure import Structure

from ..covalent_radii import COVALENT_RADII, LAST_RADIUS
from .clusters import Cluster, atomic_numbers, close_pairs, plane_normal

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

WIDEST_RATIO: Final = 1.5
"""Of a distance to the sum of the covalent radii, up to which contacts are looked at: Larsen's score of dimensionality
is 0.92 there (see `dimension_scores`)."""
WEAKEST: Final = 1.2
"""Å beyond the sum of the covalent radii up to which contacts have a strength: 0.04 of a bond there."""
SOFTNESS: Final = 0.37
"""Å by which a bond is longer for 1/e of its strength: I. D. Brown and D. Altermatt, Acta Cryst. B41, 244 (1985)."""
WIDEST_BETWEEN_METALS: Final = 1.1
"""Ratio up to which two metals bind each other beside anions: Ga-Ga in GaSe and Hg-Hg in Hg2Cl2 have 1.0, Tl-Tl in TlF,
which is none, 1.2."""
LIKE: Final = 0.8
"""By which a contact between atoms of one element counts less: nothing of opposite charge attracts there."""
FEWEST_ANIONS: Final = 0.25
"""Anions per electropositive atom from which on those are ions: the suboxide Cs11O3 has 0.27, the metal Ca7Ge 0.14."""
_NONMETALS: Final = (
    *("H", "B", "C", "N", "O", "F", "Si", "P", "S", "Cl", "Ge", "As", "Se", "Br", "Sb", "Te", "I", "Bi"),
    *("He", "Ne", "Ar", "Kr", "Xe"),
)


def _electronegativity(number: int) -> float:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pymatgen warns where there is none: of He, Ne, Ar
        return float(Element.from_Z(number).X)


def _of_d_block(number: int) -> bool:
    """Whether the element is of groups 4 to 12: a cation without a lone pair that has all its neighbours around it."""
    element = Element.from_Z(number)
    return number > 2 and 4 <= element.group <= 12 and not (element.is_lanthanoid or element.is_actinoid)


def _electropositive(number: int) -> bool:
    """Whether the element is an ion wherever there is an anion: groups 1 to 3 with the f elements, but not hydrogen."""
    element = Element.from_Z(number)
    return element.is_lanthanoid or element.is_actinoid or (number > 1 and element.group <= 3)


POLAR: Final = 1.0
"""Difference of Pauling's electronegativities from which on one of two metals is an anion: Rb and Au 1.7."""
ELECTRONEGATIVITIES: Final[Array] = np.nan_to_num([0.0] + [_electronegativity(z) for z in range(1, LAST_RADIUS + 1)])
"""By atomic number."""
ELECTROPOSITIVE: Final[Mask] = np.array([False] + [_electropositive(z) for z in range(1, LAST_RADIUS + 1)])
"""By atomic number."""
D_BLOCK: Final[Mask] = np.array([False] + [_of_d_block(z) for z in range(1, LAST_RADIUS + 1)])
"""By atomic number."""
NONMETAL: Final[Mask] = np.isin(np.arange(LAST_RADIUS + 1), [Element(symbol).Z for symbol in _NONMETALS])
"""By atomic number: non-metals, metalloids and bismuth, which are anions beside electropositive elements."""


@dataclass(frozen=True, slots=True)
class Contacts:
    """Pairs of atoms near each other, each once, but that of an atom with its own image from both ends.

    Attributes
    ----------
    first, second : int array (n_contacts,)
        Site indices; the second atom is the one in the cell `image`.
    image : int array (n_contacts, 3)
    ratio : float array (n_contacts,)
        Distance over the sum of the covalent radii.
    strength : float array (n_contacts,)
        1 for a bond as long as that sum or shorter, exp(-(d - sum) / 0.37 Å) beyond.
    numbers : int array (n_sites,)
        Atomic numbers of the sites.
    """

    first: NDArray[np.int64]
    second: NDArray[np.int64]
    image: NDArray[np.int64]
    ratio: Array
    strength: Array
    numbers: NDArray[np.int64]

    def __getitem__(self, chosen: Mask) -> Contacts:
        """Those that a mask of the contacts chooses."""
        first, second, image = self.first[chosen], self.second[chosen], self.image[chosen]
        return Contacts(first, second, image, self.ratio[chosen], self.strength[chosen], self.numbers)


def contacts(structure: Structure) -> Contacts:
    """List the contacts of a crystal.

    Two cations do not bind each other, however large their covalent radii (those of Cs add up to 4.9 Å): pairs of
    electropositive elements are left out where there is an anion.

    Parameters
    ----------
    structure
        An ordered structure, any cell.

    Raises
    ------
    NotAnalysable
        When a site is disordered or its element has no covalent radius.
    """
    numbers = atomic_numbers(structure)
    radii = COVALENT_RADII[numbers]
    cations, metals = ELECTROPOSITIVE[numbers], ~NONMETAL[numbers]
    if (~metals).sum() < FEWEST_ANIONS * cations.sum():
        cations[:] = False
    if metals.all():
        metals[:] = False  # beside no anion they bind each other at any distance
    largest = float(radii.max())
    if cations.any() and not cations.all():
        largest = max(float(radii.max() + radii[~cations].max()) / 2, float(radii[~cations].max()))
    reach = max(2 * largest * WIDEST_RATIO, 2 * largest + WEAKEST)
    lattice = structure.lattice
    first, second, image, distances = close_pairs(lattice.matrix, structure.frac_coords, lattice.pbc, reach)
    sums = radii[first] + radii[second]
    near = (distances < WIDEST_RATIO * sums) | (distances < sums + WEAKEST)
    near &= ~(cations[first] & cations[second])
    polar = np.abs(ELECTRONEGATIVITIES[numbers[first]] - ELECTRONEGATIVITIES[numbers[second]]) > POLAR
    near &= ~(metals[first] & metals[second]) | polar | (distances < WIDEST_BETWEEN_METALS * sums)
    first, second, image, distances, sums = first[near], second[near], image[near], distances[near], sums[near]
    strength = np.minimum(1.0, np.exp((sums - distances) / SOFTNESS))
    strength[distances > sums + WEAKEST] = 0.0
    strength[numbers[first] == numbers[second]] *= LIKE
    return Contacts(first, second, image, distances / sums, strength, numbers)


def crossing(found: Contacts, clusters: tuple[Cluster, ...], sites: int) -> Mask:
    """Which contacts go from one cluster to another, or to another image of the same.

    Parameters
    ----------
    found
        Contacts of a structure.
    clusters
        All clusters of it, whose periods are all the translations along their directions.
    sites
        How many atoms the structure has.
    """
    cluster_of = np.zeros(sites, dtype=np.int64)
    images = np.zeros((sites, 3), dtype=np.int64)
    for number, cluster in enumerate(clusters):
        cluster_of[list(cluster.sites)] = number
        images[list(cluster.sites)] = cluster.images
    ends = cluster_of[found.first]
    crosses: Mask = ends != cluster_of[found.second]
    steps = found.image + images[found.first] - images[found.second]
    moved = np.flatnonzero(~crosses & steps.any(axis=1))
    for number in np.unique(ends[moved]).tolist():
        own = moved[ends[moved] == number]
        crosses[own] = _leaves(steps[own], clusters[number])
    return crosses


def _leaves(steps: NDArray[np.int64], cluster: Cluster) -> Mask:
    """Which lattice translations lead out of a cluster."""
    if cluster.dimensionality == 3:
        return np.zeros(len(steps), dtype=bool)
    if cluster.dimensionality == 2:
        across: Mask = steps @ np.array(plane_normal(cluster)) != 0
        return across
    off = np.cross(steps, np.array(cluster.periods[0])) if cluster.dimensionality == 1 else steps
    return np.asarray(off.any(axis=1))


@dataclass(frozen=True, slots=True)
class Binding:
    """How strongly clusters are bound to each other, beside the bonds within.

    Attributes
    ----------
    shares : float array (n_sites,)
        Of all its bonding what each atom has across, 0 to 1.
    strongest
        Strength of the strongest contact across; 1 is a full bond.
    total
        Sum of the strengths across, of all contacts in the cell.
    """

    shares: Array
    strongest: float
    total: float

    @property
    def share(self) -> float:
        """That of the atom that is bound most across."""
        return float(self.shares.max(initial=0.0))


def binding(found: Contacts, across: Mask, sites: int) -> Binding:
    """Binding of clusters by the contacts `across` them; see `crossing`."""
    # Contacts of an atom with its own image are listed from both ends, so each end counts half.
    strength = np.where(found.first == found.second, 0.5, 1.0) * found.strength
    strength_across = np.where(across, strength, 0.0)
    bonding, bonding_across = (
        np.bincount(found.first, weights, sites) + np.bincount(found.second, weights, sites)
        for weights in (strength, strength_across)
    )
    strongest = float(found.strength[across].max(initial=0.0))
    return Binding(bonding_across / np.maximum(bonding, 1e-12), strongest, float(bonding_across.sum() / 2))
