"""Stage `novelty`: which monolayers are known, and which are the same."""

import pytest
from exfolio.builders.engine.execution.runner import run_stage
from exfolio.builders.materials.layering_stage import LayerStage
from exfolio.builders.structures.novelty_stage import NoveltyStage
from exfolio.builders.structures.top_down_stage import TopDownStage
from exfolio.stores.bookkeeping.runs import StageReport
from exfolio.stores.connection import Connection
from known_crystals import crystals, keys, monolayer_of, one, put, retire
from moves import check


def compare(registry: Connection) -> StageReport:
    for stage in (LayerStage(), TopDownStage()):
        run_stage(stage, registry)
    return run_stage(NoveltyStage(), registry)


def test_the_monolayers_of_two_polytypes_are_one(registry: Connection) -> None:
    put(registry, crystals("MoS2-2H", "MoS2-3R", "BN-h"))

    report = compare(registry)

    assert (report.due, report.updated) == (2, 3), "formulas, structures"
    [first] = keys(registry, "structures", formula_reduced="MoS2", duplicate_of={"$exists": False})
    second = one(registry, "structures", duplicate_of={"$exists": True})
    assert second["duplicate_of"] == first
    assert second["formula_reduced"] == "MoS2"


def test_bulk_crystals_do_not_make_their_monolayers_known(registry: Connection) -> None:
    put(registry, crystals("MoS2-2H", "MoS2-3R", "C-graphite-2H", "C-diamond"))

    compare(registry)

    assert {doc["novel"] for doc in registry.database["structures"].find()} == {True}


def test_a_monolayer_that_a_source_has_is_not_novel(registry: Connection) -> None:
    put(registry, [*crystals("MoS2-2H", "MoS2-3R", "BN-h"), monolayer_of("MoS2-2H")])

    compare(registry)

    for layer in registry.database["structures"].find({"formula_reduced": "MoS2"}):
        assert (layer["novel"], layer["known_as"]) == (False, ["flat:MoS2-2H"])
    assert one(registry, "structures", formula_reduced="BN")["novel"] is True


def test_it_becomes_known_when_a_source_brings_it_and_novel_again_when_that_is_retired(registry: Connection) -> None:
    put(registry, crystals("MoS2-2H", "BN-h"))
    compare(registry)

    put(registry, [monolayer_of("MoS2-2H")])
    report = compare(registry)
    assert (report.due, report.updated) == (1, 1)
    assert one(registry, "structures", formula_reduced="MoS2")["novel"] is False

    retire(registry, "flat:MoS2-2H")
    report = compare(registry)
    assert (report.due, report.updated) == (1, 1)
    layer = one(registry, "structures", formula_reduced="MoS2")
    assert (layer["novel"], layer["known_as"]) == (True, [])


def test_the_second_polytype_takes_over_when_the_first_is_retired(registry: Connection) -> None:
    put(registry, crystals("MoS2-2H", "MoS2-3R"))
    compare(registry)
    first = one(registry, "structures", duplicate_of={"$exists": False})

    retire(registry, first["parent_id"])
    compare(registry)

    left = one(registry, "structures", deprecated=False)
    assert "duplicate_of" not in left
    assert left["parent_id"] != first["parent_id"]


def test_nothing_is_compared_twice_and_formulas_nobody_proposed_are_left_out(registry: Connection) -> None:
    put(registry, crystals("MoS2-2H", "NaCl-rocksalt"))
    compare(registry)

    assert compare(registry).due == 0
    put(registry, [{**crystals("NaCl-rocksalt")[0], "band_gap": 8.5}])
    assert compare(registry).due == 0


def test_a_material_that_is_corrected_to_another_compound_leaves_no_candidate_known(registry: Connection) -> None:
    put(registry, [*crystals("MoS2-2H", "NbS2-2H"), monolayer_of("MoS2-2H", material_id="flat:x1")])
    compare(registry)
    assert one(registry, "structures", formula_reduced="MoS2")["known_as"] == ["flat:x1"]

    put(registry, [monolayer_of("NbS2-2H", material_id="flat:x1")])
    compare(registry)

    layers = {doc["formula_reduced"]: doc for doc in registry.database["structures"].find()}
    assert (layers["MoS2"]["novel"], layers["MoS2"]["known_as"]) == (True, [])
    assert (layers["NbS2"]["novel"], layers["NbS2"]["known_as"]) == (False, ["flat:x1"])


def test_a_material_that_moves_leaves_nothing_behind(registry: Connection) -> None:
    states = {"old": "MoS2-2H", "other": "BN-h", "new": "NbS2-2H"}
    check(
        registry,
        put=lambda state: put(
            registry, [*crystals(*states.values()), monolayer_of(states[state], material_id="flat:x1")]
        ),
        retire=lambda: retire(registry, "flat:x1"),
        stages=lambda: [LayerStage(), TopDownStage(), NoveltyStage()],
    )


@pytest.mark.endurance
def test_a_bulk_that_moves_takes_its_layers_along(registry: Connection) -> None:
    """The structure cut from it keeps its id and is another compound."""
    states = {"old": "MoS2-2H", "other": "BN-h", "new": "NbS2-2H"}

    def bulk(state: str) -> dict[str, object]:
        return crystals(states[state])[0] | {"material_id": "lab:x1", "source": "lab"}

    check(
        registry,
        put=lambda state: put(registry, [*crystals("MoS2-3R"), monolayer_of("NbS2-2H"), bulk(state)]),
        retire=lambda: retire(registry, "lab:x1"),
        stages=lambda: [LayerStage(), TopDownStage(), NoveltyStage()],
    )
