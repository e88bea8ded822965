"""Calculators of ASE as potentials: units, signs, relaxation by energies and forces alone, and what goes wrong."""

import pickle
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from exfolio.models.potential.family.ase_calculator import AseCalculator
from exfolio.models.potential.interface import Potential
from exfolio.models.potential.results import GPA, Static
from pymatgen.core import Lattice, Structure
from scipy.optimize import minimize_scalar

pytest.importorskip("ase", reason="ASE is not installed (pip install exfolio[ase])")

SITES = [[0, 0, 0], [0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]]
CU3AU = Structure(Lattice.cubic(3.75), ["Au", "Cu", "Cu", "Cu"], SITES)
ODD = Structure(
    Lattice.from_parameters(3.7, 3.9, 3.8, 88, 92, 95), CU3AU.species, [[0.01, 0.02, 0], [0, 0.5, 0.47], *SITES[2:]]
)


class Emt(AseCalculator):
    name, slug, elements = "EMT", "emt", frozenset(["Al", "Ni", "Cu", "Pd", "Ag", "Pt", "Au"])

    def calculator(self) -> Any:
        from ase.calculators.emt import EMT

        return EMT()


class SolidArgon(AseCalculator):
    name, slug = "Lennard-Jones", "lj"

    def calculator(self) -> Any:
        from ase.calculators.lj import LennardJones

        return LennardJones(sigma=3.4, epsilon=0.0104, rc=12.0, smooth=True)


ARGON = Structure(Lattice.from_parameters(3.6, 3.7, 3.8, 62, 61, 59), ["Ar", "Ar"], [[0, 0, 0], [0.52, 0.49, 0.5]])


def strained(structure: Structure, i: int, j: int, by: float) -> Structure:
    deformation = np.eye(3)
    deformation[i, j] += by / 2
    deformation[j, i] += by / 2
    return Structure(Lattice(structure.lattice.matrix @ deformation), structure.species, structure.frac_coords)


@pytest.mark.parametrize(("potential", "structure"), [(Emt(), ODD), (SolidArgon(), ARGON)], ids=["EMT", "LJ"])
def test_forces_and_stress_are_slopes_of_the_energy(potential: Potential, structure: Structure) -> None:
    h = 1e-3
    [static] = potential.evaluate([structure])
    assert static.energy_per_atom == static.energy / len(structure)

    for atom, axis in [(0, 0), (1, 2)]:
        there, back = structure.copy(), structure.copy()
        step = np.eye(3)[axis] * h
        there.translate_sites([atom], step, frac_coords=False)
        back.translate_sites([atom], -step, frac_coords=False)
        up, down = potential.evaluate([there, back], forces=False)
        assert static.forces[atom, axis] == pytest.approx(-(up.energy - down.energy) / (2 * h), abs=1e-4)

    for i, j in [(0, 0), (2, 2), (0, 1), (1, 2)]:
        up, down = potential.evaluate([strained(structure, i, j, h), strained(structure, i, j, -h)], forces=False)
        slope = (up.energy - down.energy) / (2 * h) / structure.volume * GPA
        assert static.stress_gpa[i, j] == pytest.approx(slope, abs=2e-3)


def test_what_is_under_tension_has_a_positive_stress() -> None:
    [wide] = Emt().evaluate([Structure(Lattice.cubic(3.9), ["Cu"] * 4, SITES)])  # measured: 3.61 Å

    assert np.diag(wide.stress_gpa) == pytest.approx([wide.stress_gpa[0, 0]] * 3)
    assert wide.stress_gpa[0, 0] > 5


def test_relaxing_by_energies_and_forces_finds_the_least_energy() -> None:
    def energy(a: float) -> float:
        [static] = Emt().evaluate([Structure(Lattice.cubic(a), CU3AU.species, SITES)], forces=False)
        assert static.energy is not None
        return static.energy

    least = minimize_scalar(energy, bounds=(3.5, 4.0), method="bounded")
    cubic, odd = Emt().relax([CU3AU * 2, ODD], max_steps=300, force_tolerance=0.005)

    assert cubic.converged
    assert odd.converged
    assert cubic.structure.lattice.a / 2 == pytest.approx(least.x, abs=2e-3)
    assert odd.structure.volume ** (1 / 3) == pytest.approx(least.x, abs=5e-3)
    assert [cubic.energy / 8, odd.energy] == pytest.approx([least.fun] * 2, abs=1e-3)
    assert odd.sane


def test_a_layer_keeps_its_vacuum() -> None:
    layer = Structure(Lattice.hexagonal(2.75, 15), ["Cu"], [[0, 0, 0.5]])

    [relaxed] = Emt().relax([layer], monolayer=True, force_tolerance=0.01)

    assert relaxed.converged
    assert relaxed.structure.lattice.c == pytest.approx(15)
    assert relaxed.area_change == pytest.approx((relaxed.structure.lattice.a / 2.75) ** 2)
    assert relaxed.structure.lattice.a < 2.556  # of the bulk: fewer neighbours are nearer


def test_what_a_structure_comes_to_does_not_depend_on_its_company() -> None:
    structures = [ODD, CU3AU, CU3AU * [2, 1, 1], ODD * [1, 2, 1]]

    together, again = Emt().evaluate(structures), Emt().evaluate(structures[::-1])[::-1]
    relaxed, alone = Emt().relax(structures, max_steps=8), [Emt().relax([one], max_steps=8)[0] for one in structures]

    assert [one.energy for one in together] == [one.energy for one in again]
    assert [one.energy for one in relaxed] == [one.energy for one in alone]
    for one, other in zip(relaxed, alone, strict=True):
        np.testing.assert_array_equal(one.structure.frac_coords, other.structure.frac_coords)


def test_what_cannot_be_evaluated_says_why_and_the_others_go_on() -> None:
    salt = Structure(Lattice.cubic(5.6), ["Na", "Cl"], [[0, 0, 0], [0.5, 0.5, 0.5]])
    mixed = Structure(Lattice.cubic(3), [{"Cu": 0.5, "Au": 0.5}], [[0, 0, 0]])

    for unknown, disordered, fine in (Emt().evaluate([salt, mixed, CU3AU]), Emt().relax([salt, mixed, CU3AU])):
        assert unknown.failure == "EMT does not know Cl, Na"
        assert disordered.failure == "it is disordered: a site is partly or mixedly occupied"
        assert fine.failure is None


def test_an_error_of_a_calculator_is_a_failure_of_its_structure() -> None:
    class AnyMetal(Emt):
        elements = None

    iron, fine = AnyMetal().evaluate([Structure(Lattice.cubic(2.9), ["Fe"], [[0, 0, 0]]), CU3AU])

    assert "NotImplementedError: No EMT-potential for Fe" in iron.failure
    assert fine.failure is None


def test_a_calculator_without_stresses_gives_energies_and_relaxes_in_a_cell_that_stays() -> None:
    from ase.calculators.emt import EMT

    class NoStress(Emt):
        def calculator(self) -> Any:
            calculator = EMT()
            calculator.implemented_properties = ["energy", "free_energy", "energies", "forces"]
            return calculator

    [static] = NoStress().evaluate([ODD])
    [moved], [refused] = NoStress().relax([ODD], cell=False), NoStress().relax([ODD])

    assert static.stress_gpa is None
    assert static.energy == Emt().evaluate([ODD])[0].energy
    assert moved.converged
    np.testing.assert_array_equal(moved.structure.lattice.matrix, ODD.lattice.matrix)
    assert refused.failure == "the potential gives no stress of cells"


def test_it_goes_to_another_process_without_its_calculator() -> None:
    potential = Emt()
    [before] = potential.evaluate([ODD])

    again = pickle.loads(pickle.dumps(potential))

    assert vars(again) == {}
    assert again.evaluate([ODD])[0].energy == before.energy


def test_a_potential_is_a_name_and_evaluate() -> None:
    class Springs(Potential):
        """Atoms are held by springs to the places 0 and 1/2 of their cell."""

        name, slug = "springs", "springs"

        def evaluate(self, structures: Sequence[Structure], *, forces: bool = True) -> list[Static]:  # noqa: ARG002
            results = []
            for structure in structures:
                away = structure.frac_coords - np.round(structure.frac_coords * 2) / 2
                shift = away @ structure.lattice.matrix
                results.append(Static.of(float((shift**2).sum() / 2), len(structure), -shift, np.zeros((3, 3))))
            return results

    structure = Structure(Lattice.cubic(4), ["Cs", "Cl"], [[0.1, 0, 0], [0.4, 0.5, 0.5]])

    [relaxed] = Springs().relax([structure], cell=False, force_tolerance=1e-3)

    assert Springs().is_installed()
    assert relaxed.converged
    assert relaxed.energy == pytest.approx(0, abs=1e-5)  # from 0.16 eV
    np.testing.assert_allclose(relaxed.structure.frac_coords[1], [0.5, 0.5, 0.5], atol=1e-3)
