"""What an OPTIMADE resource states of its structure is kept, all of it, or refused with the reason."""

from typing import Any

import numpy as np
import pytest
from exfolio.builders.sources.optimade.optimade import Optimade
from exfolio.builders.sources.records.raw_record import BadRecord, RawRecord

CELL = [[4.4, 0.0, 0.0], [0.0, 4.4, 0.0], [0.0, 0.0, 4.4]]
CAESIUM_CHLORIDE: dict[str, Any] = {
    "lattice_vectors": CELL,
    "cartesian_site_positions": [[0.0, 0.0, 0.0], [2.2, 2.2, 2.2]],
    "species": [
        {"name": "Cs", "chemical_symbols": ["Cs"], "concentration": [1.0]},
        {"name": "Cl", "chemical_symbols": ["Cl"], "concentration": [1.0]},
    ],
    "species_at_sites": ["Cs", "Cl"],
    "structure_features": [],
    "dimension_types": [1, 1, 1],
    "nperiodic_dimensions": 3,
    "chemical_formula_reduced": "ClCs",
    "last_modified": None,
}


def parsed(**changes: Any) -> dict[str, Any]:
    record = RawRecord("x", 0, CAESIUM_CHLORIDE | changes)
    return Optimade(url="https://example.org").parse(record)["materials"][0]


def species(**chlorine: Any) -> list[dict[str, Any]]:
    first, second = CAESIUM_CHLORIDE["species"]
    return [first, second | chlorine]


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"structure_features": ["assemblies"]}, "assemblies"),
        ({"structure_features": ["disorder", "_exmpl_twins"]}, "_exmpl_twins"),
        ({"structure_features": "disorder"}, "not a list of texts"),
        ({"species": species(concentration=[0.5])}, "species Cl sum to 0.5"),
        ({"species": species(concentration=[1.5])}, "species Cl sum to 1.5"),
        ({"species": species(mass=[31.0])}, "an isotope"),
        ({"species": species(mass=31.0)}, "an isotope"),
        ({"nperiodic_dimensions": 2}, "2 directions by nperiodic_dimensions, in 3 by dimension_types"),
        ({"dimension_types": [1, 1]}, "not three times 0 or 1"),
        ({"lattice_vectors": [CELL[0], CELL[1], None]}, "periodic by dimension_types"),
        ({"fractional_site_positions": [[0, 0, 0], [0.5, 0.5, 0.6]]}, "are not the same"),
        ({"cartesian_site_positions": [[0, 0, 0], [None, None, None]]}, "not all positions are known"),
        ({"cartesian_site_positions": [[0, 0], [1, 1]]}, "can't be read"),
        ({"lattice_vectors": [[4.4, 0, 0]] * 3}, "bad structure"),
        ({"lattice_vectors": [CELL[0], CELL[1], [0, 0, 10**400]]}, "can't be read"),
        ({"species": species(concentration=[10**400])}, "can't be read"),
        ({"chemical_formula_reduced": "Cl2Cs"}, "the formula is Cl2Cs"),
        ({"assemblies": [{"sites_in_groups": [[0], [1]], "group_probabilities": [0.5, 0.5]}]}, "assemblies"),
        ({"dimension_types": None, "nperiodic_dimensions": 2}, "does not say in which"),
        ({"nperiodic_dimensions": 4, "dimension_types": None}, "not 0 to 3"),
        ({"nperiodic_dimensions": "2", "dimension_types": None}, "not 0 to 3"),
        ({"lattice_vectors": [CELL[0], CELL[1], [0, None, 4.4]], "dimension_types": None}, "null in part"),
        ({"species": species(concentration=[float("nan")]), "chemical_formula_reduced": None}, "sum to nan"),
        ({"species": [*species(), {"name": "Cs", "chemical_symbols": ["K"], "concentration": [1.0]}]}, "called 'Cs'"),
        (
            {"species": species(chemical_symbols=["Cl", "Br"], concentration=[0.5, 0.5])},
            "the formula is ClCs, and the structure of Br-Cl-Cs",
        ),
    ],
)
def test_what_cant_be_kept_whole_is_refused(changes: dict[str, Any], complaint: str) -> None:
    with pytest.raises(BadRecord, match=complaint):
        parsed(**changes)


@pytest.mark.parametrize(
    "changes",
    [
        {"structure_features": ["implicit_atoms"]},
        {"structure_features": ["site_attachments"]},
        {"species": species(attached=["H"], nattached=[2])},
        {"species": species(chemical_symbols=["X"])},
        {"species": species(chemical_symbols=["Cl", "X"], concentration=[0.9, 0.1])},
        {"lattice_vectors": None},
        {"dimension_types": None, "nperiodic_dimensions": 0},
        {"dimension_types": [0, 0, 1], "nperiodic_dimensions": 1},
        {"dimension_types": [0, 0, 0], "nperiodic_dimensions": 0, "lattice_vectors": [None] * 3},
    ],
)
def test_what_lacks_atoms_or_is_no_crystal_is_known_by_its_formula(changes: dict[str, Any]) -> None:
    found = parsed(**changes)

    assert (found["formula_reduced"], "structure" in found) == ("CsCl", False)
    if changes.get("dimension_types"):
        assert found["dimension_claimed"] == changes["nperiodic_dimensions"]
        assert found["extra"]["dimension_types"] == changes["dimension_types"]


@pytest.mark.parametrize(
    ("changes", "formula"),
    [
        ({"species": species(mass=[35.45])}, "Cl1Cs1"),
        ({"species": species(attached=["vacancy"], nattached=[0])}, "Cl1Cs1"),
        ({"species": species(chemical_symbols=["Cl", "vacancy"], concentration=[0.9, 0.1])}, "Cl0.9Cs1"),
        (
            {
                "species": species(chemical_symbols=["Cl", "Br"], concentration=[0.333, 0.667]),
                "chemical_formula_reduced": "Br2ClCs3",
            },
            "Br0.667Cl0.333Cs1",
        ),
        ({"dimension_types": None, "nperiodic_dimensions": 2, "lattice_vectors": [*CELL[:2], [0, 0, 25]]}, "Cl1Cs1"),
        ({"fractional_site_positions": [[0, 0, 0], [0.5, 0.5, 0.5]]}, "Cl1Cs1"),
        ({"structure_features": ["disorder"]}, "Cl1Cs1"),
    ],
)
def test_what_can_be_kept_is_kept(changes: dict[str, Any], formula: str) -> None:
    assert parsed(**changes)["formula"] == formula


def test_fractional_positions_alone_will_do() -> None:
    attributes = {key: value for key, value in CAESIUM_CHLORIDE.items() if key != "cartesian_site_positions"}
    record = RawRecord("x", 0, attributes | {"fractional_site_positions": [[0, 0, 0], [0.5, 0.5, 0.5]]})

    [found] = Optimade(url="https://example.org").parse(record)["materials"]

    assert found["structure"]["sites"][1]["abc"] == pytest.approx([0.5, 0.5, 0.5])


@pytest.mark.parametrize("third", [[0.0, 0.0, 4.4], [0.0, 0.0, 1.0], [0.0, 0.0, 25.0], [0.0, 0.0, 0.0], None])
def test_a_sheet_lies_in_vacuum_whatever_its_third_vector_is(third: list[float] | None) -> None:
    found = parsed(lattice_vectors=[CELL[0], CELL[1], third], dimension_types=[1, 1, 0], nperiodic_dimensions=2)

    lattice = found["structure"]["lattice"]
    assert (found["dimension_claimed"], lattice["pbc"]) == (2, [True, True, True])
    assert np.linalg.norm(lattice["matrix"][2]) == pytest.approx(25.0 if third and third[2] == 25 else 22.2)
    heights = [site["abc"][2] * lattice["matrix"][2][2] for site in found["structure"]["sites"]]
    assert heights[1] - heights[0] == pytest.approx(2.2)
