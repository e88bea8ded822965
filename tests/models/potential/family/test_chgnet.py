"""Energies by CHGNet: the same as its own code gives, many at once, and failures as data."""

import numpy as np
import pytest
from exfolio.models.learning.threads import threads_of_torch
from exfolio.models.potential.family import chgnet as module
from exfolio.models.potential.family.chgnet import PotentialMissing, evaluate, potential
from exfolio.models.potential.reference_elements import element_crystals
from pymatgen.core import Composition, Lattice, Structure

needs_chgnet = pytest.mark.skipif(
    not module.is_installed(), reason="CHGNet is not installed (pip install exfolio[mlip])"
)
MOS2 = Structure(  # monolayer of 2H-MoS2
    Lattice.hexagonal(3.16, 23.13), ["Mo", "S", "S"], [[1 / 3, 2 / 3, 0.5], [2 / 3, 1 / 3, 0.57], [2 / 3, 1 / 3, 0.43]]
)
MGO = Structure(Lattice.from_parameters(2.978, 2.978, 2.978, 60, 60, 60), ["Mg", "O"], [[0, 0, 0], [0.5, 0.5, 0.5]])
CDI2 = Structure(
    Lattice.hexagonal(4.24, 6.84), ["Cd", "I", "I"], [[0, 0, 0], [1 / 3, 2 / 3, 0.249], [2 / 3, 1 / 3, 0.751]]
)
ODD = CDI2.copy().perturb(0.1)


@needs_chgnet
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_energies_forces_and_stresses_are_those_of_chgnet() -> None:
    structures = [MOS2, MGO, CDI2, ODD]

    ours = evaluate(structures)
    with threads_of_torch(1):
        theirs = potential().predict_structure(structures, task="efs")

    for mine, its in zip(ours, theirs, strict=True):
        assert mine.energy_per_atom == pytest.approx(float(its["e"]), abs=2e-5)
        np.testing.assert_allclose(mine.forces, its["f"], atol=2e-3)
        np.testing.assert_allclose(mine.stress_gpa, its["s"], atol=2e-2)


@needs_chgnet
def test_forces_are_the_slope_of_the_energy() -> None:
    h = 0.02
    there, back = ODD.copy(), ODD.copy()
    there.translate_sites([1], [0, 0, h], frac_coords=False)
    back.translate_sites([1], [0, 0, -h], frac_coords=False)

    middle, up, down = evaluate([ODD, there, back])

    assert middle.forces[1, 2] == pytest.approx(-(up.energy - down.energy) / (2 * h), abs=0.02)


def rattled(n: int) -> list[Structure]:
    """Small and large crystals, each distorted in its own way."""
    random = np.random.default_rng(5)
    cells = [MOS2, MGO, CDI2, MGO * 2, CDI2 * [2, 2, 1], MOS2 * [3, 2, 1]]
    structures = [cells[i % len(cells)].copy() for i in range(n)]
    for structure in structures:
        moved = structure.frac_coords + 0.01 * random.standard_normal((len(structure), 3))
        for site, place in zip(structure, moved, strict=True):
            site.frac_coords = place
    return structures


@pytest.mark.endurance
@needs_chgnet
@pytest.mark.parametrize("forces", [True, False])
def test_results_are_the_same_to_the_last_bit_however_structures_are_batched(*, forces: bool) -> None:
    structures = rattled(18)
    at_once = evaluate(structures, forces=forces)

    one_by_one = [evaluate([structure], forces=forces)[0] for structure in structures]
    by_fives_from_the_end = [
        result
        for start in range(0, 18, 5)
        for result in evaluate(structures[::-1][start : start + 5], forces=forces, edges_at_once=500)
    ][::-1]

    for split in (one_by_one, by_fives_from_the_end):
        assert [result.energy for result in split] == [result.energy for result in at_once]
        if forces:
            for result, other in zip(split, at_once, strict=True):
                np.testing.assert_array_equal(result.forces, other.forces)
                np.testing.assert_array_equal(result.stress_gpa, other.stress_gpa)


@needs_chgnet
def test_energies_with_and_without_forces_are_the_same() -> None:
    structures = rattled(6)
    with_forces = [result.energy for result in evaluate(structures)]
    assert [result.energy for result in evaluate(structures, forces=False)] == with_forces


@needs_chgnet
def test_what_cannot_be_evaluated_says_why_and_the_others_go_on() -> None:
    argon = Structure(Lattice.cubic(9), ["Ar"], [[0, 0, 0]])
    mixed = Structure(Lattice.cubic(3), [{"Cu": 0.5, "Au": 0.5}], [[0, 0, 0]])
    californium = Structure(Lattice.cubic(3), ["Cf"], [[0, 0, 0]])

    lonely, disordered, unknown, fine = evaluate([argon, mixed, californium, MGO])

    assert lonely.failure == "atom 0 has no neighbour within 6 Å"
    assert "disordered" in disordered.failure
    assert unknown.failure == "CHGNet does not know Cf"
    assert fine.failure is None
    assert fine.energy < 0


def test_without_chgnet_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "chgnet.model.model", None)
    potential.cache_clear()

    with pytest.raises(PotentialMissing, match=r"pip install exfolio\[mlip\]"):
        evaluate([MGO])


def test_reference_crystals_of_elements_have_bonds_and_densities_of_the_real_ones() -> None:
    densities = {"Cs": 1.87, "Tl": 11.85, "Gd": 7.90, "Sm": 7.52, "Nd": 7.01, "Th": 11.72}  # g/cm^3, CRC Handbook

    for crystal in element_crystals():
        assert crystal.structure.composition.elements == Composition(crystal.symbol).elements
        if crystal.symbol in densities:
            assert crystal.structure.density == pytest.approx(densities[crystal.symbol], rel=0.05)
        if crystal.name.startswith("N2"):
            assert min(crystal.structure.get_neighbor_list(2.0)[3]) == pytest.approx(1.0977, abs=1e-3)
