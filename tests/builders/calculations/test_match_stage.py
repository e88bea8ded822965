"""Whose a calculation is: by its manifest where its structure is that one, else by its structure."""

from disulfide import BULK, LAYER, calculation, matches
from exfolio.builders.calculations.match_stage import MatchStage
from exfolio.builders.engine.execution.runner import run_stage
from exfolio.builders.properties.exfoliation_stage import ExfoliationStage
from exfolio.builders.structures.novelty_stage import NoveltyStage
from exfolio.models.structure.serialization import to_plain
from exfolio.stores.connection import Connection
from exfolio.stores.documents import Calculation
from filled_registry import properties, put, put_materials, put_structures
from pymatgen.core import Lattice, Structure


def test_calculations_find_their_structure_without_a_manifest(disulfide: Connection) -> None:
    run_stage(MatchStage(), disulfide)

    assert matches(disulfide) == {
        "layer": ("st-1", None, "initial structure"),
        "bulk": (None, "test:2H", "initial structure"),
    }


def test_a_manifest_is_believed_where_its_structure_exists(disulfide: Connection) -> None:
    put(
        disulfide,
        Calculation,
        [
            calculation("right", LAYER, -21.0, manifest={"structure_id": "st-1"}),
            calculation("wrong", LAYER, -21.0, manifest={"structure_id": "st-unknown"}),
        ],
    )
    run_stage(MatchStage(), disulfide)

    found = matches(disulfide)
    assert found["right"] == ("st-1", None, "manifest")
    assert found["wrong"] == ("st-1", None, "initial structure")
    wrong = disulfide.database["calculations"].find_one({"calculation_id": "wrong"})
    assert wrong is not None
    assert wrong["mismatch"] == "its exfolio.json names st-unknown, which is no structure of its formula here"


def test_what_was_calculated_follows_to_the_proposal_that_stands_for_it(disulfide: Connection) -> None:
    """Another source has the same bulk, and the layer that is cut from that comes first."""
    put_materials(disulfide, [{"material_id": "a:2H", "formula_reduced": "MoS2", "structure": to_plain(BULK)}])
    again = {"formula_reduced": "MoS2", "structure": to_plain(LAYER), "dimension": 2, "route": "top-down"}
    put_structures(disulfide, [{**again, "structure_id": "st-0", "parent_id": "a:2H"}])
    put(disulfide, Calculation, [calculation("layer", LAYER, -21.0, manifest={"structure_id": "st-1"})])
    of_bulk = {"material_id": "test:2H", "bulk_of": "st-1"}
    put(disulfide, Calculation, [calculation("bulk", BULK, -42.5, manifest=of_bulk)])
    for stage in (NoveltyStage(), MatchStage(), ExfoliationStage()):
        run_stage(stage, disulfide)

    assert matches(disulfide)["layer"] == ("st-0", None, "manifest")
    assert properties(disulfide, "exfoliation_energy").keys() == {("st-0", "optB88-vdW")}


def test_a_manifest_is_not_believed_of_another_structure(disulfide: Connection) -> None:
    # Given three runs in folders of the layer: its relaxation into something else, what follows that, and a mix-up
    octahedral = LAYER.copy()
    octahedral.translate_sites([2], [-1 / 3, 1 / 3, 0.0])
    names_it = {"manifest": {"structure_id": "st-1"}}
    compressed = Structure(Lattice.hexagonal(2.8, 25.0), LAYER.species, LAYER.frac_coords)
    flat = [[1 / 3, 2 / 3, 0.5], [2 / 3, 1 / 3, 0.52], [0.0, 0.0, 0.48]]
    other = Structure(Lattice.hexagonal(3.9, 25.0), LAYER.species, flat)
    put(
        disulfide,
        Calculation,
        [
            calculation("relaxation", other, -21.2, initial_structure=to_plain(LAYER), **names_it),
            calculation("static", other, -21.2, **names_it),
            calculation("strained", compressed, -20.0, **names_it),
            calculation("mixed up", octahedral, -20.8, **names_it),
        ],
    )
    run_stage(MatchStage(), disulfide)

    found = matches(disulfide)
    assert {name: found[name][0] for name in ("relaxation", "static", "strained", "mixed up")} == {
        "relaxation": "st-1",
        "static": "st-1",
        "strained": "st-1",
        "mixed up": None,
    }
    odd = disulfide.database["calculations"].find_one({"calculation_id": "mixed up"})
    assert odd is not None
    assert odd["mismatch"].startswith("its exfolio.json names st-1, and its structure is another one")
