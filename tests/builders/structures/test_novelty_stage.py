"""Stage `novelty`: which monolayers are known, and which are the same."""

from exfolio.builders.engine.runner import run_stage
from exfolio.builders.materials.layering_stage import LayerStage
from exfolio.builders.structures.novelty_stage import NoveltyStage
from exfolio.builders.structures.top_down_stage import TopDownStage
from exfolio.stores.bookkeeping.runs import StageReport
from exfolio.stores.connection import Connection
from known_crystals import crystals, keys, monolayer_of, one, put, retire


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
