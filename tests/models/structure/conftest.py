"""Real crystals from their published lattice parameters."""

from collections.abc import Callable
from functools import cache

import pytest
from pymatgen.core import Lattice, Structure

Crystal = Callable[[str], Structure]

_MADE: dict[str, Callable[[], Structure]] = {
    # R. G. Dickinson, L. Pauling, J. Am. Chem. Soc. 45, 1466 (1923); cell of Bronsema et al. (1986)
    "MoS2 2H": lambda: Structure.from_spacegroup(
        "P6_3/mmc", Lattice.hexagonal(3.16, 12.30), ["Mo", "S"], [[1 / 3, 2 / 3, 0.25], [1 / 3, 2 / 3, 0.621]]
    ),
    "MoS2 3R": lambda: Structure.from_spacegroup(
        "R3m", Lattice.hexagonal(3.163, 18.37), ["Mo", "S", "S"], [[0, 0, 0], [0, 0, 0.2477], [0, 0, 0.4190]]
    ),
    "MoS2 1T": lambda: Structure.from_spacegroup(
        "P-3m1", Lattice.hexagonal(3.19, 6.0), ["Mo", "S"], [[0, 0, 0], [1 / 3, 2 / 3, 0.26]]
    ),
    "graphite": lambda: Structure.from_spacegroup(
        "P6_3/mmc", Lattice.hexagonal(2.464, 6.711), ["C", "C"], [[0, 0, 0.25], [1 / 3, 2 / 3, 0.25]]
    ),
    "h-BN": lambda: Structure.from_spacegroup(
        "P6_3/mmc", Lattice.hexagonal(2.504, 6.661), ["B", "N"], [[1 / 3, 2 / 3, 0.25], [1 / 3, 2 / 3, 0.75]]
    ),
    "Bi2Te3": lambda: Structure.from_spacegroup(
        "R-3m", Lattice.hexagonal(4.386, 30.497), ["Bi", "Te", "Te"], [[0, 0, 0.4000], [0, 0, 0], [0, 0, 0.2097]]
    ),
    "GaSe": lambda: Structure.from_spacegroup(
        "P6_3/mmc", Lattice.hexagonal(3.755, 15.94), ["Ga", "Se"], [[1 / 3, 2 / 3, 0.173], [1 / 3, 2 / 3, 0.602]]
    ),
    "CdI2": lambda: Structure.from_spacegroup(
        "P-3m1", Lattice.hexagonal(4.24, 6.84), ["Cd", "I"], [[0, 0, 0], [1 / 3, 2 / 3, 0.2492]]
    ),
    "PbI2": lambda: Structure.from_spacegroup(
        "P-3m1", Lattice.hexagonal(4.557, 6.979), ["Pb", "I"], [[0, 0, 0], [1 / 3, 2 / 3, 0.2675]]
    ),
    "CdCl2": lambda: Structure.from_spacegroup(
        "R-3m", Lattice.hexagonal(3.845, 17.457), ["Cd", "Cl"], [[0, 0, 0], [0, 0, 0.2519]]
    ),
    "black P": lambda: Structure.from_spacegroup(
        "Cmce", Lattice.orthorhombic(3.3136, 10.478, 4.3763), ["P"], [[0, 0.10168, 0.08056]]
    ),
    "NaCl": lambda: Structure.from_spacegroup("Fm-3m", Lattice.cubic(5.64), ["Na", "Cl"], [[0, 0, 0], [0.5, 0.5, 0.5]]),
    "diamond": lambda: Structure.from_spacegroup("Fd-3m", Lattice.cubic(3.567), ["C"], [[0, 0, 0]]),
    "Cu2O": lambda: Structure.from_spacegroup(
        "Pn-3m", Lattice.cubic(4.27), ["Cu", "O"], [[0.25, 0.25, 0.25], [0, 0, 0]]
    ),
    "Se": lambda: Structure.from_spacegroup("P3_121", Lattice.hexagonal(4.366, 4.954), ["Se"], [[0.2254, 0, 1 / 3]]),
    "CO2": lambda: Structure.from_spacegroup(
        "Pa-3", Lattice.cubic(5.624), ["C", "O"], [[0, 0, 0], [0.1185, 0.1185, 0.1185]]
    ),
    "BiTeI": lambda: Structure.from_spacegroup(
        "P3m1",
        Lattice.hexagonal(4.34, 6.854),
        ["Bi", "Te", "I"],
        [[0, 0, 0], [2 / 3, 1 / 3, 0.693], [1 / 3, 2 / 3, 0.251]],
    ),
}


@pytest.fixture
def crystal() -> Crystal:
    """Make crystals by their names, a copy each time."""
    return lambda name: _make(name).copy()


@cache
def _make(name: str) -> Structure:
    return _MADE[name]()
