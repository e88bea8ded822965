"""Energies of layers whose in-plane cell was not relaxed are upper ends, as far down as the stress allows."""

from typing import Any

import pytest
from exfolio.builders.properties.hulls.limits import limited_by_dispersion
from exfolio.builders.properties.hulls.strained_layers import limited_by_strain
from exfolio.models.structure.layered.in_plane_stress import strain_energy_at_most
from exfolio.models.structure.serialization import to_plain
from pymatgen.core import Lattice, Structure

STRESS = [[10.0, 0.0, 0.0], [0.0, 10.0, 0.0], [0.0, 0.0, 0.0]]


def layer(a: float = 3.0) -> Structure:
    return Structure(Lattice.hexagonal(a, 20.0), ["B", "N"], [[1 / 3, 2 / 3, 0.5], [2 / 3, 1 / 3, 0.5]])


def calculation(name: str, structure: Structure, task: str, **more: Any) -> dict[str, Any]:
    docs = {"calculation_id": name, "structure_id": "st-1", "functional": "GGA", "task_type": task, "converged": True}
    return {**docs, "structure": to_plain(structure), "settings": {"ISIF": 3}, **more}


def limited(*calculations: dict[str, Any], without_dispersion: bool = False) -> dict[str, Any]:
    value = {"structure_id": "st-1", "kind": "energy_above_hull", "value": 0.3, "details": {"calculation_id": "static"}}
    value = limited_by_dispersion(value, layer=without_dispersion, method="GGA")
    (found,) = limited_by_strain([value], calculations, ["st-1"])
    return found


@pytest.mark.parametrize("without_dispersion", [False, True])
def test_a_predicted_cell_may_hold_strain(without_dispersion: bool) -> None:
    static = calculation("static", layer(), "Static", trajectory={"stress": STRESS})
    found = limited(static, without_dispersion=without_dispersion)

    assert found["low"] == pytest.approx(0.3 - strain_energy_at_most(layer(), STRESS))
    assert found.get("high") == (None if without_dispersion else 0.3)
    assert "was not relaxed" in found["warnings"][-1]


def test_a_static_run_of_what_a_relaxation_ended_with_holds_none() -> None:
    static = calculation("static", layer(), "Static", trajectory={"stress": STRESS})

    assert "low" not in limited(static, calculation("relaxation", layer(), "Structure Optimization"))
    assert "low" in limited(static, calculation("of another cell", layer(3.1), "Structure Optimization"))
    of_atoms = calculation("of atoms", layer(), "Structure Optimization", settings={"ISIF": 2})
    assert "low" in limited(static, of_atoms)


def test_where_the_results_do_not_tell_the_value_is_an_upper_bound() -> None:
    found = limited(calculation("static", layer(), "Static"))

    assert ("low" in found, found["high"]) == (False, 0.3)
    assert "is not known" in found["warnings"][0]
