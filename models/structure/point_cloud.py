"""Crystal structures as point clouds, arrays of fixed shape that networks read and write, and back.

Row 0 holds the lengths over 30 Å, row 1 the angles over 180°, then each element has rows of its own. A fractional
coordinate P becomes 2/3 P + 1/6, so that an atom at the origin differs from an empty row. Kim, Noh, Gu, Aspuru-Guzik,
Jung, ACS Cent. Sci. 6, 1412 (2020). Knows structures and arrays, no networks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pymatgen.core.lattice import Lattice
from pymatgen.core.periodic_table import Element, Species
from pymatgen.core.structure import Structure

from .point_cloud_layouts import CELL_ROWS, Layout, find_layout

SCALE: Final = 2 / 3
OFFSET: Final = 1 / 6
"""P' = SCALE * P + OFFSET."""
EMPTY_BELOW: Final = 0.4
"""A slot whose three numbers add up to this or less holds no atom."""
HALF_TURN: Final = 180.0
MIN_CELL_SHAPE: Final = 1e-3
"""Least volume of a cell with lengths of 1; flatter ones, and angles that no cell has, are refused."""
_AT_EDGE: Final = 1e-6
"""Coordinates outside 0 to 1 by less than this are rounding, and stay where they are."""
_REASONS_SHOWN: Final = 10

Floats = NDArray[np.float64]


class NotEncodable(ValueError):
    """Structures without a place in the layout; `reasons` gives the reason of each by its index."""

    def __init__(self, reasons: Mapping[int, str], layout: Layout) -> None:
        self.reasons = dict(reasons)
        super().__init__(_listed(f"structures don't fit the layout {layout.name!r}", self.reasons))


class NotDecodable(ValueError):
    """Arrays that are no crystals; `reasons` gives the reason of each by its index."""

    def __init__(self, reasons: Mapping[int, str], layout: Layout) -> None:
        self.reasons = dict(reasons)
        super().__init__(_listed(f"arrays are no structures of the layout {layout.name!r}", self.reasons))


def encode(structure: Structure, layout: str | Mapping[str, Any] | Layout) -> Floats:
    """Write a structure as a point cloud.

    Parameters
    ----------
    structure
        Ordered and periodic along all three axes. Its atoms keep their order within each element; what sites carry
        besides (oxidation states, labels, properties) is not written.
    layout
        Which elements have how many rows, e.g. "mg-mn-o".

    Returns
    -------
    ndarray
        Shape `layout.shape`, (30, 3) for "mg-mn-o". `decode` gives the same crystal back.

    Raises
    ------
    NotEncodable
        It does not fit; says why.
    """
    array: Floats = encode_many([structure], layout)[0]
    return array


def encode_many(structures: Sequence[Structure], layout: str | Mapping[str, Any] | Layout) -> Floats:
    """Write structures as point clouds of shape (n, rows, 3); see `encode`.

    Raises
    ------
    NotEncodable
        Some do not fit; `reasons` has all of them. `unfit` sorts them out beforehand.
    """
    layout = find_layout(layout)
    if reasons := unfit(structures, layout):
        raise NotEncodable(reasons, layout)
    arrays = np.zeros((len(structures), *layout.shape))
    if not structures:
        return arrays
    place = dict(zip(layout.elements, layout.starts, strict=False))
    owner: list[int] = []
    row: list[int] = []
    for number, structure in enumerate(structures):
        following = dict(place)
        for site in structure:
            symbol = _symbol(site.specie)
            row.append(following[symbol])
            following[symbol] += 1
        owner += [number] * len(structure)
    fractional = np.concatenate([structure.frac_coords for structure in structures])
    arrays[owner, np.array(row) + CELL_ROWS] = SCALE * wrapped(fractional) + OFFSET
    arrays[:, 0] = np.array([structure.lattice.lengths for structure in structures]) / layout.longest
    arrays[:, 1] = np.array([structure.lattice.angles for structure in structures]) / HALF_TURN
    return arrays


def unfit(structures: Sequence[Structure], layout: str | Mapping[str, Any] | Layout) -> dict[int, str]:
    """Say which structures have no place in the layout, and why, by their index."""
    layout = find_layout(layout)
    reasons = ((number, _why_not(structure, layout)) for number, structure in enumerate(structures))
    return {number: reason for number, reason in reasons if reason is not None}


def decode(array: ArrayLike, layout: str | Mapping[str, Any] | Layout) -> Structure:
    """Read a point cloud as a structure: the first cell vector along x, the second in the xy plane.

    Raises
    ------
    NotDecodable
        The array has another shape, holds numbers that are not finite, no atoms, or lengths and angles of no cell.
    """
    layout = find_layout(layout)
    numbers = np.asarray(array, dtype=np.float64)
    if numbers.shape != layout.shape:
        raise NotDecodable({0: f"shape {numbers.shape}, not {layout.shape}"}, layout)
    return decode_many(numbers[None], layout)[0]


def decode_many(arrays: ArrayLike, layout: str | Mapping[str, Any] | Layout) -> list[Structure]:
    """Read point clouds of shape (n, rows, 3) as structures; see `decode`.

    Raises
    ------
    NotDecodable
        Some are no crystals; `reasons` has all of them. `undecodable` sorts them out beforehand.
    """
    layout = find_layout(layout)
    numbers = _checked(arrays, layout)
    if reasons := undecodable(numbers, layout):
        raise NotDecodable(reasons, layout)
    present = occupied(numbers)
    matrices = cell_matrices(numbers[:, 0] * layout.longest, numbers[:, 1] * HALF_TURN)
    fractional = wrapped((numbers[:, CELL_ROWS:] - OFFSET) / SCALE)
    symbols = np.repeat(np.array([Element(symbol) for symbol in layout.elements], dtype=object), layout.slots)
    return [
        Structure(Lattice(matrix), list(symbols[slots]), coordinates[slots])
        for matrix, slots, coordinates in zip(matrices, present, fractional, strict=True)
    ]


def undecodable(arrays: ArrayLike, layout: str | Mapping[str, Any] | Layout) -> dict[int, str]:
    """Say which point clouds are no crystals, and why, by their index."""
    layout = find_layout(layout)
    numbers = _checked(arrays, layout)
    finite: NDArray[np.bool_] = np.asarray(np.isfinite(numbers).all(axis=(1, 2)))
    safe = np.where(finite[:, None, None], numbers, 0.0)
    shape = cell_shapes(safe[:, 1] * HALF_TURN)
    reasons: dict[int, str] = {}
    empty = ~np.asarray(occupied(safe).any(axis=1))
    negative = np.asarray((safe[:, 0] <= 0).any(axis=1))
    bad: NDArray[np.bool_] = ~finite | empty | negative | (shape < MIN_CELL_SHAPE)
    for index in np.flatnonzero(bad).tolist():
        if not finite[index]:
            reasons[index] = "it holds a number that is not finite"
        elif empty[index]:
            reasons[index] = f"no row of an atom adds up to more than {EMPTY_BELOW}"
        elif negative[index]:
            reasons[index] = f"lengths {np.round(safe[index, 0] * layout.longest, 4).tolist()} Å are not positive"
        else:
            angles = np.round(safe[index, 1] * HALF_TURN, 2).tolist()
            reasons[index] = f"no cell has the angles {angles}°, or a flat one"
    return reasons


def occupied(arrays: NDArray[np.floating[Any]]) -> NDArray[np.bool_]:
    """Tell which slots hold an atom: shape (n, slots), for arrays of shape (n, rows, 3)."""
    return np.asarray(arrays[:, CELL_ROWS:].sum(axis=2) > EMPTY_BELOW)


def counts(arrays: NDArray[np.floating[Any]], layout: Layout) -> NDArray[np.int64]:
    """Count the atoms of each element: shape (n, elements), for arrays of shape (n, rows, 3)."""
    return np.add.reduceat(occupied(arrays).astype(np.int64), layout.starts[:-1], axis=1)


def cell_shapes(angles: Floats) -> Floats:
    """Volumes of cells with lengths of 1 and these angles in degrees, shape (n, 3); 0 where there is no such cell."""
    cosines = np.cos(np.radians(angles))
    squared = 1 - (cosines**2).sum(axis=1) + 2 * cosines.prod(axis=1)
    inside = ((angles > 0) & (angles < HALF_TURN)).all(axis=1)
    volumes: Floats = np.sqrt(np.where(inside, np.maximum(squared, 0), 0))
    return volumes


def cell_matrices(lengths: Floats, angles: Floats) -> Floats:
    """Cell vectors as rows, shape (n, 3, 3), from lengths in Å and angles in degrees, each of shape (n, 3)."""
    cosines = np.cos(np.radians(angles))
    sine = np.sin(np.radians(angles[:, 2]))
    matrices = np.zeros((len(lengths), 3, 3))
    matrices[:, 0, 0] = lengths[:, 0]
    matrices[:, 1, 0] = lengths[:, 1] * cosines[:, 2]
    matrices[:, 1, 1] = lengths[:, 1] * sine
    matrices[:, 2, 0] = lengths[:, 2] * cosines[:, 1]
    matrices[:, 2, 1] = lengths[:, 2] * (cosines[:, 0] - cosines[:, 1] * cosines[:, 2]) / sine
    matrices[:, 2, 2] = lengths[:, 2] * cell_shapes(angles) / sine
    return matrices


def wrapped(fractional: Floats) -> Floats:
    """Bring coordinates into the cell; both 0 and 1 stay, so that nothing moves that is there already."""
    outside = (fractional < -_AT_EDGE) | (fractional > 1 + _AT_EDGE)
    return np.clip(np.where(outside, fractional - np.floor(fractional), fractional), 0.0, 1.0)


def _why_not(structure: Structure, layout: Layout) -> str | None:
    if len(structure) == 0:
        return "it has no sites"
    if not structure.is_ordered:
        return "it is disordered: a site is partly or mixedly occupied"
    if not all(structure.lattice.pbc):
        return f"it is not periodic along every axis: {structure.lattice.pbc}"
    if not (np.isfinite(structure.frac_coords).all() and np.isfinite(structure.lattice.matrix).all()):
        return "its cell or coordinates hold a number that is not finite"
    if max(structure.lattice.lengths) > layout.longest:
        return f"a cell length of {max(structure.lattice.lengths):.2f} Å is beyond {layout.longest:g} Å"
    amounts: dict[str, int] = {}
    for site in structure:
        symbol = _symbol(site.specie)
        amounts[symbol] = amounts.get(symbol, 0) + 1
    places = dict(zip(layout.elements, layout.slots, strict=True))
    for symbol, n in amounts.items():
        if symbol not in places:
            return f"it holds {symbol}; the layout has {', '.join(layout.elements)}"
        if n > places[symbol]:
            return f"it holds {n} atoms of {symbol}; the layout has {places[symbol]} slots for it"
    return None


def _symbol(specie: Element | Species) -> str:
    """Name of the element; that of deuterium is "D", which is no element of a layout."""
    name: str = (specie.element if isinstance(specie, Species) else specie).value if hasattr(specie, "Z") else "?"
    return name


def _checked(arrays: ArrayLike, layout: Layout) -> Floats:
    numbers = np.asarray(arrays, dtype=np.float64)
    if numbers.ndim != 3 or numbers.shape[1:] != layout.shape:
        raise NotDecodable({0: f"shape {numbers.shape}, not (n, {layout.shape[0]}, {layout.shape[1]})"}, layout)
    return numbers


def _listed(what: str, reasons: Mapping[int, str]) -> str:
    shown = "; ".join(f"number {index}: {reasons[index]}" for index in sorted(reasons)[:_REASONS_SHOWN])
    more = len(reasons) - _REASONS_SHOWN
    return f"{len(reasons)} {what}: {shown}" + (f"; and {more} more" if more > 0 else "")
