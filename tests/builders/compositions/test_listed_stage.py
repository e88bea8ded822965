"""Compositions of one's own: which lines can be read, where each comes from, and what becomes of one taken off."""

from pathlib import Path
from typing import Any

import pytest
from exfolio.builders.candidates.campaigns.composition_settings import Compositions
from exfolio.builders.compositions.formula_list import listed, one_system
from exfolio.builders.compositions.listed_stage import ListedStage
from exfolio.builders.compositions.route import composition_route
from exfolio.builders.engine.execution.runner import run_stage
from exfolio.models.crystal_gan.crystals.layout_compositions import layout_of
from exfolio.models.structure.point_cloud_layouts import BadLayout
from exfolio.stores.connection import Connection
from exfolio.stores.documents import Composition
from exfolio.stores.errors import ConfigurationError
from plans import run_all
from small_registry import put

SCREENED = {"formulas": ["NaCl", "MgF3"], "classifier": {"train": False}, "roost": {"train": False}}
GATES = [{"name": "balanced", "field": "electronegativity_balanced", "is": True}]


def current(connection: Connection) -> dict[str, dict[str, Any]]:
    return {doc["formula_reduced"]: doc for doc in connection.database.compositions.find({"deprecated": False})}


def test_a_list_says_each_composition_once_with_the_line_it_stands_on(tmp_path: Path) -> None:
    file = tmp_path / "list.txt"
    file.write_text("\ufeff# of last week\nMn2O4\n\nLi Co O2  # cathode\nMnO2\nFe(OH)2\n", encoding="utf-8")

    found = listed(["TiS2"], str(file))

    assert [(one.facts.reduced, one.file, one.place) for one in found] == [
        ("TiS2", "campaign", "formula 1"),
        ("MnO2", str(file), "line 2"),
        ("LiCoO2", str(file), "line 4, cathode"),
        ("Fe(HO)2", str(file), "line 6"),
    ]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"MnO2\nmno2\n", "list.txt, line 2: 'mno2': unexpected 'm' at position 0"),
        (b"MnO2\n\nXx2\nYy\n", "list.txt, line 4: "),
        (b"Li0.5CoO2", "list.txt, line 1: 'Li0.5CoO2': amounts have to be whole numbers"),
        (b"# nothing\n", "list.txt: there is no formula in it"),
        (b"\xff\xfe\x00", "list.txt: this is no text in UTF-8"),
        (None, "list.txt: can't be read"),
    ],
)
def test_what_cannot_be_read_is_named_with_file_and_line(tmp_path: Path, content: bytes | None, said: str) -> None:
    file = tmp_path / "list.txt"
    if content is not None:
        file.write_bytes(content)

    with pytest.raises(ConfigurationError) as caught:
        listed([], str(file))

    assert said in caught.value.message


def test_a_list_takes_the_generators_place_and_its_compositions_are_judged(registry: Connection) -> None:
    route = composition_route(Compositions.model_validate({**SCREENED, "gates": GATES}))
    assert not [stage.name for stage in route.stages if stage.name.startswith("train:")]

    run_all(registry, route.stages)

    found = current(registry)
    assert {name: doc["status"] for name, doc in found.items()} == {"NaCl": "promoted", "MgF3": "rejected"}
    [origin] = found["MgF3"]["origins"]
    assert (origin["id"], origin["place"]) == ("campaign", "formula 2")
    assert sum(report.inserted + report.updated for report in run_all(registry, route.stages).values()) == 0


def test_what_is_taken_off_the_list_is_deprecated_unless_a_generator_drew_it(registry: Connection) -> None:
    drawn = {"formula_reduced": "NaCl", "elements": ["Cl", "Na"], "times_drawn": 7, "generator": "matgan-1"}
    model = [{"collection": "trained_models", "id": "matgan-1"}]
    put(registry, Composition, [drawn], model)
    run_stage(ListedStage(formulas=["NaCl", "KCl", "LiCl"]), registry)

    report = run_stage(ListedStage(formulas=["LiCl", "RbCl"]), registry)

    left = current(registry)
    assert sorted(left) == ["LiCl", "NaCl", "RbCl"]
    assert left["NaCl"]["times_drawn"] == 7
    assert "origins" not in left["NaCl"]  # the generator says the same
    assert Composition.origins_of(left["NaCl"]) == model
    assert report.deprecated == 2
    gone = registry.database.compositions.find_one({"formula_reduced": "KCl"}) or {}
    assert gone["deprecation_reasons"] == ["taken off the list"]


def test_a_list_is_no_reason_to_look_at_what_others_have_drawn() -> None:
    route = composition_route(Compositions.model_validate({**SCREENED, "gates": GATES, "energies_from": None}))

    kinds = ("classify-", "familiarity-", "energies-", "judge-")
    looking = {stage.name: stage.criteria for stage in route.stages if stage.name.startswith(kinds)}
    assert len(looking) == len(kinds)
    assert {criteria["made_by"] for criteria in looking.values()} == {"sample-compositions"}


def test_a_generator_has_room_for_two_formula_units_of_what_is_listed() -> None:
    layout, cells = layout_of([{"Mg": 1, "Mn": 2, "O": 4}, {"O": 12, "Mg": 6, "Mn": 1}])

    assert dict(zip(layout.elements, layout.slots, strict=True)) == {"Mg": 12, "Mn": 4, "O": 24}
    assert cells == [(1, 2, 4), (2, 4, 8), (6, 1, 12)]  # twice the last is more than a cell holds
    with pytest.raises(BadLayout, match="they are of 2: Mg-O, Mn-O"):
        layout_of([{"Mg": 1, "O": 1}, {"Mn": 1, "O": 1}])
    with pytest.raises(ConfigurationError, match=r"formula 2: MnO is of Mn-O, and MgO of Mg-O"):
        one_system(listed(["MgO", "MnO"]))
