"""Relaxation by CHGNet: down in energy, vacuum kept, and what goes wrong told of the one structure it befalls."""

import numpy as np
import pytest
from exfolio.models.potential.family import chgnet
from exfolio.models.potential.family.chgnet import evaluate, relax
from pymatgen.core import Lattice, Structure

pytestmark = pytest.mark.skipif(not chgnet.is_installed(), reason="CHGNet is not installed (pip install exfolio[mlip])")
WIDE_MOS2 = Structure(  # monolayer of 2H-MoS2 (a = 3.16 Å), stretched
    Lattice.hexagonal(3.30, 23.13), ["Mo", "S", "S"], [[1 / 3, 2 / 3, 0.5], [2 / 3, 1 / 3, 0.57], [2 / 3, 1 / 3, 0.43]]
)
TIGHT_MGO = Structure(Lattice.from_parameters(2.8, 2.8, 2.8, 60, 60, 60), ["Mg", "O"], [[0, 0, 0], [0.5, 0.5, 0.5]])


def test_a_crystal_finds_its_cell_and_a_layer_keeps_its_vacuum() -> None:
    layer, bulk = relax([WIDE_MOS2, TIGHT_MGO])

    assert layer.converged
    assert layer.sane
    assert bulk.converged
    assert bulk.sane
    assert layer.energy_per_atom < evaluate([WIDE_MOS2], forces=False)[0].energy_per_atom
    assert layer.structure.lattice.a == pytest.approx(3.18, abs=0.03)  # PBE: 3.18 Å
    assert layer.structure.lattice.c == pytest.approx(23.13, abs=1e-9)
    assert layer.area_change == pytest.approx((layer.structure.lattice.a / 3.30) ** 2, rel=1e-3)
    assert bulk.structure.lattice.a * 2**0.5 == pytest.approx(4.24, abs=0.04)  # PBE: 4.24 Å
    assert bulk.volume_change > 1
    assert np.abs(bulk.stress_gpa).max() < 3


def test_a_tilted_vacuum_axis_stays_as_it_is() -> None:
    matrix = WIDE_MOS2.lattice.matrix.copy()
    matrix[2, :2] += [0.7, 0.3]
    tilted = Structure(Lattice(matrix), WIDE_MOS2.species, WIDE_MOS2.cart_coords, coords_are_cartesian=True)

    (result,) = relax([tilted], max_steps=5)

    assert result.structure.lattice.matrix[2, 2] == pytest.approx(matrix[2, 2], abs=1e-9)


def test_the_step_limit_stops_it_without_calling_it_converged() -> None:
    (result,) = relax([WIDE_MOS2], max_steps=2)

    assert (result.steps, result.converged, result.failure) == (2, False, None)


def test_a_fixed_cell_stays() -> None:
    (result,) = relax([TIGHT_MGO], cell=False, max_steps=3)

    np.testing.assert_allclose(result.structure.lattice.matrix, TIGHT_MGO.lattice.matrix)


def test_a_structure_that_explodes_leaves_the_others_alone() -> None:
    crushed = Structure(Lattice.cubic(1.5), ["Cs", "I"], [[0, 0, 0], [0.2, 0.2, 0.2]])
    argon = Structure(Lattice.cubic(9), ["Ar"], [[0, 0, 0]])

    burst, lonely, fine = relax([crushed, argon, TIGHT_MGO], max_steps=30)

    assert not burst.sane
    assert "no neighbour within 6 Å" in lonely.failure
    assert fine.sane
    assert fine.energy_per_atom < evaluate([TIGHT_MGO], forces=False)[0].energy_per_atom


def test_time_can_be_limited() -> None:
    (result,) = relax([WIDE_MOS2], max_seconds=1e-9)

    assert "out of time" in result.failure
    assert result.energy is not None  # as far as it came


@pytest.mark.parametrize("limits", [{"max_steps": -1}, {"force_tolerance": 0}, {"max_seconds": -1.0}])
def test_limits_must_be_positive(limits: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="limits must be positive"):
        relax([TIGHT_MGO], **limits)


def test_one_flag_for_each_structure() -> None:
    with pytest.raises(ValueError, match="2 structures but 1 values"):
        relax([TIGHT_MGO, WIDE_MOS2], monolayer=[True])


@pytest.mark.endurance
def test_where_a_relaxation_ends_does_not_depend_on_its_company() -> None:
    structures = [WIDE_MOS2, TIGHT_MGO, TIGHT_MGO * 2, WIDE_MOS2 * [2, 1, 1]]

    together = relax(structures, max_steps=6)
    alone = [relax([structure], max_steps=6)[0] for structure in structures]

    for result, other in zip(together, alone, strict=True):
        assert (result.energy, result.steps) == (other.energy, other.steps)
        np.testing.assert_array_equal(result.structure.lattice.matrix, other.structure.lattice.matrix)
        np.testing.assert_array_equal(result.structure.frac_coords, other.structure.frac_coords)
