"""Which tabulated settings of space groups a symbol, a Hall symbol or a number can mean, and their operations.

The tables are spglib's, of the 530 settings of International Tables A. A symbol that leaves the setting open has
several; which of them is meant the caller finds out, or doesn't take the crystal.
"""

from __future__ import annotations

import re
import warnings
from functools import lru_cache
from typing import Any, Final, NamedTuple

import numpy as np
import spglib
from numpy.typing import NDArray

from .operations import Operations, SymmetryError, fits_cell

SETTINGS: Final = 530
"""Hall numbers run from 1 to this."""
CENTRINGS: Final = {"P": 1, "A": 2, "B": 2, "C": 2, "I": 2, "F": 4, "H": 3, "R": 3}
"""Lattice points of a cell by the first letter of its symbol; a rhombohedral cell on its own axes has one."""

_MONOCLINIC: Final = range(3, 16)

# Databases' own letters: those of ICSD for origins at the higher symmetry and at the centre, and axes of R groups.
_CHOICES: Final = {"s": "1", "z": "2", "1": "1", "2": "2", "h": "H", "r": "R"}


class Setting(NamedTuple):
    """A setting of a space group.

    Attributes
    ----------
    hall
        Hall number, 1 to 530.
    number
        Of the space group, 1 to 230.
    choice
        Unique axis and cell choice, origin choice or axes: ``b1``, ``2``, ``H``; empty where there is but one.
    symbol
        Full Hermann-Mauguin symbol.
    """

    hall: int
    number: int
    choice: str
    symbol: str


def find_settings(symbol: str | None, hall_symbol: str | None = None, number: int | None = None) -> list[Setting]:
    """Settings that all that is stated fits, the usual ones first; none where nothing is known of it.

    Parameters
    ----------
    symbol
        Hermann-Mauguin symbol, short or full, with or without a setting behind a colon.
    hall_symbol
        Hall symbol.
    number
        Of the space group.

    Raises
    ------
    SymmetryError
        What is stated is known, but contradicts itself.
    """
    by_symbol, by_hall = _tables()
    settings: list[Setting] | None = None
    stated = []
    if hall_symbol and (named := by_hall.get(_plain(hall_symbol))):
        settings, stated = named, [hall_symbol]
    if symbol and (named := _named(symbol, by_symbol)):
        settings = named if settings is None else [setting for setting in settings if setting in named]
        stated.append(symbol)
    if number is not None:
        if not 1 <= number <= 230:
            raise SymmetryError(f"there is no space group number {number}")
        everything = [setting for named in by_hall.values() for setting in named] if settings is None else settings
        settings = [setting for setting in everything if setting.number == number]
        stated.append(f"number {number}")
    if settings == []:
        raise SymmetryError(f"the space group is stated in ways that don't agree: {', '.join(stated)}")
    return sorted(settings or [], key=lambda setting: setting.hall)


@lru_cache(maxsize=SETTINGS)
def tabulated(hall: int) -> Operations:
    """Operations of a setting, by its Hall number."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        found: Any = spglib.get_symmetry_from_database(hall)
    return Operations(np.array(found["rotations"], dtype=np.int64), np.array(found["translations"], dtype=np.float64))


def that_fit(settings: list[Setting], matrix: NDArray[np.float64]) -> list[Setting]:
    """Settings whose operations leave the cell as it is; of unique axes that a short symbol leaves open, b.

    Parameters
    ----------
    settings
        As `find_settings` gives them.
    matrix
        Å, (3, 3): rows are the cell vectors.
    """
    fitting = [setting for setting in settings if fits_cell(tabulated(setting.hall), matrix)]
    # Choices of orthorhombic axes such as bca begin with a b, too.
    unique_b = [setting for setting in fitting if setting.number in _MONOCLINIC and setting.choice.startswith("b")]
    return unique_b or fitting


def centring(symbol: str) -> str:
    """First letter of a Hermann-Mauguin symbol, upper case; empty where there is none."""
    letter = symbol.strip().lstrip("'\"")[:1].upper()
    return letter if letter in CENTRINGS else ""


def _plain(symbol: str) -> str:
    return re.sub(r"[\s_'\"()]", "", symbol).lower()


def _named(symbol: str, by_symbol: dict[str, list[Setting]]) -> list[Setting]:
    body, colon, choice = symbol.strip().strip("'\"").partition(":")
    if not colon and (match := re.fullmatch(r"(.*\S)\s+([szhrSZHR])", body)):
        body, choice = match[1], match[2]
    plain = _plain(body)
    # Before 1983 cubic groups were written without the bar: P m 3 m, F d 3 c, I a 3.
    settings = by_symbol.get(plain) or by_symbol.get(re.sub(r"(?<=[mnabcd])3", "-3", plain, count=1)) or []
    if choice := choice.strip():
        wanted = _CHOICES.get(choice.lower(), choice)
        settings = [setting for setting in settings if setting.choice.lower() == wanted.lower()] or (
            settings if len({setting.choice for setting in settings}) <= 1 else []
        )
    return settings


def _without_e(symbol: str) -> list[str]:
    """Symbols of before 1992 for those with a double glide plane e: ``C m c a`` and ``C m c b`` for ``C m c e``."""
    letter, *parts = symbol.split()
    older = []
    for axis, part in enumerate(parts):
        if part.endswith("e"):
            letters = [other for other in "abc" if other != "abc"[axis]]
            older += [" ".join([letter, *parts[:axis], part[:-1] + other, *parts[axis + 1 :]]) for other in letters]
    return older


@lru_cache(maxsize=1)
def _tables() -> tuple[dict[str, list[Setting]], dict[str, list[Setting]]]:
    """Settings by plain Hermann-Mauguin symbol and by plain Hall symbol."""
    by_symbol: dict[str, list[Setting]] = {}
    by_hall: dict[str, list[Setting]] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        types: list[tuple[int, Any]] = [(hall, spglib.get_spacegroup_type(hall)) for hall in range(1, SETTINGS + 1)]
    for hall, kind in types:
        setting = Setting(hall, kind.number, kind.choice, kind.international_full)
        by_hall.setdefault(_plain(kind.hall_symbol), []).append(setting)
        names = [kind.international_full]
        if 3 <= kind.number <= 15:  # short symbols of monoclinic groups leave out the axes without symmetry
            names.append(re.sub(r"(?<=\S) 1(?= |$)", "", kind.international_full))
            names += kind.international.split("=")[2:]
        else:
            names += kind.international.split("=")
            names += [older for name in names for older in _without_e(name)]
        for name in dict.fromkeys(map(_plain, names)):
            by_symbol.setdefault(name, []).append(setting)
    return by_symbol, by_hall
