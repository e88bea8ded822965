"""Stage `bottom-up`: substitution by elements of the same group in monolayers that repeat no other."""

import pytest
from exfolio.builders.engine.execution.runner import run_stage
from exfolio.builders.materials.layering_stage import LayerStage
from exfolio.builders.structures.novelty_stage import NoveltyStage
from exfolio.builders.structures.substitution_stage import BottomUpStage
from exfolio.builders.structures.top_down_stage import TopDownStage
from exfolio.stores.bookkeeping.runs import StageReport
from exfolio.stores.connection import Connection
from known_crystals import crystals, keys, one, put, retire


def substitute(registry: Connection, **rules: object) -> StageReport:
    for stage in (LayerStage(), TopDownStage(), NoveltyStage()):
        run_stage(stage, registry)
    return run_stage(BottomUpStage(**rules), registry)  # type: ignore[arg-type]


def test_molybdenum_and_sulphur_are_replaced_by_their_neighbours(registry: Connection) -> None:
    put(registry, crystals("MoS2-2H"))

    report = substitute(registry)

    parent = one(registry, "structures", route="top-down")
    made = list(registry.database["structures"].find({"route": "bottom-up"}))
    assert report.inserted == len(made)
    assert sorted(doc["formula_reduced"] for doc in made) == sorted(
        ["MoO2", "MoSe2", "CrO2", "CrS2", "CrSe2", "WO2", "WS2", "WSe2"]
    )
    tungsten = next(doc for doc in made if doc["formula_reduced"] == "WSe2")
    assert tungsten["substitution"] == {"Mo": "W", "S": "Se"}
    assert (tungsten["parent_id"], tungsten["dimension"]) == (parent["structure_id"], 2)
    assert tungsten["space_group"]["number"] == parent["space_group"]["number"] == 187
    assert tungsten["thickness"] == pytest.approx(3.35, abs=0.3)  # WSe2: 3.34 Å
    assert tungsten["charge_neutral"] is True
    assert parent["structure_id"] in {origin["id"] for origin in tungsten["origins"]}
    further = next(doc for doc in made if doc["formula_reduced"] == "CrO2")
    assert tungsten["substitution_cost"] < further["substitution_cost"]
    assert tungsten["checks"]["bond_valence"]["verdict"] == "passed"


def test_what_several_monolayers_lead_to_is_made_once_and_no_parent_again(registry: Connection) -> None:
    put(registry, crystals("MoS2-2H", "WSe2-2H"))

    substitute(registry)

    made = [doc["formula_reduced"] for doc in registry.database["structures"].find({"route": "bottom-up"})]
    assert len(made) == len(set(made))
    assert {"MoSe2", "WS2"} < set(made)
    assert {"MoS2", "WSe2"}.isdisjoint(made)


def test_one_at_a_time_and_over_all_periods(registry: Connection) -> None:
    put(registry, crystals("MoS2-2H"))

    substitute(registry, at_once="one")
    one_at_a_time = {doc["formula_reduced"] for doc in registry.database["structures"].find({"route": "bottom-up"})}
    assert one_at_a_time == {"CrS2", "WS2", "MoO2", "MoSe2"}

    substitute(registry, at_once="one", max_period_step=None)
    further = keys(registry, "structures", route="bottom-up", deprecated=False)
    assert len(further) > 4
    assert "Mo-Te" in {doc["chemsys"] for doc in registry.database["structures"].find()}


def test_polytypes_are_substituted_once_and_many_elements_not_at_all(registry: Connection) -> None:
    put(registry, crystals("MoS2-2H", "MoS2-3R"))

    report = substitute(registry, max_elements=1)
    assert (report.due, report.inserted) == (1, 0)

    assert substitute(registry).inserted == 8


def test_other_rules_deprecate_what_they_no_longer_make(registry: Connection) -> None:
    put(registry, crystals("MoS2-2H"))
    substitute(registry)

    report = substitute(registry, at_once="one")

    left = {doc["formula_reduced"] for doc in registry.database["structures"].find({"deprecated": False})}
    assert report.deprecated == 4
    assert left == {"MoS2", "CrS2", "WS2", "MoO2", "MoSe2"}


def test_a_retired_bulk_takes_all_that_came_from_it_along(registry: Connection) -> None:
    put(registry, crystals("MoS2-2H", "BN-h"))
    substitute(registry)
    before = len(keys(registry, "structures", deprecated=False, elements="Se"))

    retire(registry, "handbook:MoS2-2H")
    report = substitute(registry)

    assert before > 0
    assert report.deprecated == 8
    assert keys(registry, "structures", deprecated=False, chemsys="Mo-Se") == []
    assert keys(registry, "structures", deprecated=False, formula_reduced="BN") != []
    assert substitute(registry).due == 0
