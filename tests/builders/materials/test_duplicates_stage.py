"""Stage `links`: the same crystal in several sources is linked, other polytypes are not."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from exfolio.builders.engine.batches import Item
from exfolio.builders.engine.execution.runner import run_stage
from exfolio.builders.materials.duplicates_stage import LinkStage
from exfolio.builders.materials.preferred_stage import PreferredStage
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


def pulled(name: str, by: float, **more: Any) -> dict[str, Any]:
    """The crystal pulled along c, as a source has a tetragonal form of it that StructureMatcher takes as the same."""
    crystal = elsewhere(name, **more)
    for vector in crystal["structure"]["lattice"]["matrix"]:
        vector[2] *= by
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


def test_why_two_are_linked_is_on_the_record(registry: Connection) -> None:
    put(registry, [*crystals("NaCl-rocksalt"), pulled("NaCl-rocksalt", 1.08)])

    run_stage(LinkStage(), registry)

    link = one(registry, "materials", material_id="lab:NaCl-rocksalt")["link"]
    assert (link["compared_with"], link["family"]) == ("handbook:NaCl-rocksalt", "handbook:NaCl-rocksalt")
    assert (link["relation"], link["because"], link["space_groups"]) == (
        "other structure",
        "other space groups",
        [225, 139],
    )
    assert (link["rms"], link["strain"]) == (0.0, pytest.approx(0.0526, abs=1e-3))


def test_a_polymorph_that_little_tells_apart_is_alike_and_keeps_its_own_values(registry: Connection) -> None:
    tetragonal = pulled("NaCl-rocksalt", 1.08, material_id="lab:t", band_gap=4.0)
    put(registry, [*crystals("NaCl-rocksalt"), elsewhere("NaCl-rocksalt"), tetragonal])

    run_stage(LinkStage(), registry)
    run_stage(PreferredStage(), registry)

    assert links(registry)["lab:NaCl-rocksalt"] == ["handbook:NaCl-rocksalt"]
    found = one(registry, "materials", material_id="lab:t")
    assert (found["same_as"], found["alike"]) == ([], ["handbook:NaCl-rocksalt", "lab:NaCl-rocksalt"])
    assert found["preferred"]["band_gap"] == 4.0
    assert {value["material_id"] for value in found["preferred_from"].values()} == {"lab:t"}


def test_magnetic_states_are_told_apart_from_polymorphs(registry: Connection) -> None:
    docs = [*crystals("NiO-rocksalt"), elsewhere("NiO-rocksalt"), elsewhere("NiO-rocksalt", material_id="lab:fm")]
    for doc, net in zip(docs, (0.0, 0.0, 1.0), strict=True):
        doc["magnetization"] = net * doc["nsites"]
    put(registry, docs)

    run_stage(LinkStage(), registry)

    assert links(registry)["handbook:NiO-rocksalt"] == ["lab:NiO-rocksalt"]
    ferromagnet = one(registry, "materials", material_id="lab:fm")
    assert (ferromagnet["same_as"], ferromagnet["link"]["relation"]) == ([], "other magnetic state")
    assert ferromagnet["link"]["moments"] == [[0.0], [1.0]]


def test_layers_that_are_linked_in_real_records_differ_by_20_mev_at_most(shared_data: Path) -> None:
    """980 monolayers: with Al outside and Se outside, 0.62 eV/atom apart, AlSe is not even alike."""
    with gzip.open(shared_data / "2dmatpedia_records.jsonl.gz", "rt", encoding="utf-8") as lines:
        records = {record["material_id"]: record for record in map(json.loads, lines)}
    by_formula: dict[str, list[dict[str, Any]]] = {}
    for name, record in sorted(records.items()):
        values = {"energy_per_atom": record["energy_per_atom"], "magnetization": record["total_magnetization"]}
        doc = {"material_id": name, "source": "2d", "structure": record["structure"], "methods": {}, **values}
        by_formula.setdefault(record["formula_reduced_abc"], []).append(doc)

    outcomes = LinkStage().process([Item("layers", {"materials": docs}) for docs in by_formula.values()])

    said = {doc["material_id"]: doc for outcome in outcomes for doc in outcome["materials"]}
    pairs = [(name, other) for name, doc in said.items() for other in doc["same_as"]]
    assert len(pairs) == 12
    energies = {name: record["energy_per_atom"] for name, record in records.items()}
    assert all(abs(energies[first] - energies[second]) <= 0.02 for first, second in pairs)
    for inside, outside in (("2dm-868", "2dm-2974"), ("2dm-289", "2dm-2975")):
        assert outside not in {*said[inside]["same_as"], *said[inside].get("alike", ())}


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
