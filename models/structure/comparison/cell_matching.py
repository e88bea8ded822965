"""Whether two reduced cells are the same by the rules of pymatgen's StructureMatcher, where that is clear.

Goes the way StructureMatcher goes - all lattices of one cell that are like the other's, all translations, the best
assignment of the atoms - on plain arrays, and with margins on both sides of its tolerances. What lies within the
margins is left to StructureMatcher itself. Knows two cells only; which are compared is up to `matching`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from .lattice_bases import bases_like, parameters
from .reduced_cells import ReducedCell

MARGIN: Final = 0.03
"""Share of each tolerance by which a result must clear it to count without StructureMatcher: the reduced cells
compared here are those of StructureMatcher but for rounding and the choice among bases of equal length."""
_IDENTITY: Final = np.eye(3, dtype=np.int64)
_AROUND: Final = np.stack(np.meshgrid(*[[-1.0, 0.0, 1.0]] * 3, indexing="ij"), axis=-1).reshape(27, 3)
_NEVER: Final = 1e20  # Å^2
_OTHER_TWO: Final = [[0, 2, 1], [2, 0, 0], [1, 0, 0]]  # which angle lies between two vectors
_AT_ONCE: Final = 5000
"""Pairs of atoms looked at in one go."""
_AS_GOOD_AS_ANY: Final = 0.2, 0.05
"""Å and share. Nothing nearer is looked for once atoms and cell vectors agree so well."""
_MOST_TRIED: Final = 24
"""Ways to lay one cell on the other that are measured: those of a cubic cell that is a little off are all alike."""

Array = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Misfit:
    """How far two cells are apart, both scaled to their mean volume and laid on each other as well as they go.

    Attributes
    ----------
    rms, furthest
        Å: root mean square and largest distance of two atoms that were paired.
    site
        `furthest` in units of the cube root of the volume per atom, as StructureMatcher's stol.
    strain
        By which share the one has to be stretched or pressed, in the direction where that is most, to be the other.
    """

    rms: float
    furthest: float
    site: float
    strain: float

    @property
    def small(self) -> bool:
        """Whether another way to lay the cells on each other would hardly do better."""
        return self.furthest < _AS_GOOD_AS_ANY[0] and self.strain < _AS_GOOD_AS_ANY[1]


def least_misfit(a: ReducedCell, b: ReducedCell, *, length: float, site: float, angle: float) -> Misfit | None:
    """Measure how far cells of the same contents are apart.

    Parameters
    ----------
    a, b
        In the order in which StructureMatcher's `fit` is given them.
    length, site, angle
        Its ltol, stol and angle_tol (degrees), within which they are laid on each other.

    Returns
    -------
    Misfit or None
        None where no way to lay them on each other meets the tolerances.
    """
    if a.contents != b.contents:
        return None
    return _Search(a, b, length, site, angle).nearest()


def clearly_same(a: ReducedCell, b: ReducedCell, *, length: float, site: float, angle: float) -> bool | None:
    """Say whether the cells are the same to StructureMatcher; see `clear_misfit`."""
    found = clear_misfit(a, b, length=length, site=site, angle=angle)
    return None if found is None else bool(found)


def clear_misfit(
    a: ReducedCell, b: ReducedCell, *, length: float, site: float, angle: float
) -> Misfit | Literal[False] | None:
    """Lay two cells on each other if they are the same to StructureMatcher.

    Parameters
    ----------
    a, b
        In the order in which StructureMatcher's `fit` is given them.
    length, site, angle
        Its ltol, stol and angle_tol (degrees).

    Returns
    -------
    Misfit, False or None
        Of the first way that clearly meets the tolerances, False where none does; None where it is too close to tell.
    """
    if a.contents != b.contents:
        return False
    # The vectors of a reduced cell are the shortest there are: where one is too long, so is one of any basis.
    most = 1 + length * (1 + MARGIN)
    if any(own > most * other for own, other in zip(a.spans, b.spans, strict=True)):
        return False
    search = _Search(a, b, length, site, angle)
    return search.try_as_they_are() or search.try_all()


class _Search:
    """One comparison: `a` on bases of its own lattice that are like the one of `b`, both scaled to one volume."""

    def __init__(self, a: ReducedCell, b: ReducedCell, length: float, site: float, angle: float) -> None:
        self.length, self.site, self.angle = length, site, angle
        ratio = abs(np.linalg.det(b.matrix) / np.linalg.det(a.matrix)) ** (1 / 6)
        self.matrix = a.matrix * ratio
        self.other = b.matrix / ratio
        self.lengths, self.angles = (values[0] for values in parameters(self.other[None]))
        self.mine, self.theirs = a.fractional, b.fractional
        self.other_kind, self.blocks, self.starts = _kinds(a.counts)
        self.anchor = self.starts[0]

    def try_as_they_are(self) -> Misfit | None:
        """Match them vector by vector, as most of what matches clearly does."""
        own = parameters(self.matrix[None])
        return (self._try(_IDENTITY[None], *own) or None) if self._clear(*own)[0] else None

    def try_all(self) -> Misfit | Literal[False] | None:
        """Try every basis."""
        wide = self.length * (1 + MARGIN), self.angle * (1 + MARGIN)
        return self._try(*bases_like(self.matrix.tobytes(), self.lengths.tobytes(), self.angles.tobytes(), *wide))

    def nearest(self) -> Misfit | None:
        """Measure the ways to lay the cells on each other, the likest bases first; the one with the least rms."""
        wide = self.length * (1 + MARGIN), self.angle * (1 + MARGIN)
        all_bases = bases_like(self.matrix.tobytes(), self.lengths.tobytes(), self.angles.tobytes(), *wide)
        own = _IDENTITY[None], *parameters(self.matrix[None])
        best: Misfit | None = None
        for bases in (own, all_bases) if self._clear(*own[1:])[0] else (all_bases,):
            for tried, (number, rms, furthest, unit) in enumerate(self._laid(*bases)):
                if furthest < self.site * (1 + MARGIN) * unit and (best is None or rms < best.rms):
                    best = self._misfit(bases[0][number], rms, furthest, unit)
                    if best.small:
                        return best
                if tried >= _MOST_TRIED and best is not None:
                    break
        return best

    def _misfit(self, basis: Integers, rms: float, furthest: float, unit: float) -> Misfit:
        stretches = np.linalg.svd(np.linalg.solve(basis @ self.matrix, self.other), compute_uv=False)
        return Misfit(rms, furthest, furthest / unit, float(np.exp(np.abs(np.log(stretches)).max()) - 1))

    def _clear(self, lengths: Array, angles: Array) -> NDArray[np.bool_]:
        apart = np.maximum(lengths / self.lengths, self.lengths / lengths).max(axis=1, initial=1)
        turned = np.abs(angles - self.angles).max(axis=1, initial=0)
        clear: NDArray[np.bool_] = (apart < 1 + self.length * (1 - MARGIN)) & (turned < self.angle * (1 - MARGIN))
        return clear

    def _try(self, bases: Integers, lengths: Array, angles: Array) -> Misfit | Literal[False] | None:
        clear = self._clear(lengths, angles)
        unclear = False
        for number, rms, furthest, unit in self._laid(bases, lengths, angles):
            if furthest < self.site * (1 - MARGIN) * unit and clear[number]:
                return self._misfit(bases[number], rms, furthest, unit)
            unclear = unclear or furthest < self.site * (1 + MARGIN) * unit
        return None if unclear else False

    def _laid(self, bases: Integers, lengths: Array, angles: Array) -> Iterator[tuple[int, float, float, float]]:
        """Lay the cells on each other in every promising way.

        Yields
        ------
        number
            Of the basis.
        rms, furthest
            Å, of the distances of two atoms that are paired.
        unit
            Å: cube root of the volume per atom.
        """
        if not len(bases):
            return
        lengths, angles = (lengths + self.lengths) / 2, (angles + self.angles) / 2
        cosines = np.cos(np.deg2rad(angles))
        flat = np.maximum(1 - (cosines**2).sum(axis=1) + 2 * cosines.prod(axis=1), 1e-12)
        volumes = lengths.prod(axis=1) * np.sqrt(flat)
        unit = (volumes / len(self.mine)) ** (1 / 3)
        # Planes are 1/|a*| = V / (b c sin(alpha)) apart.
        planes = volumes[:, None] / (lengths[:, [1, 0, 0]] * lengths[:, [2, 2, 1]] * np.sin(np.deg2rad(angles)))
        widest = self.site * (1 + MARGIN)
        reach = 2 * widest * unit
        mine = self.mine @ np.linalg.inv(bases.astype(np.float64))
        mine -= np.floor(mine)
        metrics = _metrics(lengths, cosines)
        for number, start in self._promising(mine, metrics, reach, reach[:, None] / planes):
            theirs = self.theirs + (mine[number, start] - self.theirs[self.anchor])
            rms, furthest = self._distances(theirs, mine[number], lengths[number].min(), metrics[number])
            yield number, rms, furthest, float(unit[number])

    def _promising(self, mine: Array, metrics: Array, reach: Array, box: Array) -> Iterator[tuple[int, int]]:
        """Bases, by number, and atoms to lay the anchor on, with which every atom has one of its kind near.

        Parameters
        ----------
        mine
            (k, n, 3): this cell's atoms on each basis.
        metrics
            (k, 3, 3), Å^2.
        reach
            (k,) Å: an atom may be off by the tolerance, and so may the anchor.
        box
            (k, 3): the same as fractions of the cell, along each vector.
        """
        every = np.repeat(np.arange(len(mine)), len(self.starts)), np.tile(self.starts, len(mine))
        step = max(1, _AT_ONCE // max(own.stop - own.start for own in self.blocks) ** 2)
        for first in range(0, len(every[0]), step):
            numbers, starts = (indices[first : first + step] for indices in every)
            for own in self.blocks:
                places = mine[numbers, starts][:, None] + (self.theirs[own] - self.theirs[self.anchor])
                apart = mine[numbers][:, None, own] - places[:, :, None]
                apart -= np.rint(apart)
                near = (np.abs(apart) < box[numbers][:, None, None]).all(axis=3).any(axis=2).all(axis=1)
                numbers, starts, apart = numbers[near], starts[near], apart[near]
                if not len(numbers):
                    break
                if (box[numbers] < 0.5).all():  # any other image is further off than that, in planes
                    squares = ((apart @ metrics[numbers][:, None]) * apart).sum(axis=3)
                else:
                    squares = _nearest_images(apart, metrics[numbers])[1]
                near = (squares.min(axis=2).max(axis=1) < reach[numbers] ** 2).astype(bool)
                numbers, starts = numbers[near], starts[near]
            yield from zip(numbers.tolist(), starts.tolist(), strict=True)

    def _distances(self, theirs: Array, mine: Array, shortest: float, metric: Array) -> tuple[float, float]:
        """Pair the atoms at the least sum of squares and move them as one: rms and largest distance of a pair, Å."""
        apart = mine[None, :, :] - theirs[:, None, :]
        apart -= np.rint(apart)
        squares = ((apart @ metric) * apart).sum(axis=2)
        squares[self.other_kind] = np.inf
        rows = np.arange(len(mine))
        nearest = squares.argmin(axis=1)
        pairs = squares[rows, nearest]
        if pairs.max() < (shortest / 2) ** 2 and (np.bincount(nearest, minlength=len(mine)) == 1).all():
            # Images so near are the nearest there are, and no other pairing is better than each atom's own nearest.
            short = apart[rows, nearest]
        else:
            apart, squares = _nearest_images(apart, metric)
            squares[self.other_kind] = _NEVER
            short = apart[linear_sum_assignment(squares)]
        short = short - short.mean(axis=0)
        distances = ((short @ metric) * short).sum(axis=1)
        return float(np.sqrt(distances.mean())), float(np.sqrt(distances.max()))


@lru_cache(maxsize=512)
def _kinds(counts: tuple[int, ...]) -> tuple[NDArray[np.bool_], list[slice], range]:
    """Pairs of sites that are of unlike kinds, the sites of each kind, the rarest first, and those of it."""
    kinds = np.repeat(np.arange(len(counts)), counts)
    ends = np.cumsum(counts)
    blocks = [slice(int(ends[kind] - counts[kind]), int(ends[kind])) for kind in np.argsort(counts)]
    rarest = int(np.argmin(counts))
    first = sum(counts[:rarest])
    return kinds[:, None] != kinds[None, :], blocks, range(first, first + counts[rarest])


def _metrics(lengths: Array, cosines: Array) -> Array:
    """Products of the cell vectors, (k, 3, 3), from lengths and cosines of angles, (k, 3) each."""
    products: Array = lengths[:, :, None] * lengths[:, None, :] * cosines[:, _OTHER_TWO]
    diagonal = np.arange(3)
    products[:, diagonal, diagonal] = lengths**2
    return products


def _nearest_images(apart: Array, metric: Array) -> tuple[Array, Array]:
    """Shortest images of fractional vectors, and their squared lengths.

    In a Niggli-reduced cell that is one of the 27 cells around; the cells compared here are like such ones.

    Parameters
    ----------
    apart
        (..., 3).
    metric
        (3, 3), or (k, 3, 3) where the first axis of `apart` is of k.
    """
    flat = apart.reshape((*metric.shape[:-2], -1, 3))  # one row of vectors for each metric
    images = flat[..., None, :] + _AROUND
    squares = ((images @ metric[..., None, :, :]) * images).sum(axis=-1)
    nearest = squares.argmin(axis=-1)[..., None]
    vectors = np.take_along_axis(images, nearest[..., None], axis=-2)
    least = np.take_along_axis(squares, nearest, axis=-1)
    return vectors.reshape(apart.shape), least.reshape(apart.shape[:-1])
