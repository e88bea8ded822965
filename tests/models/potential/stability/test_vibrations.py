"""Vibrations by a potential: silicon's and graphene's, those of flat silicene, and where they lead."""

import numpy as np
import pytest
from exfolio.models.potential.family.chgnet import Chgnet, is_installed
from exfolio.models.potential.stability.elastic import stiffness
from exfolio.models.potential.stability.soft_modes import displaced, follow
from exfolio.models.potential.stability.symmetric_relaxation import primitive, symmetrized
from exfolio.models.potential.stability.vibrations import Vibrations, vibrations
from pymatgen.core import Lattice, Structure
from toy_potential import Argon

pytest.importorskip("phonopy", reason="phonopy is not installed (pip install exfolio[mlip])")
pytestmark = pytest.mark.filterwarnings("ignore:No Pauling electronegativity")  # of argon, by pymatgen
needs_chgnet = pytest.mark.skipif(not is_installed(), reason="CHGNet is not installed (pip install exfolio[mlip])")

HONEYCOMB = [[1 / 3, 2 / 3, 0.5], [2 / 3, 1 / 3, 0.5]]
SILICON = Structure(Lattice([[0, 2.73, 2.73], [2.73, 0, 2.73], [2.73, 2.73, 0]]), ["Si", "Si"], [[0, 0, 0], [0.25] * 3])
GRAPHENE = Structure(Lattice.hexagonal(2.46, 14), ["C", "C"], HONEYCOMB)
FLAT_SILICENE = Structure(Lattice.hexagonal(3.9, 14), ["Si", "Si"], HONEYCOMB)
ARGON = Structure(Lattice([[0, 2.6, 2.6], [2.6, 0, 2.6], [2.6, 2.6, 0]]), ["Ar"], [[0, 0, 0]])


@pytest.fixture(scope="module")
def found() -> list[Vibrations]:
    return vibrations([SILICON, GRAPHENE, FLAT_SILICENE], Chgnet())


@needs_chgnet
def test_silicon_and_graphene_are_stable_with_the_frequencies_known(found: list[Vibrations]) -> None:
    silicon, graphene, _ = found
    assert silicon.softest[0] == graphene.softest[0] == 0
    assert [len(one.q_points) for one in (silicon, graphene)] == [8, 4]
    # Raman line of silicon: 520 /cm, 15.6 THz; E2g of graphene 1580 /cm, 47 THz. CHGNet is softer by a quarter or more
    optical = silicon.frequencies[0]
    assert optical[:3].tolist() == [0, 0, 0]
    assert optical[3:] == pytest.approx([15.6] * 3, rel=0.3)
    assert optical[3] == pytest.approx(optical[5], abs=0.01)
    assert 0.6 * 47 < graphene.frequencies[0, -1] < 1.1 * 47
    assert silicon.displacements == graphene.displacements == 1


@needs_chgnet
def test_flat_silicene_is_unstable_and_wins_energy_by_a_distortion(found: list[Vibrations]) -> None:
    flat = found[2]
    lowest, _ = flat.softest
    # H. Sahin et al., Phys. Rev. B 80, 155453 (2009): the stability of silicene is maintained by puckering
    assert lowest < -1
    assert np.ptp(flat.structure.frac_coords[:, 2]) < 1e-6

    [distorted] = follow([flat], Chgnet(), max_steps=30)

    assert distorted.structure is not None
    assert distorted.won > 0.0003  # eV/atom, in 30 steps
    assert len(distorted.structure) == 2 * np.prod(distorted.repeats)
    assert distorted.space_group < 191  # P6/mmm before


@needs_chgnet
def test_stiffness_of_silicon_lies_near_the_measured_one_and_flat_silicene_shears_away(
    found: list[Vibrations],
) -> None:
    silicon, flat = (found[i] for i in (0, 2))

    bulk, layer = stiffness([silicon.structure, flat.structure], Chgnet(), monolayer=[False, True])

    # 165.8, 63.9 and 79.6 GPa: J. J. Hall, Phys. Rev. 161, 756 (1967)
    for place, measured in (((0, 0), 165.8), ((0, 1), 63.9), ((3, 3), 79.6)):
        assert 0.5 * measured < bulk.tensor[place] < 1.3 * measured
    assert bulk.tensor[0, 0] == pytest.approx(bulk.tensor[2, 2], rel=0.01)
    assert (bulk.unit, layer.unit) == ("GPa", "N/m")
    assert bulk.least > 0
    assert layer.tensor.shape == (3, 3)


def test_an_exact_potential_has_cauchys_relation_and_one_acoustic_branch_of_each_kind() -> None:
    [solid] = vibrations([ARGON], Argon(), monolayer=False)

    [stiff] = stiffness([solid.structure], Argon(), monolayer=[False])

    # Central forces at rest: C12 = C44 (M. Born, K. Huang, Dynamical Theory of Crystal Lattices, 1954)
    assert stiff.tensor[0, 1] == pytest.approx(stiff.tensor[3, 3], rel=0.03)
    assert solid.frequencies.shape == (8, 3)
    assert solid.softest == (0, (0, 0, 0))
    assert solid.frequencies[1:].min() > 0.5


def test_what_can_not_be_calculated_is_a_failure_of_its_own() -> None:
    too_large, fine = vibrations([ARGON * (3, 3, 2), ARGON], Argon(), monolayer=False)

    assert too_large.failure == "144 atoms in the repeated cell are more than 96"
    assert fine.failure is None
    with pytest.raises(ValueError, match="1 structures but 2 values"):
        vibrations([ARGON], Argon(), monolayer=[True, False])


def test_a_mode_at_the_zone_boundary_moves_neighbouring_cells_the_other_way() -> None:
    mode = np.zeros((2, 1, 3))
    mode[1, 0, 1] = 1.0
    soft = Vibrations(ARGON, False, np.array([[0, 0, 0], [0.5, 0, 0]]), np.array([[0, 0, 0], [-1.0, 1, 1]]), mode)

    moved = displaced(soft, 0.2)

    shifts = moved.cart_coords - np.array([[0, 0, 0], ARGON.lattice.matrix[0]])
    assert shifts == pytest.approx(np.array([[0, 0.2, 0], [0, -0.2, 0]]))


def test_noise_in_a_relaxation_is_made_symmetric_again_and_a_strain_along_is_kept() -> None:
    noise = np.array([[0.01, -0.02, 0.015], [0, 0, 0]])
    stretched = Lattice.hexagonal(2.5, 14)

    structure, left = symmetrized(GRAPHENE, Structure(stretched, ["C", "C"], GRAPHENE.frac_coords + noise))

    assert left > 0.1
    assert structure.lattice.abc == pytest.approx((2.5, 2.5, 14))
    apart = structure.frac_coords[1] - structure.frac_coords[0]
    assert apart == pytest.approx([1 / 3, -1 / 3, 0], abs=1e-6)


def test_the_primitive_cell_of_a_layer_keeps_its_vacuum() -> None:
    doubled = GRAPHENE * (2, 1, 1)

    assert len(primitive(doubled)) == 2
    assert primitive(doubled).volume == pytest.approx(GRAPHENE.volume)
    assert primitive(GRAPHENE) is GRAPHENE
