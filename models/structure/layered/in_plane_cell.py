"""The plane of a layer in its crystal: its lattice there, how far it is stretched beside another, its k-points.

It knows cells and meshes; which calculations are compared is decided elsewhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from pymatgen.core.structure import Structure

from ..dimensionality.clusters import Cluster, NotAnalysable, Vector, clusters_by_tolerance
from ..vacuum import set_vacuum, thickest_gap
from .layer_count import BOND_TOLERANCE
from .primitive_layer import primitive_layer, reduced_plane

Array = NDArray[np.float64]

_TOLERANCES: Final = (*(0.05 * i for i in range(9)), BOND_TOLERANCE)
"""Å beyond the sum of covalent radii: with the widest, short contacts between layers (PtTe2) may pass for bonds. They
are as fine as those by which crystals are called layered, so that there is a layer in whatever one was cut from."""
_LAYER: Final = 2
"""Dimensionality of a layer."""


@dataclass(frozen=True, slots=True)
class InPlaneCell:
    """The smallest cell of one layer, in its plane.

    Attributes
    ----------
    a, b
        Å, the two shortest periods, a <= b.
    gamma
        Degrees between them, 90 to 120.
    atoms
        Of one layer in that cell; None where the layers can't be told by their bonds.
    """

    a: float
    b: float
    gamma: float
    atoms: int | None

    @property
    def area(self) -> float:
        """Å^2."""
        return float(self.a * self.b * np.sin(np.radians(self.gamma)))

    def cells_in(self, other: InPlaneCell) -> float:
        """How many cells of this one the other one holds, where its symmetry is lower; a fraction if it is higher."""
        if self.atoms and other.atoms:
            return other.atoms / self.atoms
        ratio = other.area / self.area
        return float(round(ratio)) if ratio >= 1 else 1.0 / round(1 / ratio)


def in_plane_cell(structure: Structure) -> InPlaneCell:
    """In-plane cell of the first layer of a slab or of a layered crystal.

    Parameters
    ----------
    structure
        Any cell. Where no layer can be told by its bonds, the plane is that across the thickest gap.
    """
    a, b, atoms = _shortest_periods(structure)
    lengths = float(np.linalg.norm(a)), float(np.linalg.norm(b))
    gamma = float(np.degrees(np.arccos(np.clip(a @ b / (lengths[0] * lengths[1]), -1, 1))))
    return InPlaneCell(*lengths, gamma, atoms)


def in_plane_strain(cell: InPlaneCell, reference: InPlaneCell) -> float:
    """Largest relative difference of two in-plane cells: of a length, or of the angle in radians.

    Where one of them has more atoms, because its symmetry is lower, the mean relative difference of lengths by area.

    Examples
    --------
    >>> graphene, stretched = InPlaneCell(2.46, 2.46, 120.0, 2), InPlaneCell(2.5092, 2.5092, 120.0, 2)
    >>> round(in_plane_strain(stretched, graphene), 4)
    0.02
    """
    cells = cell.cells_in(reference)
    if cells != 1:
        return float(abs(np.sqrt(cell.area * cells / reference.area) - 1))
    sheared = abs(np.radians(cell.gamma - reference.gamma))
    return float(max(abs(cell.a / reference.a - 1), abs(cell.b / reference.b - 1), sheared))


def with_in_plane_cell(layer: Structure, cell: InPlaneCell) -> Structure:
    """The layer stretched to another in-plane cell: upright in its vacuum, fractional coordinates kept.

    Where that is of another symmetry, to the same area per atom.

    Parameters
    ----------
    layer
        Monolayer in vacuum, any cell.
    cell
        As `in_plane_cell` gives it, of its bulk for example.
    """
    upright = set_vacuum(layer, thickest_gap(layer).thickness)
    a, b, _ = _shortest_periods(upright)
    own = np.array([a[:2], b[:2]])
    if (cells := in_plane_cell(upright).cells_in(cell)) == 1:
        gamma = np.radians(cell.gamma)
        hand = np.sign(np.linalg.det(own))
        wanted = np.array([[cell.a, 0.0], [cell.b * np.cos(gamma), hand * cell.b * np.sin(gamma)]])
    else:
        wanted = own * np.sqrt(cell.area / cells / abs(np.linalg.det(own)))
    stretch = np.eye(3)
    stretch[:2, :2] = np.linalg.solve(own, wanted)
    stretched = Structure(
        upright.lattice.matrix @ stretch,
        [site.species for site in upright],
        upright.frac_coords,
        site_properties=upright.site_properties,
    )
    return set_vacuum(stretched, thickest_gap(layer).thickness)


def in_plane_k_steps(structure: Structure, mesh: Sequence[int]) -> tuple[float, float]:
    """Distances between the k-points of a mesh along the plane of the layers, 1/Å with 2π, the shorter first.

    A mesh stands for a supercell of so many cells along each vector; its periods within the plane give the in-plane
    points, whatever the cell: of a bulk's oblique primitive cell as of a layer's upright one.

    Parameters
    ----------
    structure
        Slab or layered crystal.
    mesh
        Divisions along the three reciprocal vectors.
    """
    periods = _periods(structure)
    matrix = structure.lattice.matrix
    first, second = (_multiple(period, mesh) for period in _plane(periods, mesh))
    a, b = reduced_plane(np.array(first, dtype=float) @ matrix, np.array(second, dtype=float) @ matrix)
    area = float(np.linalg.norm(np.cross(a, b)))
    steps = sorted(float(2 * np.pi * np.linalg.norm(vector) / area) for vector in (a, b))
    return steps[0], steps[1]


def cell_along_layers(structure: Structure) -> Structure:
    """The same layered crystal in a cell of the same volume whose a and b lie in the plane of its layers.

    A primitive cell may have no vector there (3R stackings), and a mesh of k-points along it far fewer points in the
    plane than one of its layer.
    """
    periods = _periods(structure)
    first, second = (np.array(vector, dtype=float) for vector in _plane(periods, (1, 1, 1)))
    matrix = structure.lattice.matrix
    a, b = reduced_plane(first @ matrix, second @ matrix)
    normal = np.cross(a, b)
    normal /= np.linalg.norm(normal)
    h, k, m = (int(n) for n in np.rint(np.cross(first, second)))
    g, x, y = _bezout(h, k)
    _, u, v = _bezout(g, m)
    across = np.array([u * x, u * y, v], dtype=float) @ matrix  # u (x h + y k) + v m = +-1: to the next lattice plane
    plane = np.array([a, b])
    within = np.linalg.lstsq(plane.T, across, rcond=None)[0]
    c = across - np.rint(within) @ plane
    if np.dot(c, normal) < 0:
        c = -c
    return Structure(
        [a, b, c],
        [site.species for site in structure],
        structure.cart_coords,
        coords_are_cartesian=True,
        to_unit_cell=True,
        site_properties=structure.site_properties,
    )


def _shortest_periods(structure: Structure) -> tuple[Array, Array, int | None]:
    """Two shortest periods of the first layer, Å, and its atoms in the cell they span, where it can be told."""
    layer = _layer(structure)
    sites = list(layer.sites) if layer else list(range(len(structure)))
    images = np.array(layer.images if layer else np.zeros((len(sites), 3)), dtype=float)
    matrix = structure.lattice.matrix
    a, b = (np.array(period, dtype=float) @ matrix for period in _periods(structure))
    positions = (structure.frac_coords[sites] + images) @ matrix
    kept, a, b = primitive_layer([structure[site].species for site in sites], positions, a, b)
    a, b = reduced_plane(a, b)
    return a, b, len(kept) if layer else None


def _layer(structure: Structure) -> Cluster | None:
    """A layer, at the widest tolerance of bonds at which there is one; None where there is none."""
    try:
        series = clusters_by_tolerance(structure, _TOLERANCES)
    except NotAnalysable:
        return None
    return next((one for clusters in reversed(series) for one in clusters if one.dimensionality == _LAYER), None)


def _periods(structure: Structure) -> tuple[Vector, Vector]:
    """Two periods, in cell vectors, that span the plane of the layers."""
    if layer := _layer(structure):
        return layer.periods[0], layer.periods[1]
    axes: list[Vector] = [(1, 0, 0), (0, 1, 0), (0, 0, 1)]
    del axes[thickest_gap(structure).axis]
    return axes[0], axes[1]


def _plane(periods: tuple[Vector, Vector], mesh: Sequence[int]) -> tuple[Vector, Vector]:
    """Basis, in cells of the mesh's supercell, of its periods within a plane.

    A period lies in the plane when it is at right angles to the plane's normal in reciprocal indices (h, k, m), of
    which no number but one divides all: such a lattice has the basis (k, -h, 0) / g and (-x m, -y m, g), where
    g = x h + y k is the greatest common divisor of h and k.
    """
    normal = np.cross(periods[0], periods[1]) * np.array(mesh)
    h, k, m = (int(n) for n in normal // np.gcd.reduce(normal))
    if h == k == 0:
        return (1, 0, 0), (0, 1, 0)
    g, x, y = _bezout(h, k)
    return (k // g, -h // g, 0), (-x * m, -y * m, g)


def _bezout(a: int, b: int) -> tuple[int, int, int]:
    """Greatest common divisor g of two integers, x and y, with x a + y b = g."""
    if b == 0:
        return a, 1, 0
    g, x, y = _bezout(b, a % b)
    return g, y, x - (a // b) * y


def _multiple(vector: Vector, mesh: Sequence[int]) -> tuple[int, ...]:
    return tuple(int(n * divisions) for n, divisions in zip(vector, mesh, strict=True))
