"""Whether runs came to rest, by their last steps."""

import numpy as np
import pytest
from exfolio.models.calculation.relaxation_end import step_energy, unsaid_energy, why_atoms_moved, why_electrons_moved
from exfolio.models.calculation.vasp_tags import VaspTags

RELAXATION = "Structure Optimization"


def step(energy: float, force: float = 0.0, stress: float = 0.0, change: float = 0.0) -> dict[str, object]:
    names = ("e_fr_energy", "e_0_energy", "e_wo_entrp")
    electronic = [dict.fromkeys(names, value) for value in (energy + change, energy)]
    return {
        "e_fr_energy": energy,
        "e_0_energy": 0.0,
        "electronic_steps": electronic,
        "forces": [[force, 0.0, 0.0], [-force, 0.0, 0.0]],
        "stress": (np.eye(3) * stress).tolist(),
    }


def tags(**told: object) -> VaspTags:
    return VaspTags.of({"NSW": 99, "IBRION": 2, "EDIFFG": -0.02, "EDIFF": 1e-5, **told}, {})


@pytest.mark.parametrize(
    ("told", "steps", "reason"),
    [
        ({}, [step(-1), step(-2, force=0.01)], None),
        ({}, [step(-1), step(-2, force=0.9)], "the largest force is 0.9 eV/Å"),
        ({"NSW": 2}, [step(-1), step(-2, force=0.01)], None),
        ({"NSW": 2}, [step(-1), step(-2, force=0.03)], "the largest force is 0.03 eV/Å"),
        ({"ISIF": 3}, [step(-1), step(-2, stress=300)], "a stress of 300 kB"),
        ({"ISIF": 2}, [step(-1), step(-2, stress=300)], None),
        ({"ISIF": 4}, [step(-1), step(-2, stress=300)], None),  # the volume was not to change
        ({"ISIF": 8}, [step(-1), step(-2, stress=300)], "a stress of 300 kB"),
        ({"EDIFFG": 1e-3}, [step(-1.999), step(-2)], None),
        ({"EDIFFG": 1e-3}, [step(-1.996), step(-2)], None),  # VASP compares along its line search
        ({"EDIFFG": 1e-3}, [step(-1.996), step(-2, force=0.9)], "it stopped after 2 of 99 steps"),
        ({"EDIFFG": 1e-3}, [step(-1), step(-2)], "it stopped after 2 of 99 steps"),
        ({"EDIFFG": 1e-3}, [step(-2, force=0.9)], "one step shows no change of the energy"),
        ({"ISIF": 3, "LATTICE_CONSTRAINTS": [True, True, False]}, [step(-1), step(-2, stress=300)], "300 kB"),
        ({"ISIF": 3, "LATTICE_CONSTRAINTS": [False] * 3}, [step(-1), step(-2, stress=300)], None),
        ({"EDIFFG": 1e-3, "NSW": 2}, [step(-1.9), step(-2)], "it took all NSW = 2 steps"),
        ({"EDIFFG": 0.0}, [step(-2, force=0.5)], "the largest force is 0.5 eV/Å"),
        ({"EDIFFG": None, "EDIFF": 1e-4}, [step(-1), step(-2)], "it stopped after 2 of 99 steps"),
    ],
)
def test_a_relaxation_is_judged_by_what_it_was_to_reach(
    told: dict[str, object], steps: list[dict[str, object]], reason: str | None
) -> None:
    answer = why_atoms_moved(RELAXATION, tags(**told), steps)

    assert (answer is None) == (reason is None), answer
    assert reason is None or reason in str(answer)


def test_atoms_that_are_held_have_any_force() -> None:
    steps = [step(-2, force=0.5)]
    held = np.array([[False] * 3, [True] * 3])

    assert why_atoms_moved(RELAXATION, tags(), steps, np.zeros((2, 3), dtype=bool)) is None
    assert why_atoms_moved(RELAXATION, tags(), steps, held) is not None


def test_molecular_dynamics_end_with_their_last_step() -> None:
    assert why_atoms_moved("Molecular Dynamics", tags(NSW=1), [step(-2, force=3)]) is None
    assert "1 of 5 steps" in str(why_atoms_moved("Molecular Dynamics", tags(NSW=5), [step(-2)]))


def test_electrons_that_were_cut_off_are_not_converged() -> None:
    assert why_electrons_moved(tags(NELM=60), [step(-2, change=1e-6)]) is None
    assert "NELM = 2" in str(why_electrons_moved(tags(NELM=2), [step(-2)]))
    assert "changed the energy by 0.001 eV" in str(why_electrons_moved(tags(NELM=60), [step(-2, change=1e-3)]))


def test_the_energy_of_vasp_5_is_that_of_the_last_electronic_step_and_the_free_energy() -> None:
    """VASP 5.4.1 with D3: e_0_energy of the ionic step holds the entropy."""
    last = {"e_fr_energy": -15.0367827, "e_wo_entrp": -14.95425983, "e_0_energy": -15.00927507}
    ionic = {"e_fr_energy": -15.92106087, "e_0_energy": -0.08252286, "electronic_steps": [last]}

    assert step_energy(ionic) == pytest.approx(-15.89355324)
    assert unsaid_energy(ionic) == pytest.approx(-0.88427817)
