"""Energies of plain PBE(+U) on the scale of the Materials Project."""

from collections.abc import Sequence

import pytest
from exfolio.models.potential.family.corrected_potential import CorrectedPotential, mp2020_correction
from exfolio.models.potential.interface import Potential
from pymatgen.core import Lattice, Structure
from toy_potential import Elastic


def rock_salt(cation: str, anion: str, a: float) -> Structure:
    return Structure.from_spacegroup(225, Lattice.cubic(a), [cation, anion], [[0, 0, 0], [0.5, 0.5, 0.5]])


PEROXIDE = Structure.from_spacegroup(
    189, Lattice.hexagonal(6.21, 4.47), ["Na", "Na", "O", "O"],
    [[0.2973, 0, 0.5], [0.6323, 0, 0], [0, 0, 0.1676], [1 / 3, 2 / 3, 0.3326]],
)  # fmt: skip
# Table 1 of A. Wang et al., Sci. Rep. 11, 15496 (2021), eV per atom of what is named
OXIDE, MANGANESE_WITH_U, SULFIDE, PEROXIDE_OXYGEN = -0.687, -1.668, -0.503, -0.465


@pytest.mark.parametrize(
    ("structure", "correction"),
    [
        (rock_salt("Mn", "O", 4.44), 4 * (OXIDE + MANGANESE_WITH_U)),
        (rock_salt("Mn", "S", 5.22), 4 * SULFIDE),
        (rock_salt("Mg", "O", 4.21), 4 * OXIDE),
        (PEROXIDE, 6 * PEROXIDE_OXYGEN),
        (Structure(Lattice.cubic(2.87), ["Fe", "Fe"], [[0, 0, 0], [0.5, 0.5, 0.5]]), 0),
    ],
    ids=["oxide with U", "sulfide", "oxide", "peroxide", "element"],
)
def test_energies_are_corrected_as_the_materials_project_does(structure: Structure, correction: float) -> None:
    assert mp2020_correction(structure) == pytest.approx(correction, abs=0.005)


class Corrected(CorrectedPotential):
    name, slug = "Elastic 1 MP2020", "elastic-corrected"
    uncorrected: Potential = Elastic()  # type: ignore[misc]


def relaxed(potential: Potential, structures: Sequence[Structure]) -> list[float]:
    return [result.energy for result in potential.relax(structures, max_steps=2)]


def test_energies_of_structures_as_they_stand_and_relaxed_are_corrected_once() -> None:
    oxide = rock_salt("Mg", "O", 4.21)

    [static] = Corrected().evaluate([oxide])
    [raw] = Elastic().evaluate([oxide])

    assert static.energy == pytest.approx(raw.energy + 8 * OXIDE / 2, abs=0.01)
    assert static.energy_per_atom == pytest.approx(static.energy / 8)
    assert relaxed(Corrected(), [oxide])[0] - relaxed(Elastic(), [oxide])[0] == pytest.approx(4 * OXIDE, abs=0.01)
