"""Point clouds of the same crystals in other settings, streamed: supercells, moved origins, swapped axes and atoms.

Kim et al., ACS Cent. Sci. 6, 1412 (2020) make 1000 of each composition from few. Works on arrays; nothing is stored.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...structure.point_cloud import OFFSET, SCALE, counts, occupied
from ...structure.point_cloud_layouts import CELL_ROWS, Layout

PER_COMPOSITION: Final = 1000
"""Point clouds of each composition in an epoch, as published."""
_WINDOW: Final = 0.25
"""Share of the compositions, by size, that one batch is drawn from."""
AXIS_SWAPS: Final = np.array([[0, 1, 2], [1, 0, 2], [0, 2, 1], [2, 1, 0]])
"""No swap, and those of two axes."""

Floats = NDArray[np.float64]
Arrays = NDArray[np.floating[Any]]


class NoTrainingData(ValueError):
    """There is nothing to learn from, or it is not of the layout."""


@dataclass(frozen=True, slots=True)
class Augmentation:
    """What is done to the crystals of each composition.

    Attributes
    ----------
    per_composition
        Point clouds of each composition in an epoch; 0 gives each cell once, as it is.
    translations
        Whether the origin moves, by the same random vector for all atoms.
    swaps
        Whether two axes are swapped: lengths, angles and columns.
    permutations
        Whether the atoms of one element change places among their slots. The paper does not; a critic that averages
        over slots sees no difference, the generator and the classifier do.
    """

    per_composition: int = PER_COMPOSITION
    translations: bool = True
    swaps: bool = True
    permutations: bool = False


def checked_cells(cells: ArrayLike, layout: Layout) -> Floats:
    """Check a training set: right shape, finite, and bring the atoms into the first slots of their element.

    Raises
    ------
    NoTrainingData
        It is empty or not of that layout; says where.
    """
    array = np.asarray(cells, dtype=np.float64)
    if array.ndim != 3 or array.shape[1:] != layout.shape:
        raise NoTrainingData(f"cells of shape {array.shape} are not of layout {layout.name!r}: (n, *{layout.shape})")
    if not len(array):
        raise NoTrainingData("the training set is empty: no structure of that chemical system was given")
    if not np.isfinite(array).all():
        bad = int(np.flatnonzero(~np.isfinite(array).all(axis=(1, 2)))[0])
        raise NoTrainingData(f"cell number {bad} of the training set holds a number that is not finite")
    number = counts(array, layout)
    if (number < 1).any():
        bad = int(np.flatnonzero((number < 1).any(axis=1))[0])
        raise NoTrainingData(
            f"cell number {bad} lacks an element of {', '.join(layout.elements)}: {number[bad].tolist()}"
        )
    return slots_first(array, layout)


def slots_first(arrays: Arrays, layout: Layout) -> Floats:
    """Move the atoms of each element to its first slots, in their order, and set empty rows to zero."""
    result = np.array(arrays, dtype=np.float64)
    filled = occupied(result)
    for start, stop in zip(layout.starts, layout.starts[1:], strict=False):
        order = np.argsort(~filled[:, start:stop], axis=1, kind="stable")
        block = np.where(filled[:, start:stop, None], result[:, CELL_ROWS + start : CELL_ROWS + stop], 0.0)
        result[:, CELL_ROWS + start : CELL_ROWS + stop] = np.take_along_axis(block, order[:, :, None], axis=1)
    return result


def translated(arrays: Floats, shifts: Floats) -> Floats:
    """Move all atoms by fractional vectors of shape (n, 3)."""
    result = arrays.copy()
    moved = np.mod((arrays[:, CELL_ROWS:] - OFFSET) / SCALE + shifts[:, None, :], 1.0)
    result[:, CELL_ROWS:] = np.where(occupied(arrays)[:, :, None], SCALE * moved + OFFSET, 0.0)
    return result


def swapped(arrays: Floats, orders: NDArray[np.int64]) -> Floats:
    """Renumber the axes: lengths, angles and coordinates alike; the crystal may be mirrored. `orders`: shape (n, 3)."""
    return np.take_along_axis(arrays, np.broadcast_to(orders[:, None, :], arrays.shape), axis=2)


def permuted(arrays: Floats, layout: Layout, keys: Floats) -> Floats:
    """Reorder the atoms of each element by random keys of shape (n, slots)."""
    result = arrays.copy()
    filled = occupied(arrays)
    for start, stop in zip(layout.starts, layout.starts[1:], strict=False):
        order = np.argsort(np.where(filled[:, start:stop], keys[:, start:stop], np.inf), axis=1, kind="stable")
        block = arrays[:, CELL_ROWS + start : CELL_ROWS + stop]
        result[:, CELL_ROWS + start : CELL_ROWS + stop] = np.take_along_axis(block, order[:, :, None], axis=1)
    return result


def doubled(arrays: ArrayLike, layout: Layout, axis: int) -> Floats:
    """Double those cells along an axis that leave room for it.

    Raises
    ------
    ValueError
        There is no such axis.
    """
    if axis not in (0, 1, 2):
        raise ValueError(f"axis {axis} is none of 0, 1, 2")
    all_cells = slots_first(np.asarray(arrays, dtype=np.float64), layout)
    room = (2 * counts(all_cells, layout) <= np.array(layout.slots)).all(axis=1) & (all_cells[:, 0, axis] <= 0.5)
    cells = all_cells[room]
    result = np.zeros_like(cells)
    result[:, :CELL_ROWS] = cells[:, :CELL_ROWS]
    result[:, 0, axis] *= 2
    fractional = (cells[:, CELL_ROWS:] - OFFSET) / SCALE
    for start, most in zip(layout.starts, layout.slots, strict=False):
        half = most // 2
        block = fractional[:, start : start + half]
        filled = occupied(cells)[:, start : start + half, None]
        both = np.repeat(block, 2, axis=1)
        both[:, :, axis] = both[:, :, axis] / 2 + np.tile([0.0, 0.5], half)
        rows = np.where(np.repeat(filled, 2, axis=1), SCALE * both + OFFSET, 0.0)
        result[:, CELL_ROWS + start : CELL_ROWS + start + 2 * half] = rows
    return result


def with_supercells(cells: ArrayLike, layout: Layout) -> Floats:
    """Append to the cells their supercells, twofold and again twofold, along a, b and c, while they fit."""
    grown = [slots_first(np.asarray(cells, dtype=np.float64), layout)]
    latest = grown[0]
    while len(latest):
        # Doubling along a later axis never before an earlier one: each supercell comes about once.
        latest = np.concatenate([doubled(latest, layout, axis) for axis in range(3)])
        latest = _distinct(latest)
        grown.append(latest)
    return np.concatenate(grown)


def by_composition(cells: Floats, layout: Layout) -> dict[tuple[int, ...], NDArray[np.int64]]:
    """Numbers of the cells of each composition (atoms per cell in the layout's order), sorted."""
    number = counts(cells, layout)
    distinct, inverse = np.unique(number, axis=0, return_inverse=True)
    flat = inverse.reshape(-1)
    return {tuple(map(int, composition)): np.flatnonzero(flat == i) for i, composition in enumerate(distinct)}


class Stream:
    """An epoch after the other of augmented point clouds, in batches; the same seed gives the same ones.

    Parameters
    ----------
    cells
        Shape (n, rows, 3); their supercells are to be among them already (`with_supercells`).
    layout
        Of the cells.
    augmentation
        What is done to them.

    Raises
    ------
    NoTrainingData
        See `checked_cells`.
    """

    def __init__(self, cells: ArrayLike, layout: Layout, augmentation: Augmentation | None = None) -> None:
        self.layout = layout
        self.cells = checked_cells(cells, layout)
        self.augmentation = augmentation or Augmentation()
        self.groups = by_composition(self.cells, layout)
        self._by_size = sorted(self.groups, key=lambda number: (sum(number), number))
        self._sizes = np.array([len(self.groups[number]) for number in self._by_size])
        self._starts = np.concatenate([[0], np.cumsum(self._sizes)[:-1]])
        self._numbers = np.concatenate([self.groups[number] for number in self._by_size])

    def __len__(self) -> int:
        """Point clouds in an epoch."""
        per = self.augmentation.per_composition
        return per * len(self.groups) if per else len(self.cells)

    def epoch(self, rng: np.random.Generator, *, batch: int) -> Iterator[Floats]:
        """Draw the point clouds of one epoch, shuffled; the last batch is left out when it is not full."""
        number, as_it_is = self._schedule(rng)
        for start in range(0, len(number) - batch + 1, batch):
            part = slice(start, start + batch)
            yield self.varied(self.cells[number[part]], rng, ~as_it_is[part])

    def draw(self, rng: np.random.Generator, n: int, *, pack: int = 1) -> NDArray[np.int64]:
        """Draw the numbers of n cells for a batch: of compositions of about the same size, each as likely as the other.

        Cells of one size leave few slots empty, which saves time where slots cost it. Each `pack` cells in a row are of
        one composition.
        """
        low = rng.uniform(-_WINDOW, 1.0)
        within = np.repeat(rng.uniform(max(low, 0.0), min(low + _WINDOW, 1.0), size=-(-n // pack)), pack)[:n]
        chosen = np.minimum((within * len(self._by_size)).astype(np.int64), len(self._by_size) - 1)
        sizes, starts = self._sizes[chosen], self._starts[chosen]
        numbers: NDArray[np.int64] = self._numbers[starts + (rng.random(n) * sizes).astype(np.int64)]
        return numbers

    def varied(self, cells: Floats, rng: np.random.Generator, which: NDArray[np.bool_]) -> Floats:
        """Bring those cells that are marked into another random setting."""
        n, done = len(cells), cells
        if self.augmentation.swaps:
            choice = np.where(which, rng.integers(len(AXIS_SWAPS), size=n), 0)
            done = swapped(done, AXIS_SWAPS[choice])
        if self.augmentation.translations:
            done = translated(done, np.where(which[:, None], rng.random((n, 3)), 0.0))
        if self.augmentation.permutations:
            keys = rng.random((n, self.layout.n_slots))
            order = np.arange(self.layout.n_slots, dtype=np.float64)
            done = permuted(done, self.layout, np.where(which[:, None], keys, order))
        return done

    def _schedule(self, rng: np.random.Generator) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Which cell comes when, and whether as it is: each once as it is, then again and again in other settings."""
        per = self.augmentation.per_composition
        if not per:
            return rng.permutation(len(self.cells)), np.ones(len(self.cells), dtype=bool)
        numbers, untouched = [], []
        for group in self.groups.values():
            rounds = -(-per // len(group))
            numbers.append(np.concatenate([rng.permutation(group) for _ in range(rounds)])[:per])
            untouched.append(np.arange(per) < len(group))
        order = rng.permutation(per * len(self.groups))
        return np.concatenate(numbers)[order], np.concatenate(untouched)[order]


def _distinct(cells: Floats) -> Floats:
    """Drop cells that are there already: doubling along a then b is doubling along b then a, atoms in another order."""
    if not len(cells):
        return cells
    rows = np.round(cells[:, CELL_ROWS:], 7)
    order = np.lexsort((rows[:, :, 2], rows[:, :, 1], rows[:, :, 0]), axis=1)
    key = np.concatenate(
        [np.round(cells[:, 0], 7), np.take_along_axis(rows, order[:, :, None], axis=1).reshape(len(cells), -1)], axis=1
    )
    _, first = np.unique(key, axis=0, return_index=True)
    return cells[np.sort(first)]
