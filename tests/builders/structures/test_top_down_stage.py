"""Stage `top-down`: the monolayers of well-known layered crystals."""

import numpy as np
import pytest
from exfolio.builders.engine.execution.runner import run_stage
from exfolio.builders.materials.layering_stage import LayerStage
from exfolio.builders.structures.top_down_stage import TopDownStage
from exfolio.models.structure.serialization import from_plain
from exfolio.stores.bookkeeping.runs import StageReport
from exfolio.stores.connection import Connection
from exfolio.stores.documents import ProposedStructure
from exfolio.stores.transactions import in_transaction
from exfolio.stores.writes.writing import FacetWriter
from known_crystals import crystals, keys, monolayer_of, one, put, retire


def cut(registry: Connection, vacuum: float = 20.0, label: str = "") -> StageReport:
    run_stage(LayerStage(), registry)
    return run_stage(TopDownStage(vacuum=vacuum, label=label), registry)


@pytest.mark.parametrize(
    ("name", "formula", "group", "thickness"),
    [
        ("MoS2-2H", "MoS2", "P-6m2", 3.17),  # 2 x 0.129 x 12.294 Å, from the z of sulphur
        ("C-graphite-2H", "C", "P6/mmm", 0.0),
        ("BN-h", "BN", "P-6m2", 0.0),
        ("Bi2Te3-tetradymite", "Bi2Te3", "P-3m1", 7.5),
    ],
)
def test_the_monolayer_of_a_layered_crystal(
    registry: Connection, name: str, formula: str, group: str, thickness: float
) -> None:
    put(registry, crystals(name))

    report = cut(registry)

    layer = one(registry, "structures")
    assert (report.due, report.inserted) == (1, 1)
    assert (layer["route"], layer["parent_id"], layer["dimension"]) == ("top-down", f"handbook:{name}", 2)
    assert (layer["formula_reduced"], layer["space_group"]["symbol"]) == (formula, group)
    assert layer["thickness"] == pytest.approx(thickness, abs=0.15)
    assert (layer["valid"], layer["parent_synthesised"]) == (True, True)
    assert layer["checks"] == {"distances": "passed", "stoichiometry": "passed", "layer": "passed"}
    structure = from_plain(layer["structure"])
    height = np.ptp(structure.cart_coords[:, 2])
    assert structure.volume / layer["area"] - height == pytest.approx(20.0, abs=0.1), "Å of vacuum"
    [origin] = layer["origins"]
    bulk = one(registry, "materials")
    assert (origin["collection"], origin["id"]) == ("materials", f"handbook:{name}")
    assert layer["facets"]["proposal"]["stage"] == "top-down"
    assert origin["hash"] == bulk["content_hash"]


def test_a_layer_has_its_layer_group_and_the_higher_of_two_space_groups(registry: Connection) -> None:
    """WTe2 (Td) is Pmn2_1, its layer P2_1/m within 0.1 Å."""
    put(registry, crystals("WTe2-Td"))
    cut(registry)

    layer = one(registry, "structures")
    assert (layer["space_group"]["symbol"], layer["space_group"]["tolerance"]) == ("P2_1/m", 0.1)
    assert layer["space_group"]["exact"] == {"number": 6, "symbol": "Pm", "tolerance": 0.01}
    assert (layer["layer_group"]["number"], layer["layer_group"]["symbol"]) == (15, "p2_1/m11")


def test_neutral_layers_of_several_kinds_are_all_cut_and_valid(registry: Connection) -> None:
    """Graphite in which every second layer is boron nitride."""
    [stack] = crystals("C-graphite-2H")
    for site, symbol in zip(stack["structure"]["sites"], ("C", "C", "B", "N"), strict=True):
        site["species"][0]["element"] = symbol
    stack["structure"]["sites"].sort(key=lambda site: site["species"][0]["element"])
    heights = {"C": 0.25, "B": 0.75, "N": 0.75}
    for site, plane in zip(stack["structure"]["sites"], ((1, 2), (0, 0), (1, 2), (0, 0)), strict=True):
        site["abc"] = [plane[0] / 3, plane[1] / 3, heights[site["species"][0]["element"]]]
    put(registry, [{**stack, "formula": "BNC2", "formula_reduced": "BC2N"}])
    cut(registry)

    layers = {layer["formula_reduced"]: layer for layer in registry.database["structures"].find()}
    assert layers.keys() == {"C", "BN"}
    for layer in layers.values():
        assert layer["valid"] is True
        assert layer["checks"]["stoichiometry"]["reason"] == "one of several kinds of layers of its bulk"


@pytest.mark.parametrize(
    "name", ["Al2O3-corundum", "Mn2SiO4-olivine", "MnWO4-wolframite", "GeTe-alpha", "Zn-hcp", "I-molecular"]
)
def test_what_only_counts_as_layered_is_not_cut(registry: Connection, name: str) -> None:
    put(registry, crystals(name))

    report = cut(registry)

    assert (report.due, report.inserted) == (0, 0)


def test_networks_and_monolayers_are_not_cut(registry: Connection) -> None:
    put(registry, [*crystals("NaCl-rocksalt"), monolayer_of("MoS2-2H")])
    silent = monolayer_of("C-graphite-2H")
    del silent["dimension_claimed"]  # of a source that does not say what its structures are
    put(registry, [silent])

    report = cut(registry)

    assert (report.inserted, report.failed, report.quarantined) == (0, 0, 0)
    assert keys(registry, "structures") == []


def test_a_retired_bulk_deprecates_its_monolayer_and_brings_it_back(registry: Connection) -> None:
    put(registry, crystals("MoS2-2H", "BN-h"))
    cut(registry)
    before = one(registry, "structures", parent_id="handbook:MoS2-2H")

    retire(registry, "handbook:MoS2-2H")
    assert cut(registry).deprecated == 1
    gone = one(registry, "structures", parent_id="handbook:MoS2-2H")
    assert gone["deprecated"]
    assert gone["deprecation_reasons"] == ["materials handbook:MoS2-2H is deprecated"]
    assert not one(registry, "structures", parent_id="handbook:BN-h")["deprecated"]

    put(registry, crystals("MoS2-2H"))
    cut(registry)
    back = one(registry, "structures", parent_id="handbook:MoS2-2H")
    assert (back["structure_id"], back["deprecated"]) == (before["structure_id"], False)


def test_more_vacuum_makes_the_same_monolayers_anew(registry: Connection) -> None:
    put(registry, crystals("MoS2-2H", "BN-h"))
    cut(registry)
    before = keys(registry, "structures")

    report = cut(registry, vacuum=30.0)

    assert (report.due, report.updated, report.deprecated) == (2, 2, 0)
    assert keys(registry, "structures") == before


def test_what_two_settings_make_is_made_once_and_stays_as_long_as_one_of_them_makes_it(registry: Connection) -> None:
    put(registry, crystals("MoS2-2H", "BN-h"))
    cut(registry)
    before = keys(registry, "structures")

    cut(registry, vacuum=30.0, label="wide")

    assert keys(registry, "structures") == before
    assert one(registry, "structures", parent_id="handbook:BN-h")["made_by"] == ["top-down", "top-down@wide"]
    for number, left in ((1, False), (2, True)):  # taken back by one of the settings, then by the other
        writer = FacetWriter(ProposedStructure, "proposal", ("top-down", "top-down@wide")[number - 1], "f", "test")
        reasons = dict.fromkeys(before, "no longer wanted")
        in_transaction(registry, lambda session: writer.deprecate(registry.database, reasons, session))  # noqa: B023
        assert {doc["deprecated"] for doc in registry.database["structures"].find()} == {left}


def test_by_other_rules_everything_is_looked_at(registry: Connection) -> None:
    """The rules of the paper find no layers in what `layers` calls layered by those of databases, or the other way."""
    put(registry, crystals("MoS2-2H", "NaCl-rocksalt"))

    report = run_stage(TopDownStage("paper"), registry)

    assert report.due == 2
    assert report.quarantined == 0


def test_a_monolayer_is_made_anew_when_its_bulk_is_measured_anew(registry: Connection) -> None:
    [mos2] = crystals("MoS2-2H")
    put(registry, [mos2, *crystals("BN-h")])
    cut(registry)

    cell = mos2["structure"]["lattice"]["matrix"]
    mos2["structure"]["lattice"]["matrix"] = [[1.01 * x for x in vector] for vector in cell]
    before = one(registry, "structures", formula_reduced="MoS2")
    put(registry, [mos2])
    report = cut(registry)

    after = one(registry, "structures", formula_reduced="MoS2")
    assert (report.due, report.updated) == (1, 1)
    assert after["structure_id"] == before["structure_id"]
    assert after["area"] == pytest.approx(before["area"] * 1.01**2)
