"""What speaks against candidates beside their gates: energies that contradict known ones, elements that may mix."""

from typing import Any

from exfolio.builders.candidates.doubts import doubts
from exfolio.models.structure.serialization import to_plain
from exfolio.stores.connection import Connection
from exfolio.stores.documents import Material, Property, ProposedStructure
from filled_registry import put, put_materials
from pymatgen.core import Lattice, Structure

STATED = {"formula_reduced": "InN3", "formation_energy": 2.348}


def _layer(lower: str) -> dict[str, Any]:
    sites = [[1 / 3, 2 / 3, 0.5], [2 / 3, 1 / 3, 0.577], [2 / 3, 1 / 3, 0.42]]
    return to_plain(Structure(Lattice.hexagonal(3.25, 20), ["Mo", "S", lower], sites))


def test_a_predicted_energy_far_from_what_is_known_of_the_composition(registry: Connection) -> None:
    put_materials(registry, [{"material_id": "test:InN3", **STATED, "methods": {"formation_energy": "PBE"}}])
    composition = {"formula_reduced": "InN3", "predicted_formation_energy": 0.131}

    [doubt] = doubts(registry, composition)

    assert "0.131 eV/atom lies 2.22 below" in doubt
    assert "2.348 (test, PBE)" in doubt
    assert doubts(registry, {**composition, "predicted_formation_energy": 2.2}) == []
    assert doubts(registry, {"formula_reduced": "InN3"}) == []


def test_what_models_say_without_a_neighbour_or_by_heart_is_told(registry: Connection) -> None:
    composition = {"formula_reduced": "Xe3Ag2Hg7", "p_2d": 0.6, "p_2d_relatives": 0, "energy_learnt": True}

    alone, seen = doubts(registry, composition)

    assert alone.startswith("no neighbour known")
    assert seen.startswith("seen: ")
    assert doubts(registry, {**composition, "p_2d_relatives": 3, "energy_learnt": False}) == []


def test_what_a_model_has_learnt_from_others_contradicts_nothing(registry: Connection) -> None:
    method = {"formation_energy": "machine learning on PBE (C2DB)"}
    put_materials(registry, [{"material_id": "test:InN3", **STATED, "methods": method}])

    assert doubts(registry, {"formula_reduced": "InN3", "predicted_formation_energy": 0.131}) == []


def test_alike_elements_on_alike_sites_may_mix(registry: Connection) -> None:
    """Of a candidate without a structure of its own that of the proposal is looked at; a cut layer is as it was."""
    made = {"structure_id": "st-1", "route": "template", "parent_id": "a", "structure": _layer("Se")}
    put(registry, ProposedStructure, [{"formula_reduced": "MoSeS", **made}])
    candidate = {"structure_id": "st-1", "route": "template", "formula_reduced": "MoSeS"}

    [doubt] = doubts(registry, candidate)

    assert doubt.startswith("may be disordered: S and Se are alike (radii 8% apart, charges -2 and -2)")
    assert doubts(registry, {**candidate, "structure": _layer("S")}) == []
    assert doubts(registry, {**candidate, "route": "top-down"}) == []


def test_a_layer_of_what_is_known_as_molecules_alone_can_be_taken_off_nothing(registry: Connection) -> None:
    """Whatever its exfoliation energy says, which is that of such layers stacked."""
    known = [{"material_id": f"test:HgCl2-{name}", "formula_reduced": "HgCl2", "dimension_claimed": 3} for name in "ab"]
    kinds = ({"layered": False, "layering": {"kind": "molecules"}}, {"layered": True, "layering": {"kind": "layers"}})
    layer = {"formula_reduced": "HgCl2", "dimension": 2, "route": "bottom-up"}
    said = []

    for material, kind in zip(known, kinds, strict=True):
        put_materials(registry, [material])
        put(registry, Material, [{"material_id": material["material_id"], **kind}], "layers")
        said.append(doubts(registry, layer))
        assert doubts(registry, {**layer, "dimension": 3}) == doubts(registry, {**layer, "route": "top-down"}) == []

    [[doubt], of_layers] = said
    assert doubt.startswith("no known crystal of HgCl2 is layered (test:HgCl2-a: molecules)")
    assert of_layers == []


def test_what_falls_apart_with_its_anion_left_over_is_doubted_next_to_the_hull(registry: Connection) -> None:
    """Ag2+ oxidises iodide; TiS3 loses sulfur too, and holds it by more than errors are large.

    Of two methods that counts by which a candidate is judged.
    """
    freed = {"kind": "energy_above_hull", "method": "CHGNet 0.3.0 static", "basis": "potential", "unit": "eV/atom"}
    phases = [{"formula": "AgBr", "share_of_atoms": 0.67}, {"formula": "I2", "share_of_atoms": 0.33}]
    by_another = {**freed, "method": "Zero 1.0 static"}
    with_dispersion = {**freed, "method": "CHGNet 0.3.0 static + D3(BJ)"}
    values = [
        {**freed, "structure_id": "st-AgBrI", "value": -0.011, "details": {"sets_free": ["I"], "falls_into": phases}},
        {**freed, "structure_id": "st-TiS3", "value": -0.08, "details": {"sets_free": ["S"]}},
        {**by_another, "structure_id": "st-TiS3", "value": 0.2, "details": {"sets_free": ["S"]}},
        {**by_another, "structure_id": "st-AgBrI", "value": -0.2, "details": {}},
        # A layer 0.1 above its bulk, which is what counts; and one that an earlier version told of.
        {**freed, "structure_id": "st-PbS3", "value": -0.07, "details": {"sets_free": ["S"]}},
        {**with_dispersion, "structure_id": "st-PbS3", "value": 0.03, "details": {"sets_free": ["S"]}},
        {**freed, "structure_id": "st-CoI4", "value": 0.01, "details": {"sets_free": ["I"]}},
    ]
    named = [{**value, "property_id": f"{value['structure_id']} by {value['method']}"} for value in values]
    put(registry, Property, named)

    [doubt] = doubts(registry, {"structure_id": "st-AgBrI", "route": "template", "formula_reduced": "AgBrI"})

    assert doubt.startswith("falls into AgBr + I2, -0.011 eV/atom from the hull by CHGNet 0.3.0 static: I would be set")
    assert doubts(registry, {"structure_id": "st-TiS3", "route": "top-down", "formula_reduced": "TiS3"}) == []
    assert doubts(registry, {"structure_id": "st-PbS3", "route": "template", "formula_reduced": "PbS3"}) == []
    [earlier] = doubts(registry, {"structure_id": "st-CoI4", "route": "template", "formula_reduced": "CoI4"})
    assert earlier.startswith("falls into other phases, +0.010 eV/atom from the hull")


def test_costs_of_exchanging_alike_atoms_and_rare_exchanges_are_told(registry: Connection) -> None:
    swapped = {"structure_id": "st-1", "route": "bottom-up", "formula_reduced": "MoSeS", "parent_id": "st-0"}
    put(registry, ProposedStructure, [{**swapped, "structure": _layer("Se"), "substitution_chance": 0.41}])
    pairs = [{"elements": ["S", "Se"], "energy": 0.19, "holds_up_to": 540, "atoms": 12}]
    cost = {"kind": "exchange_energy", "method": "CHGNet 0.3.0 static", "value": 0.19, "details": {"pairs": pairs}}
    named = {"property_id": "st-1/exchange", "structure_id": "st-1", "basis": "potential", "unit": "eV"}
    put(registry, Property, [cost | named])

    rare, alike = doubts(registry, swapped)

    assert rare.startswith("of exchanges like this one 41% leave the structure as it is")
    assert "costs 0.19 eV by CHGNet 0.3.0 static: an order holds up to about 540 K" in alike
