"""The campaign for two-dimensional materials, on layers that have been made: it rejects none of them.

The source that lists them is left out, for which none of them is new.
"""

import csv
from collections.abc import Iterator
from typing import Any, Final

import pytest
from exfolio.builders.candidates.campaign import load
from exfolio.builders.candidates.judge import JudgeStage
from exfolio.builders.engine.batches import Item
from exfolio.builders.sources.bundled.known_monolayers import LIST
from exfolio.builders.structures.top_down_stage import TopDownStage
from exfolio.models.structure.layered.layering import analyse_layers
from exfolio.models.structure.serialization import from_plain
from known_crystals import crystals

Doc = dict[str, Any]

REJECTED: Final[dict[str, str]] = {}
"""Layers of the list that the campaign rejects for a reason that an expert accepts, each with the reason."""

NOT_BALANCED: Final = {
    "MoTe2-2H": "Te is as electronegative as Mo (2.10, 2.16)",
    "IrTe2-1T": "Te is less electronegative than Ir (2.10, 2.20)",
}
"""Layers whose screens fail: metals bound covalently. For what was generated the gate stays."""


@pytest.fixture(scope="module")
def bulks() -> list[Doc]:
    with LIST.open(encoding="utf-8", newline="") as listed:
        return crystals(*(row["bulk"] for row in csv.DictReader(listed)))


@pytest.fixture(scope="module")
def layers(bulks: list[Doc]) -> dict[str, Doc]:
    """The layer that the campaign's route cuts from each crystal, by the name of the crystal."""
    items = [Item(bulk["source_id"], bulk) for bulk in bulks]
    return {item.key: layer for item, layer in zip(items, _structures(items), strict=True)}


def _structures(items: list[Item]) -> Iterator[Doc]:
    settings = load("two-dimensional").routes.top_down
    assert settings is not None
    for outcome in TopDownStage(settings.rules, settings.vacuum).process(items):
        [layer] = outcome["structures"]  # type: ignore[index]  # none is refused
        yield layer


@pytest.fixture(scope="module")
def candidates(layers: dict[str, Doc]) -> dict[str, Doc]:
    """The verdict on each as long as nothing but its structure is known, and that none has the layer."""
    stage = JudgeStage(load("two-dimensional").model_dump(mode="json", by_alias=True))
    groups = [
        {
            "group": layer["structure_id"],
            "structures": [{**layer, "novel": True, "novelty_class": "layer of a known crystal"}],
            "properties": [],
            "candidates": [],
        }
        for layer in layers.values()
    ]
    outcomes = stage.process([Item(group["group"], group) for group in groups])
    return {name: outcome["candidates"][0] for name, outcome in zip(layers, outcomes, strict=True)}  # type: ignore[index]


def test_the_crystals_of_all_are_layered(bulks: list[Doc]) -> None:
    assert [bulk["source_id"] for bulk in bulks if not analyse_layers(from_plain(bulk["structure"])).layered] == []


def test_a_valid_layer_of_the_composition_is_cut_from_each(bulks: list[Doc], layers: dict[str, Doc]) -> None:
    formulas = {bulk["source_id"]: bulk["formula_reduced"] for bulk in bulks}

    assert {name: layer["formula_reduced"] for name, layer in layers.items()} == formulas
    assert {name: layer["checks"] for name, layer in layers.items() if not layer["valid"]} == {}


def test_none_is_rejected_but_for_a_stated_reason(candidates: dict[str, Doc]) -> None:
    rejected = {name: doc["rejected_by"] for name, doc in candidates.items() if doc["status"] == "rejected"}

    assert rejected == REJECTED
    waiting = {doc["waiting_for"] for name, doc in candidates.items() if name not in REJECTED}
    assert waiting <= {"formation energy", "exfoliation energy"}  # of elements the latter: no gate before it asks


def test_screens_of_charges_fail_some_and_decide_nothing(candidates: dict[str, Doc]) -> None:
    assert [name for name, doc in candidates.items() if not doc["charge_neutral"]] == []
    assert {name for name, doc in candidates.items() if not doc["electronegativity_balanced"]} == set(NOT_BALANCED)
    for name in NOT_BALANCED:
        verdicts = {gate["name"]: gate["verdict"] for gate in candidates[name]["gates"]}
        assert verdicts["electronegativity balanced"] == "not-applicable"
