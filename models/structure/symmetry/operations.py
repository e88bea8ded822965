"""Symmetry operations of crystals: read as texts, checked as a group, against a cell, and applied to atoms.

Arrays only: knows no files and no tables of space groups.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from fractions import Fraction
from functools import lru_cache
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

SAME_PLACE: Final = 0.05
"""Å. Images of an atom closer than this are one atom on a special position, written with two or three digits."""
METRIC_TOLERANCE: Final = 0.02
"""By this share of its lengths a cell may miss the symmetry that is stated of it: lengths are rounded and measured."""

_GRID: Final = 24
"""Translations of space groups in their usual settings are multiples of 1/24 and coarser ones."""
_ROUNDED: Final = 2e-3
_CODES: Final = 1000
_TERM = re.compile(r"([+-]?)(?:(\d+\.?\d*|\.\d+)(?:/(\d+))?)?\*?([xyz])?")

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


class SymmetryError(ValueError):
    """Operations or a space group that can't be meant; the message says why in a line."""


class Operations(NamedTuple):
    """Symmetry operations x' = W x + w on fractional coordinates.

    Attributes
    ----------
    rotations
        W, (n, 3, 3).
    translations
        w, (n, 3), within [0, 1).
    """

    rotations: Integers
    translations: Floats

    @property
    def point_group_order(self) -> int:
        """Number of distinct rotations."""
        return len({rotation.tobytes() for rotation in self.rotations})


IDENTITY: Final = Operations(np.eye(3, dtype=np.int64)[None], np.zeros((1, 3)))


@lru_cache(maxsize=256)
def read_operations(texts: tuple[str, ...], centrings: tuple[str, ...] = ()) -> Operations:
    """Read operations such as ``-x+1/2, y, -z``, each taken once, and check that they are a group.

    Parameters
    ----------
    texts
        The operations.
    centrings
        Translations such as ``x+1/2, y+1/2, z`` where they are listed apart: each operation is followed by each of
        them, and without them the operations need not be a group.

    Raises
    ------
    SymmetryError
        One can't be read, or some are missing: the product of two is not among them.
    """
    listed = _operations(texts)
    operations = _distinct(_followed(listed, _operations(centrings).translations) if centrings else listed)
    if not _is_group(operations):
        number = len(operations.rotations)
        raise SymmetryError(
            f"the {number} symmetry operations are no group: products of them are missing from the list"
        )
    return operations


def fits_cell(operations: Operations, matrix: Floats) -> bool:
    """Whether rotations leave lengths and angles of a cell as they are, within `METRIC_TOLERANCE`.

    Parameters
    ----------
    operations
        Of the space group.
    matrix
        Å, (3, 3): rows are the cell vectors.
    """
    if len(operations.rotations) == 1:
        return True
    metric = matrix @ matrix.T
    rotations = np.unique(operations.rotations, axis=0)
    turned = np.einsum("nji,jk,nkl->nil", rotations, metric, rotations)
    scale = np.sqrt(np.outer(np.diag(metric), np.diag(metric)))
    return bool((np.abs(turned - metric) <= METRIC_TOLERANCE * scale).all())


def orbit(position: Floats, operations: Operations, matrix: Floats) -> Floats:
    """Positions of an atom and its images, (m, 3) fractional within [0, 1), each place once, the atom's own first.

    An atom as near a special position as its digits allow is put there.

    Raises
    ------
    SymmetryError
        Images nearly coincide, but not as those of a special position do.
    """
    images = operations.rotations @ position + operations.translations
    shift = images - position
    shift -= np.rint(shift)
    own = np.linalg.norm(shift @ matrix, axis=1) < SAME_PLACE
    if own.sum() > 1:
        position = position + shift[own].mean(axis=0)
        images = operations.rotations @ position + operations.translations
    apart = images[:, None] - images[None]
    apart -= np.rint(apart)
    same = np.einsum("abi,ij,abj->ab", apart, matrix @ matrix.T, apart) < SAME_PLACE**2
    first = np.flatnonzero(same.argmax(axis=1) == np.arange(len(images)))
    if len(first) * own.sum() != len(images):
        raise SymmetryError(f"images of an atom at {np.round(position, 4).tolist()} nearly coincide")
    places: Floats = images[first] - np.floor(images[first])
    return places


def _operations(texts: tuple[str, ...]) -> Operations:
    read = [_operation(text) for text in texts]
    rotations = np.array([rotation for rotation, _ in read], dtype=np.int64)
    if (np.abs(np.rint(np.linalg.det(rotations))) != 1).any():
        raise SymmetryError("a symmetry operation changes volumes")
    return Operations(rotations, _wrapped(np.array([translation for _, translation in read])))


def _followed(operations: Operations, shifts: Floats) -> Operations:
    """Operations followed by each of some translations, (m, 3): a centred group from one without its centring."""
    translations = _wrapped((operations.translations[None] + shifts[:, None]).reshape(-1, 3))
    return Operations(np.tile(operations.rotations, (len(shifts), 1, 1)), translations)


def _distinct(operations: Operations) -> Operations:
    _, first = np.unique(_codes(*operations), return_index=True)
    kept = np.sort(first)
    return Operations(operations.rotations[kept], operations.translations[kept])


def _operation(text: str) -> tuple[list[list[int]], list[float]]:
    parts = re.sub(r"\s", "", text).lower().split(",")
    if len(parts) == 4 and parts[3] in ("+1", "-1", "1"):  # time reversal, in lists of magnetic space groups
        parts.pop()
    if len(parts) != 3:
        raise SymmetryError(f"{text!r:.60} is no symmetry operation such as -x+1/2, y, -z")
    rotation, translation = [], []
    for part in parts:
        row, constant = [0, 0, 0], 0.0
        place = 0
        while place < len(part):
            match = _TERM.match(part, place)
            if match is None or match.end() == place or not (match[2] or match[4]) or (place and not match[1]):
                raise SymmetryError(f"{text!r:.60} is no symmetry operation such as -x+1/2, y, -z")
            sign = -1 if match[1] == "-" else 1
            amount = Fraction(match[2] or "1") / Fraction(match[3] or "1") if match[3] != "0" else Fraction(0)
            if match[4]:
                if amount.denominator != 1:
                    raise SymmetryError(f"{text!r:.60} has a fraction of an axis")
                row["xyz".index(match[4])] += sign * int(amount)
            else:
                constant += sign * float(amount)
            place = match.end()
        rotation.append(row)
        translation.append(constant)
    return rotation, translation


def _wrapped(translations: Floats) -> Floats:
    """Translations within [0, 1), rounded ones such as 0.3333 made whole fractions."""
    nearest = np.rint(translations * _GRID) / _GRID
    exact = np.where(np.abs(translations - nearest) < _ROUNDED, nearest, translations)
    wrapped: Floats = exact - np.floor(exact)
    return wrapped


def _codes(rotations: Integers, translations: Floats) -> Integers:
    """A number for each operation, equal for those that are the same but for whole translations."""
    powers = 5 ** np.arange(9).reshape(3, 3)
    turns = ((rotations + 2) * powers).sum(axis=(-2, -1))
    steps = np.rint(translations * _CODES).astype(np.int64) % _CODES
    codes: Integers = turns * _CODES**3 + steps @ np.array([_CODES**2, _CODES, 1])
    return codes


def _is_group(operations: Operations) -> bool:
    # A group is its pure translations times one operation of each rotation, so few products are enough.
    rotations, translations = operations
    known = _codes(rotations, translations)
    kinds, first = np.unique(rotations, axis=0, return_index=True)
    pure = translations[(rotations == np.eye(3, dtype=np.int64)).all(axis=(1, 2))]
    if len(kinds) * len(pure) != len(rotations):
        return False
    moved = np.einsum("aij,bj->abi", rotations[first], np.concatenate((pure, translations[first])))
    moved += translations[first][:, None]
    shifted, products = moved[:, : len(pure)], moved[:, len(pure) :]
    turned = np.einsum("aij,bjk->abik", rotations[first], rotations[first])
    if np.abs(turned).max() > 2:
        return False
    sums = _wrapped((pure[:, None] + pure).reshape(-1, 3))
    codes = np.concatenate(
        (
            _codes(np.repeat(rotations[first], len(pure), axis=0), _wrapped(shifted.reshape(-1, 3))),
            _codes(turned.reshape(-1, 3, 3), _wrapped(products.reshape(-1, 3))),
            _codes(np.tile(IDENTITY.rotations, (len(sums), 1, 1)), sums),
        )
    )
    return bool(np.isin(codes, known).all())


def all_orbits(positions: Floats, operations: Operations, matrix: Floats) -> Sequence[Floats]:
    """Orbit of each of some atoms, positions (n, 3); see `orbit`."""
    if len(operations.rotations) == 1:
        return list((positions - np.floor(positions))[:, None])
    return [orbit(position, operations, matrix) for position in positions]
