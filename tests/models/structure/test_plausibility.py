"""Crystals that can be, and some that can't."""

import pytest
from exfolio.models.structure.plausibility import implausible
from exfolio.models.structure.serialization import Arrays
from pymatgen.core import Lattice, Structure


def verdict(lattice: Lattice, species: list[object], positions: list[list[float]]) -> str:
    return implausible(Arrays.of(Structure(lattice, species, positions))) or ""


def test_the_densest_that_are_known_can_be() -> None:
    osmium = Structure.from_spacegroup("P6_3/mmc", Lattice.hexagonal(2.734, 4.320), ["Os"], [[1 / 3, 2 / 3, 0.25]])
    diamond = Structure.from_spacegroup("Fd-3m", Lattice.cubic(3.567), ["C"], [[0, 0, 0]])
    beryllium = Structure.from_spacegroup("P6_3/mmc", Lattice.hexagonal(2.286, 3.584), ["Be"], [[1 / 3, 2 / 3, 0.25]])
    hydride = Structure.from_spacegroup("Im-3m", Lattice.cubic(3.089), ["S", "H"], [[0, 0, 0], [0, 0, 0.5]])  # 150 GPa
    nitrogen = Structure(Lattice.cubic(4), ["N", "N"], [[0, 0, 0], [0, 0, 0.2745]])
    for crystal in (osmium, diamond, beryllium, hydride, nitrogen):
        assert implausible(Arrays.of(crystal)) is None


@pytest.mark.parametrize(
    ("lattice", "species", "positions", "reason"),
    [
        (Lattice.cubic(2.0), ["Bi", "Bi"], [[0, 0, 0], [0.5, 0.5, 0.5]], "no matter is denser than 25"),
        (Lattice.cubic(2.0), ["C", "C", "C"], [[0, 0, 0], [0.5, 0.5, 0], [0, 0.5, 0.5]], "need"),
        (Lattice.cubic(6.0), ["K", "K"], [[0, 0, 0], [0, 0, 0.25]], "1.500 Å apart"),
        (Lattice.cubic(6.0), ["H", "H"], [[0, 0, 0], [0, 0, 0.05]], "0.300 Å apart"),
        (Lattice.tetragonal(1.2, 20.0), ["Na"], [[0, 0, 0]], "1.200 Å apart"),
        (Lattice.cubic(286.6), ["Fe", "Fe"], [[0, 0, 0], [0.5, 0.5, 0.5]], "no two atoms are within 8 Å"),
    ],
)
def test_what_can_not_be_says_why(
    lattice: Lattice, species: list[object], positions: list[list[float]], reason: str
) -> None:
    assert reason in verdict(lattice, species, positions)


def test_alternatives_of_one_atom_may_be_near() -> None:
    halves = [[0, 0, 0], [0, 0, 0.15]]
    assert verdict(Lattice.cubic(6.0), [{"K": 0.5}, {"K": 0.5}], halves) == ""
    assert "apart" in verdict(Lattice.cubic(6.0), [{"K": 0.6}, {"K": 0.6}], halves)
