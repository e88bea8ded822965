"""Classes of novelty: what a sceptic asks when somebody says "new"."""

from typing import Any

import pytest
from exfolio.builders.structures.novelty_class import novelty_class

LAYER = {"dimension": 2, "route": "template", "parent_id": "flat:1", "substitution": {"Mo": "Cr", "S": "Se"}}
ROW = {"material_id": "table:MoS2-1", "dimension_claimed": 2, "methods": {"exfoliation_energy": "optB88-vdW"}}
CRYSTAL = {"material_id": "mp:1", "dimension_claimed": 3, "structure": {}}


@pytest.mark.parametrize(
    ("changes", "matches", "materials", "named", "beside"),
    [
        ({}, [{"material_id": "a", "same": True}, {"material_id": "b", "same": False}], [ROW], "known", ["a"]),
        ({}, [{"material_id": "b", "same": False}], [CRYSTAL], "alike", ["b"]),
        ({}, [], [ROW, CRYSTAL], "may be known", ["table:MoS2-1"]),
        ({"dimension": 3}, [], [ROW, CRYSTAL], "known composition", ["mp:1", "table:MoS2-1"]),
        ({}, [], [{**CRYSTAL, "structure": None}], "may be known", ["mp:1"]),  # HoBr3, of which a table has the energy
        ({}, [], [{**ROW, "methods": {"band_gap": "machine learning on PBE (C2DB)"}}], "known composition", None),
        ({"route": "top-down", "parent_id": "mp:1"}, [], [CRYSTAL], "layer of a known crystal", ["mp:1"]),
        ({}, [], [CRYSTAL, {**CRYSTAL, "material_id": "x", "disordered": True}], "ordered version", ["x"]),
        ({}, [], [], "same-group swap", ["flat:1"]),
        ({"substitution": {"Mo": "Fe"}}, [], [], "new composition", []),
        ({"substitution": {"Mo": "W", "Te": "S/Se"}}, [], [], "same-group swap", ["flat:1"]),
        ({"substitution": {"Mo": "Mo", "Br": "O/Cl"}}, [], [], "new composition", []),
        ({"substitution": {"Pr": "Nd"}}, [], [], "same-group swap", ["flat:1"]),
        ({"substitution": {}, "route": "crystal-gan"}, [], [], "new composition", []),
    ],
)
def test_the_least_new_class_that_holds_is_given_with_what_put_it_there(
    changes: dict[str, Any],
    matches: list[dict[str, Any]],
    materials: list[dict[str, Any]],
    named: str,
    beside: list[str] | None,
) -> None:
    told = novelty_class({**LAYER, **changes}, matches, materials)

    assert told["novelty_class"] == named
    assert beside is None or told["novelty_beside"] == beside


def test_at_most_five_materials_are_named() -> None:
    many = [{**CRYSTAL, "material_id": f"mp:{number}"} for number in range(9)]

    assert len(novelty_class(LAYER, [], many)["novelty_beside"]) == 5
