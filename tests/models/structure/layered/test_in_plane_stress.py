"""The strain energy of a layer is no more than the stress that is left in it tells."""

import numpy as np
import pytest
from exfolio.models.structure.layered.in_plane_stress import SOFTEST, strain_energy_at_most
from pymatgen.core import Lattice, Structure

GRAPHENE = Structure(Lattice.hexagonal(2.46, 20.0), ["C", "C"], [[1 / 3, 2 / 3, 0.5], [2 / 3, 1 / 3, 0.5]])
NONE = np.zeros((3, 3))


def test_energy_of_an_elastic_plane() -> None:
    # 10 kB over 20 Å are 2 N/m along x and y: (2 + 2)^2 / 2 Y in J/m^2, over 5.24 Å^2 and two atoms
    stress = np.diag([10.0, 10.0, 50.0])

    by_hand = 16 / (2 * SOFTEST) / 16.02177 * 2.46**2 * 0.75**0.5 / 2
    assert strain_energy_at_most(GRAPHENE, stress.tolist()) == pytest.approx(by_hand)
    assert strain_energy_at_most(GRAPHENE, NONE.tolist()) == 0.0


def test_it_does_not_depend_on_the_cell() -> None:
    stress = np.array([[6.0, 2.0, 0.0], [2.0, -3.0, 0.0], [0.0, 0.0, 1.0]])
    energy = strain_energy_at_most(GRAPHENE, stress.tolist())

    wide = GRAPHENE.copy()
    wide.make_supercell([[2, 1, 0], [0, 1, 0], [0, 0, 1]])
    assert strain_energy_at_most(wide, stress.tolist()) == pytest.approx(energy)
    rotated = Structure(Lattice(GRAPHENE.lattice.matrix[:, [2, 0, 1]]), ["C", "C"], GRAPHENE.frac_coords)
    assert strain_energy_at_most(rotated, stress[np.ix_([2, 0, 1], [2, 0, 1])].tolist()) == pytest.approx(energy)


def test_without_a_vacuum_there_is_no_plane() -> None:
    graphite = Structure(Lattice.hexagonal(2.46, 3.35), ["C", "C"], [[1 / 3, 2 / 3, 0.5], [2 / 3, 1 / 3, 0.5]])

    assert strain_energy_at_most(graphite, NONE.tolist()) is None
