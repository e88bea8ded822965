"""Whether two reduced cells are the same by the rules of pymatgen's StructureMatcher, where that is clear.

Goes the way StructureMatcher goes - all lattices of one cell that are like the other's, all translations, the best
assignment of the atoms - on plain arrays, and with margins on both sides of its tolerances. What lies within the
margins is left to StructureMatcher itself. Knows two cells only; which are compared is up to `matching`.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray
from pymatgen.core.lattice import Lattice
from pymatgen.util.coord_cython import is_coord_subset_pbc, pbc_shortest_vectors
from scipy.optimize import linear_sum_assignment

from .reduced_cells import ReducedCell

MARGIN: Final = 0.03
"""Share of each tolerance by which a result must clear it to count without StructureMatcher: the reduced cells
compared here are those of StructureMatcher but for rounding and the choice among bases of equal length."""
_ALL_PERIODIC: Final = (True, True, True)
_IDENTITY: Final = np.eye(3, dtype=np.int64)

Array = NDArray[np.float64]
Integers = NDArray[np.int64]


def clearly_same(a: ReducedCell, b: ReducedCell, *, length: float, site: float, angle: float) -> bool | None:
    """Say whether the cells are the same to StructureMatcher.

    Parameters
    ----------
    a, b
        In the order in which StructureMatcher's `fit` is given them.
    length, site, angle
        Its ltol, stol and angle_tol (degrees).

    Returns
    -------
    bool or None
        None where it is too close to tell.
    """
    if a.contents != b.contents:
        return False
    search = _Search(a, b, length, site, angle)
    if search.try_as_they_are():
        return True
    return search.try_all()


class _Search:
    """One comparison: `a` on bases of its own lattice that are like the one of `b`, both scaled to one volume."""

    def __init__(self, a: ReducedCell, b: ReducedCell, length: float, site: float, angle: float) -> None:
        self.length, self.site, self.angle = length, site, angle
        ratio = abs(np.linalg.det(b.matrix) / np.linalg.det(a.matrix)) ** (1 / 6)
        self.matrix = a.matrix * ratio
        self.lengths, self.angles = (one[0] for one in _parameters(b.matrix[None] / ratio))
        self.mine, self.theirs = a.fractional, b.fractional
        self.kinds = np.repeat(np.arange(len(a.counts)), a.counts)
        self.other_kind = self.kinds[:, None] != self.kinds[None, :]
        self.mask = self.other_kind.astype(np.int64)
        rarest = int(np.argmin(a.counts))
        self.anchor = sum(a.counts[:rarest])
        self.starts = range(self.anchor, self.anchor + a.counts[rarest])

    def try_as_they_are(self) -> bool:
        """Say whether they clearly match vector by vector, which most of what matches does."""
        own = _parameters(self.matrix[None])
        if not self._clear(*own)[0]:
            return False
        return self._try(_IDENTITY[None], *own) is True

    def try_all(self) -> bool | None:
        """Try every basis."""
        wide = self.length * (1 + MARGIN), self.angle * (1 + MARGIN)
        return self._try(*_bases_like(self.matrix, self.lengths, self.angles, *wide))

    def _clear(self, lengths: Array, angles: Array) -> NDArray[np.bool_]:
        apart = np.maximum(lengths / self.lengths, self.lengths / lengths).max(axis=1, initial=1)
        turned = np.abs(angles - self.angles).max(axis=1, initial=0)
        clear: NDArray[np.bool_] = (apart < 1 + self.length * (1 - MARGIN)) & (turned < self.angle * (1 - MARGIN))
        return clear

    def _try(self, bases: Integers, lengths: Array, angles: Array) -> bool | None:
        clear = self._clear(lengths, angles)
        lengths, angles = (lengths + self.lengths) / 2, (angles + self.angles) / 2
        cosines = np.cos(np.deg2rad(angles))
        flat = np.maximum(1 - (cosines**2).sum(axis=1) + 2 * cosines.prod(axis=1), 1e-12)
        volumes = lengths.prod(axis=1) * np.sqrt(flat)
        unit = (volumes / len(self.mine)) ** (1 / 3)
        # Planes are 1/|a*| = V / (b c sin(alpha)) apart. An atom may be off by the tolerance, and so may the anchor.
        planes = volumes[:, None] / (lengths[:, [1, 0, 0]] * lengths[:, [2, 2, 1]] * np.sin(np.deg2rad(angles)))
        widest = self.site * (1 + MARGIN)
        tolerances = 2 * widest * unit[:, None] / planes
        inverses = np.linalg.inv(bases.astype(np.float64))
        unclear = False
        for number in range(len(bases)):
            mine = self.mine @ inverses[number]
            mine -= np.floor(mine)
            for start in self.starts:
                theirs = self.theirs + (mine[start] - self.theirs[self.anchor])
                if not is_coord_subset_pbc(theirs, mine, tolerances[number], self.mask, _ALL_PERIODIC):
                    continue
                furthest = self._furthest(theirs, mine, lengths[number], angles[number]) / unit[number]
                if furthest < self.site * (1 - MARGIN) and clear[number]:
                    return True
                unclear = unclear or furthest < widest
        return None if unclear else False

    def _furthest(self, theirs: Array, mine: Array, lengths: Array, angles: Array) -> float:
        """Pair the atoms at the least sum of squares, move them as one, and give the largest distance of a pair, Å."""
        apart = mine[None, :, :] - theirs[:, None, :]
        apart -= np.rint(apart)
        cosines = np.cos(np.deg2rad(angles))[[[0, 2, 1], [2, 0, 0], [1, 0, 0]]]
        np.fill_diagonal(cosines, 1)
        metric = lengths[:, None] * lengths[None, :] * cosines
        squares = ((apart @ metric) * apart).sum(axis=2)
        squares[self.other_kind] = np.inf
        rows = np.arange(len(mine))
        nearest = squares.argmin(axis=1)
        pairs = squares[rows, nearest]
        if pairs.max() < (lengths.min() / 2) ** 2 and (np.bincount(nearest, minlength=len(mine)) == 1).all():
            # Images so near are the nearest there are, and no other pairing is better than each atom's own nearest.
            short = apart[rows, nearest]
            short = short - short.mean(axis=0)
            return float(np.sqrt(((short @ metric) * short).sum(axis=1).max()))
        lattice = Lattice.from_parameters(*lengths, *angles)
        vectors, squares = pbc_shortest_vectors(lattice, theirs, mine, self.mask, return_d2=True)
        rows, columns = linear_sum_assignment(squares)
        short = vectors[rows, columns]
        short = short - short.mean(axis=0)
        return float(np.sqrt((short * short).sum(axis=1).max()))


def _bases_like(
    matrix: Array, lengths: Array, angles: Array, length: float, angle: float
) -> tuple[Integers, Array, Array]:
    """Find all bases of a lattice with about the given lengths and angles, the likest first.

    Returns
    -------
    scales
        (k, 3, 3) integers: the basis in terms of the rows of `matrix`.
    lengths, angles
        (k, 3) each: Å and degrees.
    """
    most = lengths.max() * (1 + length)
    reach = np.floor(most * np.linalg.norm(np.linalg.inv(matrix), axis=0)).astype(int)
    points = np.stack(np.meshgrid(*(np.arange(-r, r + 1) for r in reach), indexing="ij"), axis=-1).reshape(-1, 3)
    vectors = points @ matrix
    distances = np.sqrt((vectors * vectors).sum(axis=1))
    near = [
        np.flatnonzero((distances < one * (1 + length)) & (distances > one / (1 + length)))
        for one in lengths  # as in pymatgen's find_all_mappings
    ]
    directions = vectors / np.maximum(distances, 1e-9)[:, None]
    a, b, c = (directions[one] for one in near)
    fits = [
        np.abs(np.rad2deg(np.arccos(np.clip(u @ v.T, -1, 1))) - wanted) <= angle
        for u, v, wanted in ((b, c, angles[0]), (a, c, angles[1]), (a, b, angles[2]))
    ]
    triples = np.argwhere(fits[2][:, :, None] & fits[1][:, None, :] & fits[0][None, :, :])
    chosen = [near[axis][triples[:, axis]] for axis in range(3)]
    scales = np.stack([points[one] for one in chosen], axis=1)
    whole = np.abs(np.abs(np.linalg.det(scales.astype(np.float64))) - 1) < 0.5
    scales = scales[whole]
    own, own_angles = _parameters(np.stack([vectors[one[whole]] for one in chosen], axis=1))
    unlike = np.abs(np.log(own / lengths)).sum(axis=1) + np.deg2rad(np.abs(own_angles - angles)).sum(axis=1)
    order = np.argsort(unlike, kind="stable")
    return scales[order], own[order], own_angles[order]


def _parameters(bases: Array) -> tuple[Array, Array]:
    """Lengths (Å) and angles (degrees) of (k, 3, 3) bases, (k, 3) each."""
    products = bases @ bases.transpose(0, 2, 1)
    lengths = np.sqrt(np.diagonal(products, axis1=1, axis2=2))
    cosines = products[:, [1, 0, 0], [2, 2, 1]] / (lengths[:, [1, 0, 0]] * lengths[:, [2, 2, 1]])
    return lengths, np.rad2deg(np.arccos(np.clip(cosines, -1, 1)))
