"""Stage `layers`: which known crystals consist of layers."""

from exfolio.builders.engine.execution.runner import run_stage
from exfolio.builders.materials.layering_stage import LayerStage
from exfolio.stores.connection import Connection
from known_crystals import crystals, keys, one, put, retire

LAYERED = ("MoS2-2H", "MoS2-3R", "C-graphite-2H", "BN-h", "Bi2Te3-tetradymite")


def test_layered_crystals_are_told_from_networks(registry: Connection) -> None:
    put(registry, crystals(*LAYERED, "NaCl-rocksalt", "C-diamond"))

    report = run_stage(LayerStage(), registry)

    assert (report.due, report.updated, report.failed) == (7, 7, 0)
    assert keys(registry, "materials", layered=True, dimensionality=2) == sorted(f"handbook:{name}" for name in LAYERED)
    assert keys(registry, "materials", layered=False, dimensionality=3) == [
        "handbook:C-diamond",
        "handbook:NaCl-rocksalt",
    ]
    mos2 = one(registry, "materials", material_id="handbook:MoS2-2H")
    assert (mos2["layering"]["rules"], mos2["layering"]["kind"]) == ("strength", "layers")
    assert mos2["layering"]["score"] > 0.9
    assert mos2["layering"]["binding"]["share"] < 0.05
    assert mos2["layering"]["layers_per_cell"] == 2
    assert one(registry, "materials", material_id="handbook:NaCl-rocksalt")["layering"]["reason"]


def test_of_what_can_not_be_analysed_it_is_not_said_that_it_has_no_layers(registry: Connection) -> None:
    [mixed] = crystals("MoS2-2H")
    for site in mixed["structure"]["sites"]:
        site["species"][0]["element"] = "Es"
    put(registry, [mixed])

    run_stage(LayerStage(), registry)

    found = one(registry, "materials")
    assert (found.get("layered"), found.get("dimensionality")) == (None, None)
    assert found["layering"]["reason"] == "no covalent radius is known for Es"


def test_nothing_is_analysed_twice_nor_by_its_own_writes(registry: Connection) -> None:
    put(registry, crystals("MoS2-2H", "NaCl-rocksalt"))
    run_stage(LayerStage(), registry)

    assert run_stage(LayerStage(), registry).due == 0

    put(registry, [{**crystals("MoS2-2H")[0], "band_gap": 1.29}])
    assert run_stage(LayerStage(), registry).due == 0


def test_what_has_no_structure_or_a_disordered_one_is_left_alone(registry: Connection) -> None:
    [mos2, nacl] = crystals("MoS2-2H", "NaCl-rocksalt")
    del nacl["structure"]
    put(registry, [{**mos2, "disordered": True}, nacl])

    assert run_stage(LayerStage(), registry).due == 0
    assert keys(registry, "materials", layered={"$exists": True}) == []


def test_a_structure_that_is_taken_back_takes_its_analysis_along(registry: Connection) -> None:
    [mos2] = crystals("MoS2-2H")
    put(registry, [mos2])
    run_stage(LayerStage(), registry)

    del mos2["structure"]
    put(registry, [mos2])
    run_stage(LayerStage(), registry)

    left = one(registry, "materials")
    assert not {"layered", "dimensionality", "layering"} & left.keys()
    assert list(left["facets"]) == ["record", "structure"]
    assert not left["deprecated"]


def test_a_structure_that_can_not_be_built_goes_to_quarantine_with_the_remedy(registry: Connection) -> None:
    [bad, good] = crystals("MoS2-2H", "NaCl-rocksalt")
    bad["structure"]["lattice"]["matrix"][2] = [0.0, 0.0, 0.0]
    put(registry, [bad, good])

    report = run_stage(LayerStage(), registry)

    assert (report.quarantined, report.updated, report.failed) == (1, 1, 0)
    complaint = one(registry, "quarantine")
    assert (complaint["stage"], complaint["file"], complaint["place"]) == ("layers", "materials", "handbook:MoS2-2H")
    assert complaint["reason"]
    assert "ingest it again" in complaint["remedy"]


def test_a_retired_material_loses_its_analysis_and_gets_it_back(registry: Connection) -> None:
    put(registry, crystals("MoS2-2H"))
    run_stage(LayerStage(), registry)

    retire(registry, "handbook:MoS2-2H")
    run_stage(LayerStage(), registry)
    put(registry, crystals("MoS2-2H"))
    run_stage(LayerStage(), registry)

    assert one(registry, "materials", deprecated=False)["layered"] is True


def test_chains_in_a_cell_with_vacuum_are_no_monolayer(registry: Connection) -> None:
    """Selenium, one layer of its chains in a box."""
    [selenium] = crystals("Se-trigonal")
    a, b, c = selenium["structure"]["lattice"]["matrix"]
    selenium["structure"]["lattice"]["matrix"] = [[6 * x for x in a], b, c]
    for site in selenium["structure"]["sites"]:
        site["abc"][0] = ((site["abc"][0] + 0.5) % 1 - 0.5) / 6
    put(registry, [{**selenium, "dimension_claimed": 2}])

    run_stage(LayerStage(), registry)

    found = one(registry, "materials")
    assert (found["layered"], found["dimensionality"]) == (False, 1)
    assert "chains in a cell with vacuum are no monolayer" in found["layering"]["reason"]
