"""Stage `known-values`: what is known of a monolayer without a calculation, with basis and method."""

from typing import Any

import pytest
from exfolio.builders.engine.execution.runner import run_stage
from exfolio.builders.engine.stage import Stage
from exfolio.builders.materials.duplicates_stage import LinkStage
from exfolio.builders.materials.layering_stage import LayerStage
from exfolio.builders.properties.hulls.known_hull_stage import KnownHullStage
from exfolio.builders.properties.known_values_stage import KnownValuesStage, measured_against
from exfolio.builders.properties.pourbaix_stage import PourbaixStage
from exfolio.builders.structures.novelty_stage import NoveltyStage
from exfolio.builders.structures.top_down_stage import TopDownStage
from exfolio.stores.bookkeeping.runs import StageReport
from exfolio.stores.connection import Connection
from exfolio.stores.documents import ProposedStructure
from filled_registry import put as put_documents
from filled_registry import put_structures
from known_crystals import crystals, monolayer_of, one, put, retire
from moves import TELLING, check
from plans import run_all


def collect(registry: Connection) -> StageReport:
    for stage in (LayerStage(), TopDownStage(), NoveltyStage()):
        run_stage(stage, registry)
    return run_stage(KnownValuesStage(), registry)


def with_exfoliation_energy(name: str, value: float) -> dict[str, Any]:
    [bulk] = crystals(name)
    bulk["exfoliation_energy"] = value
    bulk.setdefault("methods", {})["exfoliation_energy"] = "optB88-vdW"
    return bulk


def test_the_monolayer_has_the_exfoliation_energy_of_its_bulk(registry: Connection) -> None:
    """Graphite, 52 meV per atom (Zacharia et al., Phys. Rev. B 69, 155406 (2004))."""
    put(registry, crystals("C-graphite-2H"))

    collect(registry)

    layer = one(registry, "structures")
    value = one(registry, "properties", kind="exfoliation_energy")
    assert (value["structure_id"], value["value"], value["unit"]) == (layer["structure_id"], 0.052, "eV/atom")
    assert (value["basis"], value["method"]) == ("parent", "experiment (handbook, parent)")
    assert value["details"] == {"materials": ["handbook:C-graphite-2H"]}


def test_what_one_source_knows_of_a_bulk_holds_for_the_layer_cut_from_another(registry: Connection) -> None:
    """Of one layer cut from two documents of graphite only the first is judged, whichever of them has the value."""
    [bulk] = crystals("C-graphite-2H")
    bare = {name: value for name, value in bulk.items() if not name.endswith("_energy")}
    put(registry, [bulk, {**bare, "material_id": "a:graphite", "source": "a", "source_id": "graphite"}])
    run_stage(LinkStage(), registry)

    collect(registry)

    judged = one(registry, "structures", duplicate_of={"$exists": False})
    values = list(registry.database["properties"].find({"kind": "exfoliation_energy"}))
    assert {(value["structure_id"], value["value"]) for value in values} >= {(judged["structure_id"], 0.052)}
    assert len(values) == 2
    assert {value["method"] for value in values} == {"experiment (handbook, parent)"}


def test_its_formation_energy_is_the_sum(registry: Connection) -> None:
    put(registry, [with_exfoliation_energy("MoS2-2H", 0.077)])

    collect(registry)

    bulk = one(registry, "materials")
    value = one(registry, "properties", kind="formation_energy")
    assert value["value"] == pytest.approx(bulk["formation_energy"] + 0.077)
    assert value["method"] == "experiment, 298 K of the bulk + exfoliation energy (handbook, parent)"


def test_a_known_monolayer_gives_all_its_values(registry: Connection) -> None:
    methods = {"exfoliation_energy": "optB88-vdW", "decomposition_energy": "optB88-vdW", "band_gap": "PBE"}
    known = monolayer_of("MoS2-2H", exfoliation_energy=0.0769, decomposition_energy=0.0, band_gap=1.67, methods=methods)
    put(registry, [*crystals("MoS2-2H"), known])

    collect(registry)

    values = {doc["kind"]: doc for doc in registry.database["properties"].find({"basis": "same-structure"})}
    assert {kind: doc["value"] for kind, doc in values.items()} == {
        "exfoliation_energy": 0.0769,
        "energy_above_hull": 0.0,
        "band_gap": 1.67,
    }
    assert values["band_gap"]["method"] == "PBE (flat, same-structure)"
    assert values["band_gap"]["unit"] == "eV"


def test_a_known_monolayer_by_a_functional_without_dispersion_gives_bounds(registry: Connection) -> None:
    layer = monolayer_of("MoS2-2H") | {"exfoliation_energy": 0.02, "energy_above_hull": 0.01, "band_gap": 1.7}
    layer["methods"] = dict.fromkeys(("exfoliation_energy", "energy_above_hull", "band_gap"), "PBE")
    put(registry, [*crystals("MoS2-2H"), layer])

    collect(registry)

    values = {kind: one(registry, "properties", kind=kind, basis="same-structure") for kind in layer["methods"]}
    assert (values["exfoliation_energy"]["low"], values["energy_above_hull"]["low"]) == (0.02, 0.01)
    assert values["energy_above_hull"]["lacks"] == values["exfoliation_energy"]["lacks"] == ["dispersion"]
    assert "low" not in values["band_gap"]


def test_a_table_that_knows_compositions_only_helps_out(registry: Connection) -> None:
    table = {
        "material_id": "table:MoS2",
        "source": "table",
        "source_id": "MoS2",
        "formula_reduced": "MoS2",
        "exfoliation_energy": 0.08,
    }
    put(registry, [*crystals("MoS2-2H", "BN-h"), table])

    collect(registry)

    value = one(registry, "properties", kind="exfoliation_energy")
    assert (value["value"], value["basis"]) == (0.08, "composition")
    assert value["method"] == "method not stated (table, composition)"


def test_of_several_rows_of_a_table_for_one_composition_the_lowest_counts(registry: Connection) -> None:
    sulphide = {"source": "table", "formula_reduced": "MoS2"}
    rows = [
        {**sulphide, "material_id": f"table:{row}", "source_id": str(row), "exfoliation_energy": energy}
        for row, energy in enumerate((0.09, 0.08, 0.10))
    ]
    put(registry, [*crystals("MoS2-2H"), *rows])

    collect(registry)

    value = one(registry, "properties", kind="exfoliation_energy")
    assert (value["value"], value["details"]) == (0.08, {"materials": ["table:1"]})


def test_every_polytype_gives_its_own_value(registry: Connection) -> None:
    put(registry, [with_exfoliation_energy("MoS2-2H", 0.077), with_exfoliation_energy("MoS2-3R", 0.075)])

    collect(registry)

    for layer in registry.database["structures"].find():
        value = one(registry, "properties", kind="exfoliation_energy", structure_id=layer["structure_id"])
        assert value["value"] == (0.077 if layer["parent_id"] == "handbook:MoS2-2H" else 0.075)


def test_a_value_that_is_corrected_taken_back_or_retired(registry: Connection) -> None:
    put(registry, [with_exfoliation_energy("BN-h", 0.065), *crystals("MoS2-2H")])
    collect(registry)

    put(registry, [with_exfoliation_energy("BN-h", 0.071)])
    report = collect(registry)
    assert (report.due, one(registry, "properties", kind="exfoliation_energy")["value"]) == (1, 0.071)
    assert report.updated == 2, "its formation energy changed as well"

    put(registry, crystals("BN-h"))
    assert collect(registry).deprecated == 2
    gone = one(registry, "properties", kind="exfoliation_energy")
    assert gone["deprecated"]
    assert gone["value"] == 0.071, "it is kept"

    put(registry, [with_exfoliation_energy("BN-h", 0.071)])
    collect(registry)
    assert not one(registry, "properties", kind="exfoliation_energy")["deprecated"]
    retire(registry, "handbook:BN-h")
    assert collect(registry).deprecated == 2
    assert collect(registry).due == 0


def match(material: dict[str, Any], *, same: bool = True, rms: float = 0.01) -> dict[str, Any]:
    return {"material_id": material["material_id"], "same": same, "because": "the same space group", "rms": rms}


@pytest.mark.parametrize("how", [("novelty", "known_match"), ("relaxed", "relaxed_known_match")])
def test_a_crystal_that_is_a_known_one_as_proposed_or_relaxed_has_its_values(
    registry: Connection, how: tuple[str, str]
) -> None:
    facet, field = how
    [known] = crystals("MgO-rocksalt")
    put(registry, [{**known, "energy_above_hull": 0.0, "exfoliation_energy": 0.9}])
    kept = {name: known[name] for name in ("structure", "formula_reduced", "chemsys", "elements")}
    put_structures(registry, [{"structure_id": "st-mgo", "route": "crystal-gan", "dimension": 3, **kept}])
    put_documents(registry, ProposedStructure, [{"structure_id": "st-mgo", field: [match(known)]}], facet)

    run_stage(KnownValuesStage(), registry)

    values = {doc["kind"]: doc for doc in registry.database["properties"].find({"structure_id": "st-mgo"})}
    assert set(values) == {"formation_energy", "energy_above_hull", "band_gap"}  # nothing is exfoliated
    assert {doc["basis"] for doc in values.values()} == {"same-structure"}
    assert values["formation_energy"]["value"] == known["formation_energy"]


def test_a_structure_known_as_two_materials_has_all_values_of_one(registry: Connection) -> None:
    """The ferromagnet is the lower of the two states; its gap goes with its energy, not with the other's lower gap."""
    methods = dict.fromkeys(("energy_per_atom", "exfoliation_energy", "band_gap"), "PBE")
    layer = monolayer_of("MoS2-2H", methods=methods)

    def state(key: str, energy: float, exfoliation: float, gap: float, moment: float) -> dict[str, Any]:
        values = {"energy_per_atom": energy, "exfoliation_energy": exfoliation, "band_gap": gap}
        return {**layer, "material_id": key, "source_id": key, "magnetization": moment, **values}

    put(registry, [state("flat:a", -7.0, 0.05, 0.4, 0.0), state("flat:b", -7.1, 0.08, 1.2, 3.0), *crystals("MoS2-2H")])
    run_stage(LinkStage(), registry)
    collect(registry)

    values = {doc["kind"]: doc for doc in registry.database["properties"].find({"basis": "same-structure"})}
    assert {kind: doc["value"] for kind, doc in values.items()} == {
        "exfoliation_energy": 0.08,
        "band_gap": 1.2,
        "magnetization": 1.0,  # µB an atom, of three
    }
    [other] = values["band_gap"]["details"]["others"]
    assert (other["material_id"], other["value"], other["same"]) == ("flat:a", 0.4, False)


def test_what_is_alike_only_gives_no_values(registry: Connection) -> None:
    [known] = crystals("MgO-rocksalt")
    put(registry, [known])
    kept = {name: known[name] for name in ("structure", "formula_reduced", "chemsys", "elements")}
    put_structures(registry, [{"structure_id": "st-mgo", "route": "crystal-gan", "dimension": 3, **kept}])
    novelty = {"structure_id": "st-mgo", "known_match": [match(known, same=False)]}
    put_documents(registry, ProposedStructure, [novelty], "novelty")

    run_stage(KnownValuesStage(), registry)

    assert registry.database["properties"].count_documents({}) == 0


def test_a_crystal_has_no_values_of_a_layer(registry: Connection) -> None:
    [known] = crystals("MgO-rocksalt")
    put(registry, [{**known, "dimension_claimed": 2}])
    kept = {name: known[name] for name in ("structure", "formula_reduced", "chemsys", "elements")}
    put_structures(registry, [{"structure_id": "st-mgo", "route": "crystal-gan", "dimension": 3, **kept}])
    novelty = {"structure_id": "st-mgo", "known_match": [match(known)]}
    put_documents(registry, ProposedStructure, [novelty], "novelty")

    run_stage(KnownValuesStage(), registry)

    assert registry.database["properties"].count_documents({}) == 0


STATES = {"old": "MoS2-2H", "other": "BN-h", "new": "NbSe2-2H"}


def corrected(state: str) -> dict[str, Any]:
    """A bulk crystal of a source, which it corrects to another compound."""
    return with_exfoliation_energy(STATES[state], 0.077) | {"material_id": "lab:x1", "source": "lab"}


def known_stages() -> list[Stage]:
    return [LayerStage(), TopDownStage(), NoveltyStage(), KnownValuesStage(), KnownHullStage(), PourbaixStage()]


def test_values_of_a_bulk_that_was_corrected_to_another_compound_go(registry: Connection) -> None:
    put(registry, [corrected("old")])
    run_all(registry, known_stages())
    molybdenite = {doc["value"] for doc in registry.database["properties"].find({"kind": "formation_energy"})}
    put(registry, [corrected("new")])
    run_all(registry, known_stages())

    [bulk] = crystals("NbSe2-2H")
    values = list(registry.database["properties"].find({"kind": "formation_energy", "deprecated": False}))
    assert [doc["value"] for doc in values] == (
        [pytest.approx(bulk["formation_energy"] + 0.077)] if "formation_energy" in bulk else []
    )
    assert molybdenite.isdisjoint(doc["value"] for doc in values)


@pytest.mark.endurance
@pytest.mark.parametrize("others", [(), ("MoS2-3R", "NbSe2-3R")], ids=["alone", "among others"])
def test_values_move_with_their_bulk(registry: Connection, others: tuple[str, ...]) -> None:
    flat = monolayer_of("NbSe2-2H", exfoliation_energy=0.08, methods={"exfoliation_energy": "optB88-vdW"})
    check(
        registry,
        put=lambda state: put(registry, [*crystals(*others), flat, corrected(state)]),
        retire=lambda: retire(registry, "lab:x1"),
        stages=known_stages,
        ways=TELLING if others else TELLING[:1],
    )


@pytest.mark.endurance
def test_values_of_a_known_monolayer_move_with_it(registry: Connection) -> None:
    values = {"band_gap": 1.67, "formation_energy": -0.9, "methods": {"band_gap": "PBE", "formation_energy": "PBE"}}
    check(
        registry,
        put=lambda state: put(
            registry, [*crystals("MoS2-3R"), monolayer_of(STATES[state], material_id="flat:x1", **values)]
        ),
        retire=lambda: retire(registry, "flat:x1"),
        stages=known_stages,
    )


def test_a_measured_formation_energy_names_the_forms_of_elements_it_refers_to(registry: Connection) -> None:
    """Tables of measured energies refer to white phosphorus; calculations to black, which is more stable."""
    [phosphide] = crystals("BN-h")
    phosphide = {**phosphide, "material_id": "handbook:BP", "formula": "BP", "formula_reduced": "BP", "chemsys": "B-P"}
    phosphide |= {"formation_energy": -0.6, "methods": {"formation_energy": "experiment, 298 K"}}
    put(registry, [phosphide])
    structure = {"structure_id": "st-1", "formula_reduced": "BP", "chemsys": "B-P", "dimension": 3}
    put_structures(registry, [structure])
    put_documents(registry, ProposedStructure, [{"structure_id": "st-1", "known_match": [match(phosphide)]}], "novelty")

    run_stage(KnownValuesStage(), registry)

    measured = one(registry, "properties", kind="formation_energy")
    assert measured["details"]["element_references"] == {"P": "white"}


def test_a_computed_formation_energy_says_nothing_of_measured_forms() -> None:
    assert measured_against("formation_energy", "PBE (2dmatpedia, same-structure)", "BP") == {}
    assert measured_against("band_gap", "experiment (handbook, same-structure)", "BP") == {}
    assert measured_against("formation_energy", "experiment, 298 K (handbook, parent)", "MgO") == {}
