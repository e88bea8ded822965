"""How strongly layers hold together: against their bulk, and stacked on themselves, by pairs of atoms one can count."""

from typing import Any

import numpy as np
import pytest
from exfolio.models.potential.family.ase_calculator import AseCalculator
from exfolio.models.potential.layer_binding import layer_bindings
from exfolio.models.potential.self_stacking import BONDED, NOT_HELD
from exfolio.models.structure.vacuum import layer_in_vacuum
from pymatgen.core import Lattice, Structure

pytest.importorskip("ase", reason="ASE is not installed (pip install exfolio[ase])")


class SolidArgon(AseCalculator):
    name, slug = "Lennard-Jones", "lj"

    def __init__(self, sigma: float = 3.4, epsilon: float = 0.0104) -> None:
        self.sigma, self.epsilon = sigma, epsilon

    def calculator(self) -> Any:
        from ase.calculators.lj import LennardJones

        return LennardJones(sigma=self.sigma, epsilon=self.epsilon, rc=12.0, smooth=True)


NEAREST = 3.72  # Å: about where a close-packed crystal of such atoms rests
SHEET = layer_in_vacuum(
    ["Ar"], np.zeros((1, 3)), np.array([NEAREST, 0, 0]), np.array([-NEAREST / 2, NEAREST * 3**0.5 / 2, 0]), vacuum=20
)
HEIGHT = NEAREST * (2 / 3) ** 0.5
CRYSTAL = Structure(Lattice.hexagonal(NEAREST, 2 * HEIGHT), ["Ar", "Ar"], [[0, 0, 0], [1 / 3, 2 / 3, 0.5]])


def test_a_sheet_of_spheres_stacks_over_its_hollows_and_binds_as_its_crystal() -> None:
    against_bulk, stacked = layer_bindings([SHEET, SHEET], [CRYSTAL, None], SolidArgon())

    assert stacked.shift in [pytest.approx((1 / 3, 2 / 3)), pytest.approx((2 / 3, 1 / 3))]
    assert stacked.height == pytest.approx(HEIGHT, abs=0.08)
    assert stacked.per_atom == pytest.approx(against_bulk.per_atom, rel=0.02)  # fcc and hcp differ by 0.01 %
    assert stacked.per_area == pytest.approx(1000 * stacked.per_atom / (NEAREST**2 * 3**0.5 / 2))
    assert stacked.stack.lattice.c < 5  # one layer a cell
    assert against_bulk.stack is None


def test_relaxed_layers_lose_the_strain_that_they_had_in_their_plane() -> None:
    wide = Structure(Lattice(SHEET.lattice.matrix * [[1.03], [1.03], [1]]), SHEET.species, SHEET.frac_coords)

    [static] = layer_bindings([wide], [CRYSTAL], SolidArgon())
    [relaxed] = layer_bindings([wide], [CRYSTAL], SolidArgon(), relax=True, force_tolerance=0.01)

    assert relaxed.per_atom < static.per_atom


@pytest.mark.parametrize(("potential", "reason"), [(SolidArgon(sigma=1.9), BONDED), (SolidArgon(sigma=4.6), NOT_HELD)])
def test_a_layer_without_a_minimum_between_bonds_and_vacuum_gets_no_value(potential: SolidArgon, reason: str) -> None:
    [binding] = layer_bindings([SHEET], [None], potential)

    assert (binding.per_atom, binding.reason) == (None, reason)


def test_what_lies_below_its_bulk_or_is_of_another_composition_gets_no_value() -> None:
    squeezed = Structure(Lattice.hexagonal(NEAREST, 1.4 * HEIGHT), CRYSTAL.species, CRYSTAL.frac_coords)
    krypton = Structure(CRYSTAL.lattice, ["Ar", "Kr"], CRYSTAL.frac_coords)

    below, other = layer_bindings([SHEET, SHEET], [squeezed, krypton], SolidArgon())

    assert "below its bulk" in below.reason
    assert other.reason == "it is one of several kinds of layers of its bulk"
