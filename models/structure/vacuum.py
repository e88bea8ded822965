"""A layer in its cell: in-plane vectors, atoms, and vacuum along c.

Everything that sets, measures or changes the vacuum of a monolayer is here; where the layer comes from is not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pymatgen.core.composition import Composition
from pymatgen.core.lattice import Lattice
from pymatgen.core.structure import Structure

VACUUM: Final = 20.0
"""Å between the outermost nuclei of a layer and of its next image, J. Zhou et al., Sci. Data 6, 86 (2019)."""
MIN_GAP: Final = 6.0
"""Å. An empty slab at least this thick is a vacuum: the widest van der Waals gaps, measured between nuclei, are about
4.4 Å, and cells for calculations of monolayers have 10 Å or more (7 Å where atoms moved out in the relaxation)."""

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Gap:
    """The thickest empty slab of a structure.

    Attributes
    ----------
    axis
        0, 1 or 2: the cell vector that crosses it.
    thickness
        Å between nuclei, along the normal of the other two vectors.
    start
        Fractional coordinate along the axis at which the atoms begin, the gap lying just below.
    height
        Å: the cell's height along that normal.
    """

    axis: int
    thickness: float
    start: float
    height: float


def thickest_gap(structure: Structure) -> Gap:
    """Find the thickest empty slab parallel to two of the cell vectors."""
    return find_gap(structure.lattice.matrix, structure.frac_coords)


class Extent(NamedTuple):
    """Thickness of a layer between its outermost nuclei, Å, and area of its cell, Å^2."""

    thickness: float
    area: float


def extent_of_layer(structure: Structure) -> Extent:
    """Thickness and in-plane area of a layer in its cell, measured along the normal and across it."""
    gap = thickest_gap(structure)
    return Extent(max(0.0, gap.height - gap.thickness), float(structure.volume) / gap.height)


def find_gap(matrix: Array, fractional: Array) -> Gap:
    """Find the thickest empty slab of a crystal given as arrays; see `thickest_gap`."""
    thickness, starts, heights = _empty_slabs(matrix, fractional)
    axis = int(thickness.argmax())
    return Gap(axis, float(thickness[axis]), float(starts[axis]), float(heights[axis]))


def has_vacuum_all_round(structure: Structure) -> bool:
    """Whether there is a vacuum across each cell vector, as around a molecule."""
    thickness, _, _ = _empty_slabs(structure.lattice.matrix, structure.frac_coords)
    return bool(thickness.min() >= MIN_GAP)


def _empty_slabs(matrix: Array, fractional: Array) -> tuple[Array, Array, Array]:
    """Thickness, start and height of cell, (3,) each, of the thickest empty slab across each cell vector."""
    inverse = np.linalg.inv(matrix)
    heights = 1 / np.sqrt((inverse * inverse).sum(axis=0))
    levels = np.sort(fractional - np.floor(fractional), axis=0)
    steps = levels - np.concatenate((levels[-1:] - 1, levels[:-1]))
    widest = steps.argmax(axis=0)
    across = np.arange(3)
    return steps[widest, across] * heights, levels[widest, across], heights


def is_monolayer_cell(structure: Structure, *, min_gap: float = MIN_GAP) -> bool:
    """Whether the cell holds a vacuum of at least `min_gap` Å."""
    return thickest_gap(structure).thickness >= min_gap


def set_vacuum(
    structure: Structure, vacuum: float = VACUUM, *, in_plane_scale: float = 1.0, height_scale: float = 1.0
) -> Structure:
    """Set the vacuum of a monolayer: of the stated thickness, upright along c, the layer in the middle.

    Parameters
    ----------
    structure
        A monolayer whose cell has its vacuum along any of the three vectors; its in-plane vectors are kept.
    vacuum
        Å between outermost nuclei.
    in_plane_scale
        Factor for both in-plane vectors.
    height_scale
        Factor for the heights within the layer, and so for its thickness.
    """
    positions, a, b = _in_one_piece(structure.lattice.matrix, structure.frac_coords)
    return layer_in_vacuum(
        [site.species for site in structure],
        positions,
        a,
        b,
        vacuum=vacuum,
        in_plane_scale=in_plane_scale,
        height_scale=height_scale,
        properties=[site.properties for site in structure],
    )


def with_vacuum(structure: Structure, axis: int) -> Structure:
    """Layer that is not periodic along one cell vector, in a cell with a vacuum there.

    Parameters
    ----------
    structure
        Its atoms lie where their coordinates say, not where images along the axis would be.
    axis
        0, 1 or 2: the vector along which it is not periodic.

    Returns
    -------
    Structure
        Periodic along all three vectors, as programs that compare and reduce cells need it: the cell as it is where
        the vacuum is at least `MIN_GAP` thick, else upright with `VACUUM`.
    """
    matrix, positions = structure.lattice.matrix, structure.cart_coords
    first, second = ((1, 2), (2, 0), (0, 1))[axis]  # cyclic, so that the hand is kept
    normal = np.cross(matrix[first], matrix[second])
    heights = positions @ (normal / np.linalg.norm(normal))
    cell_height = abs(float(np.linalg.det(matrix))) / float(np.linalg.norm(normal))
    species = [site.species for site in structure]
    properties = [site.properties for site in structure]
    if cell_height - float(np.ptp(heights)) < MIN_GAP:
        return layer_in_vacuum(species, positions, matrix[first], matrix[second], properties=properties)
    periodic = Structure(Lattice(matrix), species, structure.frac_coords)
    for site, own in zip(periodic, properties, strict=True):
        site.properties = dict(own)
    return periodic


def as_layer(structure: Structure) -> Structure:
    """Structure that is not periodic across its vacuum, its atoms in one piece there; as it is where it has none.

    The cell stays. The reverse of `with_vacuum`, for programs that tell layers by the axes they are periodic along.
    """
    gap = thickest_gap(structure)
    if gap.thickness < MIN_GAP or not all(structure.lattice.pbc):
        return structure
    positions, _, _ = _in_one_piece(structure.lattice.matrix, structure.frac_coords, gap)
    periodic = [axis != gap.axis for axis in range(3)]
    lattice = Lattice(structure.lattice.matrix, pbc=(periodic[0], periodic[1], periodic[2]))
    return Structure(
        lattice,
        structure.species_and_occu,
        positions,
        coords_are_cartesian=True,
        site_properties=structure.site_properties,
    )


def completed_cell(matrix: Array, positions: Array, axis: int) -> Array:
    """Cell of a layer whose vector across is missing, with one: upright, the layer's thickness and `VACUUM` long.

    Parameters
    ----------
    matrix
        Å, (3, 3): rows are the cell vectors; that along `axis` is zero or not finite where it is missing.
    positions
        Å, (n, 3).
    axis
        0, 1 or 2: the vector along which the layer is not periodic.

    Returns
    -------
    Array
        (3, 3); the cell as it is where the vector is there.

    Raises
    ------
    ValueError
        The vectors of the layer are parallel, or there are no atoms.
    """
    first, second = ((1, 2), (2, 0), (0, 1))[axis]  # cyclic, so that the hand is kept
    normal = np.cross(matrix[first], matrix[second])
    area = float(np.linalg.norm(normal))
    if not area > 0 or not len(positions):
        raise ValueError("the cell vectors of the layer are parallel" if len(positions) else "there are no atoms")
    if np.isfinite(matrix[axis]).all() and matrix[axis].any():
        return matrix
    completed = matrix.copy()
    completed[axis] = normal / area * (float(np.ptp(positions @ (normal / area))) + VACUUM)
    return completed


def set_vacuum_of_arrays(
    matrix: Array, fractional: Array, vacuum: float, gap: Gap | None = None
) -> tuple[Array, Array]:
    """Set the vacuum of a monolayer given as arrays; see `set_vacuum`.

    Parameters
    ----------
    matrix
        Å, (3, 3): rows are the cell vectors.
    fractional
        (n, 3).
    vacuum
        Å between outermost nuclei.
    gap
        Its `find_gap`, where that is known.

    Returns
    -------
    matrix, fractional
        Both anew.
    """
    return _upright(*_in_one_piece(matrix, fractional, gap), vacuum)


def _in_one_piece(matrix: Array, fractional: Array, gap: Gap | None = None) -> tuple[Array, Array, Array]:
    """Positions of a layer's atoms, Å, (n, 3), undivided by the cell's border, and its two periods, Å, (3,)."""
    gap = gap or find_gap(matrix, fractional)
    first, second = ((1, 2), (2, 0), (0, 1))[gap.axis]  # cyclic, so that the hand is kept
    fractional = fractional.copy()
    fractional[:, gap.axis] = gap.start + np.mod(fractional[:, gap.axis] - gap.start + 1e-9, 1) - 1e-9
    return fractional @ matrix, matrix[first], matrix[second]


def layer_in_vacuum(
    species: Sequence[Composition],
    positions: Array,
    a: Array,
    b: Array,
    *,
    vacuum: float = VACUUM,
    in_plane_scale: float = 1.0,
    height_scale: float = 1.0,
    properties: Sequence[Mapping[str, Any]] | None = None,
) -> Structure:
    """Build the cell of one layer.

    Parameters
    ----------
    species
        n mixtures.
    positions
        Å, (n, 3): one connected piece of the layer, in any orientation.
    a, b
        Å, (3,): periods of the layer.
    vacuum
        Å between outermost nuclei; c is the layer's thickness plus this.
    in_plane_scale, height_scale
        Factors for a and b with the in-plane coordinates, and for the heights.
    properties
        Of each site, kept.

    Returns
    -------
    Structure
        a along x, b in the xy plane, c along z; right-handed, turned but never mirrored; the layer centred at c/2,
        in-plane fractional coordinates within [0, 1).
    """
    matrix, fractional = _upright(positions, a, b, vacuum, in_plane_scale, height_scale)
    structure = Structure(Lattice(matrix), list(species), fractional)
    if properties is not None:
        for site, own in zip(structure, properties, strict=True):
            site.properties = dict(own)
    return structure


def _upright(
    positions: Array, a: Array, b: Array, vacuum: float, in_plane_scale: float = 1.0, height_scale: float = 1.0
) -> tuple[Array, Array]:
    """Cell vectors, Å, (3, 3), and fractional coordinates, (n, 3), of a layer in vacuum; see `layer_in_vacuum`."""
    a_length = float(np.linalg.norm(a))
    normal = np.cross(a, b)
    normal = normal / np.linalg.norm(normal)
    x = a / a_length
    axes = np.array([x, np.cross(normal, x), normal])
    turned = positions @ axes.T
    height = turned[:, 2] * height_scale
    thickness = float(np.ptp(height))
    c = thickness + vacuum
    in_plane = np.array([[a_length, 0.0], [float(b @ axes[0]), float(b @ axes[1])]])
    fractional = np.empty_like(turned)
    fractional[:, :2] = turned[:, :2] @ np.linalg.inv(in_plane)
    fractional[:, :2] -= np.floor(fractional[:, :2] + 1e-9)  # what is 1 but for rounding becomes 0
    fractional[:, :2] = np.maximum(fractional[:, :2], 0)
    fractional[:, 2] = 0.5 + (height - (height.max() + height.min()) / 2) / c
    matrix = np.zeros((3, 3))
    matrix[:2, :2] = in_plane * in_plane_scale
    matrix[2, 2] = c
    return matrix, fractional
