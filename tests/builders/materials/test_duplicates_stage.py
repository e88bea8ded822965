"""Stage `links`: the same crystal in several sources is linked, other polytypes are not."""

from typing import Any

from exfolio.builders.engine.execution.runner import run_stage
from exfolio.builders.materials.duplicates_stage import LinkStage
from exfolio.stores.connection import Connection
from known_crystals import crystals, monolayer_of, one, put, retire


def elsewhere(name: str, **more: Any) -> dict[str, Any]:
    """The crystal as another source has it: its cell a little larger, its atoms in another order."""
    [crystal] = crystals(name)
    crystal |= {"material_id": f"lab:{name}", "source": "lab", **more}
    lattice = crystal["structure"]["lattice"]
    lattice["matrix"] = [[1.01 * x for x in vector] for vector in lattice["matrix"]]
    crystal["structure"]["sites"].reverse()
    return crystal


def links(registry: Connection) -> dict[str, list[str]]:
    return {doc["material_id"]: doc["same_as"] for doc in registry.database["materials"].find({"deprecated": False})}


def test_one_crystal_of_two_sources_is_linked_both_ways(registry: Connection) -> None:
    put(registry, [*crystals("MoS2-2H", "MoS2-3R", "NaCl-rocksalt"), elsewhere("MoS2-2H"), elsewhere("NaCl-rocksalt")])

    report = run_stage(LinkStage(), registry)

    assert (report.due, report.updated) == (2, 5)
    assert links(registry) == {
        "handbook:MoS2-2H": ["lab:MoS2-2H"],
        "lab:MoS2-2H": ["handbook:MoS2-2H"],
        "handbook:MoS2-3R": [],
        "handbook:NaCl-rocksalt": ["lab:NaCl-rocksalt"],
        "lab:NaCl-rocksalt": ["handbook:NaCl-rocksalt"],
    }
    assert run_stage(LinkStage(), registry).due == 0


def test_a_bulk_crystal_and_its_monolayer_stay_apart(registry: Connection) -> None:
    put(registry, [*crystals("C-graphite-2H", "C-diamond"), monolayer_of("C-graphite-2H")])

    run_stage(LinkStage(), registry)

    assert set(map(tuple, links(registry).values())) == {()}


def test_linked_documents_keep_their_own_values(registry: Connection) -> None:
    put(registry, [*crystals("MoS2-2H"), elsewhere("MoS2-2H", band_gap=1.17)])

    run_stage(LinkStage(), registry)

    assert one(registry, "materials", material_id="handbook:MoS2-2H")["band_gap"] == 1.23
    assert one(registry, "materials", material_id="lab:MoS2-2H")["band_gap"] == 1.17


def test_the_link_goes_with_the_partner(registry: Connection) -> None:
    put(registry, [*crystals("MoS2-2H"), elsewhere("MoS2-2H")])
    run_stage(LinkStage(), registry)

    retire(registry, "lab:MoS2-2H")
    run_stage(LinkStage(), registry)

    assert links(registry) == {"handbook:MoS2-2H": []}
    assert run_stage(LinkStage(), registry).due == 0


def test_a_crystal_that_turns_out_to_be_another_is_linked_anew(registry: Connection) -> None:
    put(registry, [*crystals("MoS2-2H", "MoS2-3R"), elsewhere("MoS2-2H")])
    run_stage(LinkStage(), registry)

    put(registry, [elsewhere("MoS2-3R", material_id="lab:MoS2-2H")])
    run_stage(LinkStage(), registry)

    assert links(registry) == {
        "handbook:MoS2-2H": [],
        "handbook:MoS2-3R": ["lab:MoS2-2H"],
        "lab:MoS2-2H": ["handbook:MoS2-3R"],
    }


def test_a_crystal_that_can_not_be_built_does_not_keep_the_others_apart(registry: Connection) -> None:
    broken = elsewhere("MoS2-2H", material_id="lab:broken")
    broken["structure"]["lattice"]["matrix"][2] = [0.0, 0.0, 0.0]
    put(registry, [*crystals("MoS2-2H"), elsewhere("MoS2-2H"), broken])

    report = run_stage(LinkStage(), registry)

    assert report.failed == 0
    assert one(registry, "materials", material_id="lab:MoS2-2H")["same_as"] == ["handbook:MoS2-2H"]
    assert "same_as" not in one(registry, "materials", material_id="lab:broken")


def test_what_joins_late_changes_only_what_it_concerns(registry: Connection) -> None:
    put(registry, crystals("MoS2-2H", "MoS2-3R", "NaCl-rocksalt"))
    run_stage(LinkStage(), registry)

    put(registry, [elsewhere("MoS2-3R")])
    report = run_stage(LinkStage(), registry)

    assert (report.due, report.updated, report.unchanged) == (1, 2, 1)
    assert one(registry, "materials", material_id="lab:MoS2-3R")["link"]["representative"] == "handbook:MoS2-3R"


def test_links_made_late_are_those_made_at_once(registry: Connection) -> None:
    """Whatever the order in which sources come, also where the latest has the first name."""
    every = [*crystals("MoS2-2H", "MoS2-3R"), elsewhere("MoS2-2H"), elsewhere("MoS2-3R", material_id="a:1", source="a")]
    for material in every:
        put(registry, [material])
        run_stage(LinkStage(), registry)
    late = {doc["material_id"]: (doc["same_as"], doc["link"]) for doc in registry.database["materials"].find()}

    registry.database["materials"].delete_many({})
    put(registry, every)
    run_stage(LinkStage(), registry)

    assert {doc["material_id"]: (doc["same_as"], doc["link"]) for doc in registry.database["materials"].find()} == late
