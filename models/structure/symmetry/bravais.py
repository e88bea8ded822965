"""The 14 Bravais lattices: which space groups each has, and what it asks of a cell's lengths and angles.

Plain crystallography of numbers; where a structure's space group comes from is not its business.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

BRAVAIS_LATTICES: Final = ("aP", "mP", "mC", "oP", "oC", "oF", "oI", "tP", "tI", "hP", "hR", "cP", "cF", "cI")
"""Pearson's symbols; side-centred lattices (A, B, C) are "C"; hR is given in its hexagonal cell."""

LAST_SPACE_GROUP: Final = 230

_CENTRED: Final[dict[str, tuple[int, ...]]] = {
    "mC": (5, 8, 9, 12, 15),
    "oC": (20, 21, *range(35, 42), *range(63, 69)),
    "oF": (22, 42, 43, 69, 70),
    "oI": (23, 24, *range(44, 47), *range(71, 75)),
    "tI": (79, 80, 82, 87, 88, 97, 98, *range(107, 111), *range(119, 123), *range(139, 143)),
    "hR": (146, 148, 155, 160, 161, 166, 167),
    "cF": (196, 202, 203, 209, 210, 216, 219, *range(225, 229)),
    "cI": (197, 199, 204, 206, 211, 214, 217, 220, 229, 230),
}
"""International Tables for Crystallography A."""
_PRIMITIVE: Final = {"aP": (1, 2), "mP": (3, 15), "oP": (16, 74), "tP": (75, 142), "hP": (143, 194), "cP": (195, 230)}


class NoSpaceGroup(ValueError):
    """A number that no space group has."""


def _table() -> NDArray[np.int8]:
    table = np.full(LAST_SPACE_GROUP + 1, -1, dtype=np.int8)
    for name, (first, last) in _PRIMITIVE.items():
        table[first : last + 1] = BRAVAIS_LATTICES.index(name)
    for name, numbers in _CENTRED.items():
        table[list(numbers)] = BRAVAIS_LATTICES.index(name)
    return table


_TABLE: Final = _table()
_FREE_MONOCLINIC: Final = 4  # beta, in the setting with the unique axis b


def bravais_lattices(numbers: ArrayLike) -> NDArray[np.int64]:
    """Places in `BRAVAIS_LATTICES` of the lattices of space groups.

    Parameters
    ----------
    numbers
        Numbers of space groups, of any shape.

    Raises
    ------
    NoSpaceGroup
        For a number that is not one of 1 to 230.
    """
    asked = np.asarray(numbers)
    if asked.size and asked.dtype.kind not in "iu":
        raise NoSpaceGroup(f"space groups are whole numbers, got {asked.dtype}")
    wrong = asked[(asked < 1) | (asked > LAST_SPACE_GROUP)]
    if wrong.size:
        raise NoSpaceGroup(f"space group numbers go from 1 to {LAST_SPACE_GROUP}, not {wrong.ravel()[0]}")
    return _TABLE[asked.astype(np.int64)].astype(np.int64)


def constrained(name: str, lattice: ArrayLike, *, dimension: int = 3) -> tuple[float, ...]:
    """Make a cell obey its Bravais lattice: lengths that are equal become their geometric mean, fixed angles exact.

    Parameters
    ----------
    name
        One of `BRAVAIS_LATTICES`.
    lattice
        a, b, c in Å, alpha, beta, gamma in degrees, of the conventional cell (monoclinic with the unique axis b).
    dimension
        3 for a crystal. 2 for a layer given by its periods a <= b, its thickness, 90°, 90° and the angle of its
        periods: which of its axes are unique is not known then, so an oblique angle stays in all that may be oblique.

    Returns
    -------
    tuple of 6 floats
    """
    a, b, c, alpha, beta, gamma = (float(value) for value in np.asarray(lattice, dtype=np.float64))
    family = name[0]
    if family in "thc":
        a = b = float(np.sqrt(a * b))
    if family == "c" and dimension == 3:
        a = b = c = float(np.cbrt(a * b * c))
    if family == "h":
        return (a, b, c, 90.0, 90.0, 120.0)
    if family in "otc":
        return (a, b, c, 90.0, 90.0, 90.0)
    if dimension == 2:
        return (a, b, c, 90.0, 90.0, gamma)
    if family == "m":
        return (a, b, c, 90.0, beta, 90.0)
    return (a, b, c, alpha, beta, gamma)


def free_angles(name: str, *, dimension: int = 3) -> tuple[int, ...]:
    """Places (3, 4, 5 for alpha, beta, gamma) of the angles that a Bravais lattice leaves free."""
    if name[0] not in "am":
        return ()
    if dimension == 2:
        return (5,)
    return (3, 4, 5) if name == "aP" else (_FREE_MONOCLINIC,)
