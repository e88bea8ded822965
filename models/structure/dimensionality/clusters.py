"""Clusters of bonded atoms in a crystal, and along how many directions each goes on for ever.

One pass over the bonds, shortest first, gives the clusters for a whole series of bond tolerances. It knows atoms and
distances; what makes a crystal layered is the business of `layering`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pymatgen.core.structure import Structure
from pymatgen.optimization.neighbors import find_points_in_spheres

from ..covalent_radii import COVALENT_RADII, LAST_RADIUS

Vector = tuple[int, int, int]
"""A lattice translation in units of the three cell vectors."""

Unit = Literal["angstrom", "relative"]
"""What a bond tolerance is: Å added to the sum of the covalent radii, or a share of that sum."""


class NotAnalysable(ValueError):
    """A structure whose bonds cannot be told, with the reason."""


@dataclass(frozen=True, slots=True)
class Bonds:
    """Pairs of atoms that may be bonded, each once, with the slack of each.

    Attributes
    ----------
    first, second : int array (n_bonds,)
        Site indices; the second atom is the one in the cell `image`.
    image : int array (n_bonds, 3)
    slack : float array (n_bonds,)
        By how much the distance exceeds the sum of the covalent radii, in Å, or as a share of that sum; bonded at
        tolerance t when slack < t.
    """

    first: NDArray[np.int64]
    second: NDArray[np.int64]
    image: NDArray[np.int64]
    slack: NDArray[np.float64]


@dataclass(frozen=True)
class Cluster:
    """Atoms held together by bonds: a molecule, a chain, a layer or a network.

    Attributes
    ----------
    sites
        Site indices, ascending.
    images
        The cell each of these sites is taken from, so that they are one connected piece.
    periods
        Basis of the translations that carry the cluster into itself, in cell vectors (row echelon form).
    """

    sites: tuple[int, ...]
    images: tuple[Vector, ...]
    periods: tuple[Vector, ...]

    @property
    def dimensionality(self) -> int:
        """0 molecule, 1 chain, 2 layer, 3 network."""
        return len(self.periods)

    def copies(self, n: int) -> int:
        """Count the clusters that this one becomes in an n x n x n supercell.

        The pieces above one cluster of the cell are the cosets of its periods G among the lattice translations Z^3;
        the supercell's own periodicity identifies those that differ by n Z^3. So there are [Z^3 : G + n Z^3]
        of them: n^(3 - dimensionality), unless several copies interpenetrate.
        """
        basis = list(self.periods)
        for axis in range(3):
            basis = add_period(basis, (n * (axis == 0), n * (axis == 1), n * (axis == 2)))
        return abs(basis[0][0] * basis[1][1] * basis[2][2])


def possible_bonds(structure: Structure, max_tolerance: float, *, unit: Unit = "angstrom") -> Bonds:
    """List the pairs closer than the sum of their covalent radii plus `max_tolerance`.

    Parameters
    ----------
    structure
        An ordered structure, any cell.
    max_tolerance
        Å, or a share of the sum of the radii.
    unit
        Which of the two.

    Raises
    ------
    NotAnalysable
        When a site is disordered or its element has no covalent radius.
    """
    radii = COVALENT_RADII[atomic_numbers(structure)]
    relative = unit == "relative"
    lattice = structure.lattice
    reach = float(2 * radii.max() * (1 + max_tolerance) if relative else 2 * radii.max() + max_tolerance)
    first, second, image, distances = close_pairs(lattice.matrix, structure.frac_coords, lattice.pbc, reach)
    sums = radii[first] + radii[second]
    slack = distances / sums - 1 if relative else distances - sums
    keep = slack < max_tolerance
    return Bonds(first[keep], second[keep], image[keep], slack[keep])


def atomic_numbers(structure: Structure) -> NDArray[np.int64]:
    """Atomic number of each atom, (n,); each has a covalent radius.

    Raises
    ------
    NotAnalysable
        When a site is disordered or its element has no covalent radius.
    """
    if not structure.is_ordered:
        raise NotAnalysable("it is disordered, so the bonds of its mixed or partly filled sites cannot be told")
    numbers = np.array([getattr(site.specie, "Z", 0) for site in structure])
    without = (numbers > LAST_RADIUS) | np.isnan(COVALENT_RADII[np.minimum(numbers, LAST_RADIUS)])
    if without.any():
        names = sorted({str(structure[int(site)].specie) for site in np.flatnonzero(without)})
        raise NotAnalysable(f"no covalent radius is known for {', '.join(names)}")
    return numbers


def close_pairs(
    matrix: NDArray[np.float64], fractional: NDArray[np.float64], pbc: tuple[bool, bool, bool], reach: float
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """List the pairs of atoms within a distance of each other.

    Parameters
    ----------
    matrix
        Å, (3, 3): rows are the cell vectors.
    fractional
        (n, 3).
    pbc
        Along which vectors the crystal is periodic.
    reach
        Å.

    Returns
    -------
    first, second
        Site indices; the second atom is the one in the cell `image`. Each pair comes once, but that of an atom with its
        own image from both ends.
    image
        (pairs, 3).
    distances
        Å.
    """
    # The search wants the points inside the cell; the shift is given back to the images below.
    shift = np.floor(fractional).astype(np.int64) * np.array(pbc, dtype=np.int64)
    points = np.ascontiguousarray((fractional - shift) @ matrix)
    first, second, images, distances = find_points_in_spheres(
        points,
        points,
        r=reach,
        pbc=np.array(pbc, dtype=np.int64),
        lattice=np.ascontiguousarray(matrix),
        tol=1e-8,
    )
    keep = (first <= second) & ((first != second) | images.any(axis=1))
    first, second, distances = first[keep].astype(np.int64), second[keep].astype(np.int64), distances[keep]
    return first, second, images[keep].astype(np.int64) + shift[first] - shift[second], distances


def clusters_by_tolerance(
    structure: Structure, tolerances: Sequence[float], *, unit: Unit = "angstrom"
) -> list[tuple[Cluster, ...]]:
    """Find the clusters at each of several bond tolerances.

    Bonds are added in the order of their slack to a union-find whose links carry the lattice translation between
    the two atoms. A bond within a cluster closes a ring, and a ring that does not come back to the same cell is one
    of the cluster's periods; their rank is the dimensionality (P. M. Larsen et al., Phys. Rev. Materials 3, 034003
    (2019)).

    Parameters
    ----------
    structure
        An ordered structure, any cell.
    tolerances
        Ascending; Å, or shares of the sum of the covalent radii.
    unit
        Which of the two.

    Returns
    -------
    list of tuples of Cluster
        One tuple per tolerance; clusters in the order of their first site.

    Raises
    ------
    NotAnalysable
        See `possible_bonds`.
    ValueError
        When the tolerances are not ascending.
    """
    if not len(tolerances) or any(later <= earlier for earlier, later in pairwise(tolerances)):
        raise ValueError(f"tolerances must be one or more ascending numbers, not {tuple(tolerances)}")
    bonds = possible_bonds(structure, tolerances[-1], unit=unit)
    return cluster_series(len(structure), bonds.first, bonds.second, bonds.image, bonds.slack, tolerances)


def cluster_series(
    sites: int,
    first: NDArray[np.int64],
    second: NDArray[np.int64],
    image: NDArray[np.int64],
    length: NDArray[np.float64],
    limits: Sequence[float],
) -> list[tuple[Cluster, ...]]:
    """Find the clusters that contacts shorter than each of several limits make.

    Parameters
    ----------
    sites
        How many atoms there are.
    first, second, image
        As in `Bonds`.
    length
        (contacts,) in any measure.
    limits
        Ascending, in the same measure.

    Returns
    -------
    list of tuples of Cluster
        One tuple per limit; the very same object where nothing has changed.
    """
    order = np.argsort(length, kind="stable")
    columns = np.column_stack((first, second, image))[order]
    ends = np.searchsorted(length[order], limits, side="left").tolist()
    forest = _Forest(sites)
    series: list[tuple[Cluster, ...]] = []
    start = 0
    for end in ends:
        changed = not forest.finished and forest.add(columns[start:end].tolist())
        series.append(forest.clusters() if changed or not series else series[-1])
        start = end
    return series


def add_period(basis: list[Vector], vector: Vector) -> list[Vector]:
    """Add a translation to a basis in row echelon form; the result spans both, over the integers."""
    rows = {next(i for i in range(3) if row[i]): row for row in basis}
    for axis in range(3):
        if not vector[axis]:
            continue
        row = rows.get(axis)
        if row is None:
            rows[axis] = vector
            break
        while vector[axis]:  # Euclid's algorithm on whole rows
            q = row[axis] // vector[axis]
            row, vector = vector, (row[0] - q * vector[0], row[1] - q * vector[1], row[2] - q * vector[2])
        rows[axis] = row
    return [rows[axis] for axis in sorted(rows)]


def plane_normal(cluster: Cluster) -> Vector:
    """Cross product of a layer's two periods: translations whose product with it is not 0 lead out of the layer."""
    (a, b, c), (d, e, f) = cluster.periods
    return (b * f - c * e, c * d - a * f, a * e - b * d)


class _Forest:
    """Union-find over sites; each link knows the translation from a site's parent's cell to its own."""

    def __init__(self, n: int) -> None:
        self.parent = list(range(n))
        self.offset: list[Vector] = [(0, 0, 0)] * n
        self.members: dict[int, list[int]] = {i: [i] for i in range(n)}
        self.periods: dict[int, list[Vector]] = {i: [] for i in range(n)}
        self.whole: set[int] = set()  # roots whose periods are the whole lattice already

    @property
    def finished(self) -> bool:
        """Whether everything is one network, which no further bond changes."""
        return len(self.members) == 1 and not self.whole.isdisjoint(self.members)

    def add(self, bonds: list[list[int]]) -> bool:
        """Add bonds (first, second, image); says whether anything changed."""
        changed = False
        parent, offset = self.parent, self.offset
        for i, j, x, y, z in bonds:
            a, b = parent[i], parent[j]
            if a == b and a in self.whole:
                continue
            (ix, iy, iz), (jx, jy, jz) = offset[i], offset[j]
            step = (ix + x - jx, iy + y - jy, iz + z - jz)
            if a != b:
                self._join(a, b, step)
                changed = True
            elif any(step):
                periods = add_period(self.periods[a], step)
                changed = changed or periods != self.periods[a]
                self._set_periods(a, periods)
        return changed

    def _join(self, a: int, b: int, step: Vector) -> None:
        """Hang the smaller cluster under the root of the larger; `step` is where b's root lies, seen from a's."""
        if len(self.members[a]) < len(self.members[b]):
            a, b, step = b, a, (-step[0], -step[1], -step[2])
        for k in self.members[b]:  # the smaller one is relabelled, so each site moves log2(n) times at most
            x, y, z = self.offset[k]
            self.parent[k], self.offset[k] = a, (x + step[0], y + step[1], z + step[2])
        self.members[a] += self.members.pop(b)
        periods = self.periods[a]
        for period in self.periods.pop(b):
            periods = add_period(periods, period)
        self._set_periods(a, periods)

    def _set_periods(self, root: int, periods: list[Vector]) -> None:
        self.periods[root] = periods
        if len(periods) == 3 and all(abs(periods[i][i]) == 1 for i in range(3)):
            self.whole.add(root)

    def clusters(self) -> tuple[Cluster, ...]:
        """Take the state as clusters, ordered by their first site."""
        clusters = []
        for root, members in self.members.items():
            sites = sorted(members)
            origin = self.offset[sites[0]]
            images = tuple((x - origin[0], y - origin[1], z - origin[2]) for x, y, z in (self.offset[k] for k in sites))
            clusters.append(Cluster(tuple(sites), images, tuple(self.periods[root])))
        return tuple(sorted(clusters, key=lambda cluster: cluster.sites))
