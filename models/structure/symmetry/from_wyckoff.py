"""A crystal from what a handbook prints: space group, cell and asymmetric unit.

Space-group settings are named as the International Tables name them; the symmetry operations are spglib's.
Knows no database, no file and no particular compound.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from functools import cache
from typing import NamedTuple

import numpy as np
import spglib
from numpy.typing import NDArray
from pymatgen.core.lattice import Lattice
from pymatgen.core.structure import Structure

HALL_NUMBERS = range(1, 531)  # the 530 settings of International Tables vol. A, in spglib's order

# Two images of a site closer than this (Å) are one atom on a special position, printed with rounded coordinates.
SAME_ATOM = 0.05
# Two atoms closer than this (Å) are a mistake in the coordinates or the setting: the shortest bond, H-H, has 0.74 Å.
TOO_CLOSE = 0.6


_ROUNDING = 1e-9  # fractional coordinates this little below 0 are 0

# Rows: primitive vectors in terms of the conventional ones, by centring letter (International Tables vol. A, table
# 1.5.1.1; R is the obverse setting on hexagonal axes).
_PRIMITIVE_BASES = {
    "A": np.array([[1, 0, 0], [0, 1, -1], [0, 1, 1]]) / np.array([[1], [2], [2]]),
    "B": np.array([[1, 0, -1], [0, 2, 0], [1, 0, 1]]) / 2,
    "C": np.array([[1, 1, 0], [-1, 1, 0], [0, 0, 2]]) / 2,
    "F": np.array([[0, 1, 1], [1, 0, 1], [1, 1, 0]]) / 2,
    "I": np.array([[-1, 1, 1], [1, -1, 1], [1, 1, -1]]) / 2,
    "R": np.array([[2, 1, 1], [-1, 1, 1], [-1, -2, 1]]) / 3,
}


class SpaceGroupError(ValueError):
    """A space group or setting that the International Tables do not list."""


class SiteError(ValueError):
    """Coordinates or a cell that make no crystal."""


class Site(NamedTuple):
    """One atom of the asymmetric unit: element symbol and fractional coordinates."""

    element: str
    x: float
    y: float
    z: float


class Setting(NamedTuple):
    """One setting of one space group, as spglib numbers and names it."""

    hall_number: int
    number: int
    symbol: str
    choice: str

    @property
    def centring(self) -> str:
        """Letter of the lattice; P for rhombohedral axes, whose cell is primitive."""
        return "P" if self.choice == "R" else self.symbol[0]


@cache
def settings() -> dict[str, Setting]:
    """Every setting by its symbol.

    Returns
    -------
    dict
        Keys are Hermann-Mauguin symbols without spaces, e.g. ``"Pbnm"``, ``"P2_1/a"`` (unique axis b is not
        written), ``"P112_1/b"``, ``"R-3m:H"``, ``"R-3m:R"``, ``"Fd-3m:2"``. A symbol without ``:`` stands for
        hexagonal axes (R groups) and origin choice 2 (groups with two origins).
    """
    by_symbol: dict[str, Setting] = {}
    for hall_number in HALL_NUMBERS:
        kind = spglib.get_spacegroup_type(hall_number)
        assert kind is not None  # all 530 are in spglib's database
        # spglib writes "P 2_1/c = P 1 2_1/a 1" for a monoclinic setting: the part after the first "=" is its own symbol
        own = kind.international.split("=")[1 if "=" in kind.international else 0].split()
        if kind.number in range(3, 16) and own[1] == "1" and own[3] == "1":
            own = [own[0], own[2]]
        symbol = "".join(own)
        setting = Setting(hall_number, kind.number, symbol, kind.choice)
        origin_or_axes = kind.choice[:1] if kind.choice[:1] in {"1", "2", "H", "R"} else ""
        if origin_or_axes:
            by_symbol.setdefault(f"{symbol}:{origin_or_axes}", setting)
        if origin_or_axes in {"", "2", "H"}:
            by_symbol.setdefault(symbol, setting)
    return by_symbol


def find_setting(space_group: str | int) -> Setting:
    """Look a space group up by symbol with setting, or by its number for the standard setting.

    Parameters
    ----------
    space_group
        ``"Fd-3m:2"``, ``"R-3m:H"``, ``"Pbnm"`` … or 1-230. The standard setting has unique axis b with cell
        choice 1, hexagonal axes and origin choice 2.

    Raises
    ------
    SpaceGroupError
        When there is no such group or setting.

    Examples
    --------
    >>> find_setting("Pbnm").number, find_setting(227).choice
    (62, '2')
    """
    table = settings()
    if isinstance(space_group, int):
        for symbol, setting in table.items():
            if setting.number == space_group and ":" not in symbol:
                return setting
        raise SpaceGroupError(f"there is no space group number {space_group}: they run from 1 to 230")
    try:
        return table[space_group.replace(" ", "")]
    except KeyError:
        raise SpaceGroupError(
            f"no space-group setting is called {space_group!r}: write it like 'P2_1/c', 'Pbnm', 'R-3m:H' or 'Fd-3m:2'"
        ) from None


@cache
def _operations(hall_number: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    symmetry = spglib.get_symmetry_from_database(hall_number)
    assert symmetry is not None  # as above
    return np.asarray(symmetry["rotations"], dtype=np.float64), np.asarray(symmetry["translations"], dtype=np.float64)


def cell(
    space_group: str | int,
    *,
    a: float,
    b: float | None = None,
    c: float | None = None,
    alpha: float | None = None,
    beta: float | None = None,
    gamma: float | None = None,
) -> Lattice:
    """Fill in the lattice parameters that the crystal system fixes.

    Parameters
    ----------
    space_group
        Symbol with setting, or number.
    a, b, c
        Lengths in Å; only those that the crystal system leaves free.
    alpha, beta, gamma
        Angles in degrees; only those that the crystal system leaves free.

    Raises
    ------
    SiteError
        When a free parameter is missing, or a fixed one is given another value.
    """
    setting = find_setting(space_group)
    free = _free_parameters(setting)
    given = {"a": a, "b": b, "c": c, "alpha": alpha, "beta": beta, "gamma": gamma}
    full: dict[str, float] = {}
    for name, value in given.items():
        fixed = free[name]
        if fixed is None:
            if value is None or value <= 0:
                raise SiteError(
                    f"{setting.symbol} leaves {name} free, so a positive {name} must be given, not {value!r}"
                )
            full[name] = value
            continue
        expected = full[fixed] if isinstance(fixed, str) else fixed
        if value is not None and abs(value - expected) > 1e-6:
            raise SiteError(f"{setting.symbol} fixes {name} to {expected:g}, but {value:g} was given")
        full[name] = expected
    return Lattice.from_parameters(**full)


def _free_parameters(setting: Setting) -> dict[str, str | float | None]:
    """None where a parameter is free; else its value, or the name of the parameter it equals."""
    right: dict[str, str | float | None] = {"a": None, "b": None, "c": None, "alpha": 90.0, "beta": 90.0, "gamma": 90.0}
    if setting.number <= 2:
        return right | {"alpha": None, "beta": None, "gamma": None}
    if setting.number <= 15:
        unique_axis = setting.choice.lstrip("-")[0]
        return right | {{"a": "alpha", "b": "beta", "c": "gamma"}[unique_axis]: None}
    if setting.number <= 74:
        return right
    if setting.number <= 142:
        return right | {"b": "a"}
    if setting.choice == "R":
        return right | {"b": "a", "c": "a", "alpha": None, "beta": "alpha", "gamma": "alpha"}
    if setting.number <= 194:
        return right | {"b": "a", "gamma": 120.0}
    return right | {"b": "a", "c": "a"}


_TERM = re.compile(r"(?P<sign>[+-]?)(?P<number>\d+/\d+|\d*\.\d+|\d+\.?)?(?P<name>[A-Za-z]\w*)?")


def coordinate(expression: str, parameters: Mapping[str, float]) -> float:
    """Read one fractional coordinate as handbooks print it.

    Parameters
    ----------
    expression
        A sum of numbers, fractions and free parameters: ``"1/3"``, ``"-0.25"``, ``"z"``, ``"1/4+z"``, ``"2x"``.
    parameters
        The free parameters by name.

    Raises
    ------
    SiteError
        When the expression cannot be read or names a parameter that is not given.

    Examples
    --------
    >>> coordinate("1/4+2x", {"x": 0.1})
    0.45
    """
    value, place = 0.0, 0
    while place < len(expression):
        term = _TERM.match(expression, place)
        assert term is not None  # every part of the pattern is optional
        number, name = term["number"], term["name"]
        if term.end() == place or (number is None and name is None) or (place > 0 and not term["sign"]):
            raise SiteError(f"coordinate {expression!r} cannot be read: write it like '1/3', '-0.25', 'z' or '1/4+2x'")
        size = float(Fraction(number)) if number is not None else 1.0
        if name is not None:
            if name not in parameters:
                raise SiteError(f"coordinate {expression!r} needs {name}, but only {sorted(parameters)} are given")
            size *= parameters[name]
        value += -size if term["sign"] == "-" else size
        place = term.end()
    if not expression:
        raise SiteError("a coordinate is empty")
    return value


def orbit(position: Sequence[float], space_group: str | int, lattice: Lattice) -> NDArray[np.float64]:
    """All positions in one cell that symmetry makes of one.

    Parameters
    ----------
    position
        Fractional coordinates, (3,).
    space_group
        Symbol with setting, or number.
    lattice
        The cell; images closer than `SAME_ATOM` Å in it are one, at their mean.

    Returns
    -------
    array
        Fractional coordinates in [0, 1), (multiplicity, 3), the first being the position itself.

    Raises
    ------
    SiteError
        When images are close to one another but make no clear groups: the position is near a special one, not on it.
    """
    rotations, translations = _operations(find_setting(space_group).hall_number)
    images = rotations @ np.asarray(position, dtype=float) + translations
    # Exact coincidences first: few images are left of an atom on a special position.
    _, distinct, counts = np.unique(np.mod(np.round(images, 8), 1.0), axis=0, return_index=True, return_counts=True)
    order = np.argsort(distinct)
    images, counts = images[distinct[order]], counts[order]
    shifts = images[None, :] - images[:, None]
    shifts -= np.round(shifts)
    same = np.linalg.norm(shifts @ lattice.matrix, axis=2) < SAME_ATOM
    firsts = np.unique(same.argmax(axis=1))  # of each group of images that coincide
    weights = same[firsts] * counts
    if weights.sum() != len(rotations):  # an image is near two groups
        raise SiteError(
            f"{tuple(position)} is about {SAME_ATOM} Å from a special position of {space_group}, near for some of its "
            "images only: give the special position exactly"
        )
    means = images[firsts] + (shifts[firsts] * weights[:, :, None]).sum(axis=1) / weights[0].sum()
    wrapped: NDArray[np.float64] = np.mod(means, 1.0)
    wrapped[np.isclose(wrapped, 1.0, atol=1e-12)] = 0.0
    return wrapped


def build_structure(
    space_group: str | int, lattice: Lattice, asymmetric_unit: Iterable[Site], *, primitive: bool = False
) -> Structure:
    """Build the crystal.

    Parameters
    ----------
    space_group
        Symbol with setting, or number for the standard setting.
    lattice
        The conventional cell of that setting, see `cell`.
    asymmetric_unit
        The sites, one of each orbit.
    primitive
        Make the primitive cell instead of the conventional one.

    Raises
    ------
    SpaceGroupError
        When there is no such group or setting.
    SiteError
        When there are no sites, or two atoms are closer than `TOO_CLOSE` Å.

    Examples
    --------
    >>> rock_salt = [Site("Na", 0, 0, 0), Site("Cl", 0.5, 0.5, 0.5)]
    >>> build_structure("Fm-3m", cell("Fm-3m", a=5.6402), rock_salt).composition.formula
    'Na4 Cl4'
    """
    species: list[str] = []
    blocks: list[NDArray[np.float64]] = []
    for site in asymmetric_unit:
        images = orbit((site.x, site.y, site.z), space_group, lattice)
        species += [site.element] * len(images)
        blocks.append(images)
    if not blocks:
        raise SiteError("the asymmetric unit has no sites")
    positions = np.concatenate(blocks)
    distances = lattice.get_all_distances(positions, positions)
    np.fill_diagonal(distances, np.inf)
    first, second = np.unravel_index(int(distances.argmin()), distances.shape)
    if distances[first, second] < TOO_CLOSE:
        raise SiteError(
            f"{species[first]} at {positions[first].round(4).tolist()} and {species[second]} at "
            f"{positions[second].round(4).tolist()} are {distances[first, second]:.3f} Å apart: check the coordinates, "
            f"and that they are in the setting {space_group}"
        )
    if primitive:
        return _primitive(Structure(lattice, species, positions), find_setting(space_group).centring)
    return Structure(lattice, species, positions)


def _primitive(structure: Structure, centring: str) -> Structure:
    """Reduce a centred cell, without moving or idealising atoms."""
    basis = _PRIMITIVE_BASES.get(centring)
    if basis is None:
        return structure
    lattice = Lattice(basis @ structure.lattice.matrix)
    positions = structure.frac_coords @ np.linalg.inv(basis)
    positions -= np.floor(positions + _ROUNDING)
    # Each atom now stands once for every lattice point of the conventional cell; keep the first of each.
    offsets = positions[:, None] - positions[None, :]
    offsets -= np.round(offsets)
    same = (np.linalg.norm(offsets @ lattice.matrix, axis=2) < SAME_ATOM) & np.tri(len(positions), k=-1, dtype=bool)
    kept = np.flatnonzero(~same.any(axis=1))
    return Structure(lattice, [structure[int(i)].species for i in kept], positions[kept])
