"""How much calculations cost beside each other. Knows formulas, sizes and the plan of calculations, no settings.

Plane-wave calculations grow with the square of the cell up to some 1,000 electrons, here as electrons times volume, and
with the number of k-points (G. Kresse, J. Furthmüller, Phys. Rev. B 54, 11169 (1996)); beyond with the cube. Of a mesh
of fixed density there are the fewer k-points the larger the cell is, so that what is left of their number times the
volume is L³ for a crystal, and L² times the height of the cell for a layer, vacuum included, which has one k-point
along it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..calculation.plan import Choices, steps_for
from ..composition.formula.elements import ATOMIC_NUMBERS
from ..composition.formula.parsing import parse

MESH_LENGTH: Final = (64 * 8 * math.pi**3) ** (1 / 3)
"""Å, L: divisions of the mesh times the length of the cell vector, of Materials Project's 64 k-points per Å^-3."""
SQUARE_UP_TO: Final = 1000
"""Electrons up to which a calculation grows with the square."""
RELAXATION: Final = 10
"""Static runs that a relaxation is taken for. A round number: the order of candidates that wait for the same values
does not depend on it."""
HYBRID: Final = 50
"""Runs by a semilocal functional that one by a hybrid functional is taken for; a round number as well."""
SILICON_ELECTRONS: Final = 8
"""Of the cell of silicon, whose static run is the unit of costs."""
_NOBLE: Final = (0, 2, 10, 18, 36, 54, 86)
_ARGON, _XENON = 18, 54
_D_SHELL, _F_SHELL = 10, 14


class Runs(NamedTuple):
    """How many static runs by a semilocal functional a plan is worth: of the structure itself, and of its bulk."""

    own: float
    bulk: float


@cache
def runs_for(fields: frozenset[str], dimension: int) -> Runs:
    """Static runs that the calculations of certain values are worth.

    Parameters
    ----------
    fields
        As for `plan.steps_for`.
    dimension
        2 for a monolayer, 3 for a crystal.

    Examples
    --------
    >>> runs_for(frozenset(["exfoliation_energy"]), 2), runs_for(frozenset(["energy_above_hull"]), 3)
    (Runs(own=11, bulk=11), Runs(own=11, bulk=0))
    """
    own = bulk = 0
    for step in steps_for(fields, dimension):
        runs = (RELAXATION if step.task == "relax" else 1) * (HYBRID if step.functional == "HSE06" else 1)
        own, bulk = (own, bulk + runs) if step.role == "bulk" else (own + runs, bulk)
    return Runs(own, bulk)


def electrons_of(formulas: Sequence[str], atoms: ArrayLike) -> NDArray[np.float64]:
    """Valence electrons of cells, (n,).

    Parameters
    ----------
    formulas
        (n,).
    atoms
        (n,), in the cell; those of the formula where not finite.

    Examples
    --------
    Three atoms of MoS2 have 6 + 2 * 6, and three of Si have 3 * 4:

    >>> electrons_of(["MoS2", "Si"], [3, 3])
    array([18., 12.])
    """
    parsed = parse(formulas)
    valence = _valences()[parsed.numbers]
    ends = parsed.offsets[:-1]
    of_formula = np.add.reduceat(parsed.amounts * valence, ends) if len(ends) else np.zeros(0)
    size = np.add.reduceat(parsed.amounts, ends) if len(ends) else np.zeros(0)
    count = np.asarray(atoms, dtype=np.float64)
    return np.asarray(of_formula * np.where(np.isfinite(count), count / size, 1.0))


@cache
def _valences() -> NDArray[np.float64]:
    """Electrons outside closed shells, by atomic number; lanthanides and actinides as ions with three of them."""
    valences = np.zeros(max(ATOMIC_NUMBERS.values()) + 1)
    for number in range(1, len(valences)):
        core = max(noble for noble in _NOBLE if noble < number)
        outside = number - core
        if core >= _XENON:  # the f shell is closed, or in the core
            outside = max(min(outside, 3), outside - _F_SHELL)
        if core >= _ARGON and outside > _D_SHELL + 2:
            outside -= _D_SHELL
        valences[number] = outside
    return valences


def static_cost(electrons: ArrayLike, height: ArrayLike = MESH_LENGTH) -> NDArray[np.float64]:
    """Cost of a static run by a semilocal functional, in runs of silicon, (n,).

    Parameters
    ----------
    electrons
        (n,), in the cell.
    height
        (n,), Å: of the cell of a layer, vacuum included; the default stands for crystals.
    """
    count = np.asarray(electrons, dtype=np.float64)
    share = np.asarray(height, dtype=np.float64) / MESH_LENGTH
    return np.asarray(count / SILICON_ELECTRONS * np.maximum(1.0, count / SQUARE_UP_TO) * share)


def height_of_layer(thickness: float | None, vacuum: float = Choices().vacuum) -> float:
    """Height of the cell that a layer is calculated in, Å."""
    return (thickness or 0.0) + vacuum
