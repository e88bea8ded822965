"""What routes and models are worth, counted in a registry of a few oxides and sulfides."""

from typing import Any

import pytest
from exfolio.builders.reports.routes.rediscovery import LEARNT
from exfolio.builders.reports.routes.route_figures import RouteFigures, route_report
from exfolio.builders.reports.routes.route_listing import route_listing
from exfolio.builders.reports.routes.route_tables import plain, tables
from exfolio.models.evaluation.relatives import Origin
from exfolio.models.evaluation.shares import Share
from exfolio.models.structure.serialization import to_plain
from exfolio.stores.connection import Connection
from exfolio.stores.documents import Material, Property, ProposedStructure
from exfolio.stores.errors import ConfigurationError
from filled_registry import put
from pymatgen.core import Lattice, Structure

DRAWN = {
    "route": "crystal-gan",
    "parent_id": "crystal-gan-1",
    "condition": {"Mg": 1, "O": 1},
    "drawn": 9,
    "drawn_valid": 6,
}
RELAXED, STATIC = "CHGNet 0.3.0 relaxed", "CHGNet 0.3.0 static"
OXIDE = {
    "formula": "Mg1 O1",
    "formula_reduced": "MgO",
    "elements": ["Mg", "O"],
    "nelements": 2,
    "nsites": 2,
    "volume": 18.7,
    "space_group": {"number": 225},
}
PROPOSED = {"shortest_distance": 2.1, "electronegativity_balanced": True}
SULFIDE = {**OXIDE, "formula": "Mg1 S1", "formula_reduced": "MgS", "elements": ["Mg", "S"], "volume": 35.0}


def _cube(middle: float) -> dict[str, Any]:
    return to_plain(Structure(Lattice.cubic(2.7), ["Mg", "O"], [[0, 0, 0], [middle, 0.5, 0.5]]))


def _structures() -> list[dict[str, Any]]:
    return [
        {"structure_id": "st-again", **DRAWN, "valid": True},
        {"structure_id": "st-known", **DRAWN, "valid": True},
        {"structure_id": "st-may-be", **DRAWN, "valid": True},
        {"structure_id": "st-new", **DRAWN, "valid": True},
        {"structure_id": "st-wrong", **DRAWN, "valid": False, "checks": {"distances": "Mg and O overlap"}},
        # The template route repeats what the model made, and makes a sulfide from the oxide.
        {"structure_id": "st-repeated", "route": "template", "parent_id": "test:MgO", "valid": True},
        {"structure_id": "st-sulfide", "route": "template", "parent_id": "test:MgO", "valid": True, **SULFIDE},
        {
            "structure_id": "st-unlike",
            "route": "template",
            "parent_id": "test:MgO",
            "valid": False,
            "checks": {"charge": {"verdict": "failed"}, "coordination": {"verdict": "failed"}, "layer": "passed"},
        },
    ]


def _novelty() -> list[dict[str, Any]]:
    same = [{"material_id": "test:MgO", "same": True}]
    return [
        {"structure_id": "st-new", "novel": True, "novelty_class": "known composition"},
        {"structure_id": "st-again", "novel": True, "novelty_class": "known composition", "duplicate_of": "st-new"},
        {"structure_id": "st-may-be", "novel": True, "novelty_class": "may be known"},
        {"structure_id": "st-known", "novel": False, "novelty_class": "known", "known_match": same},
        {"structure_id": "st-repeated", "novel": True, "novelty_class": "known composition", "duplicate_of": "st-new"},
        {
            "structure_id": "st-sulfide",
            "novel": False,
            "novelty_class": "known",
            "known_match": [{"material_id": "other:MgS", "same": True}, {"material_id": "test:MgS2", "same": False}],
        },
    ]


def _energies() -> list[dict[str, Any]]:
    at = {"basis": "potential", "unit": "eV/atom", "kind": "energy_above_hull"}
    values = [
        {"structure_id": "st-new", "method": RELAXED, "value": 0.0, "low": -0.02, "high": 0.02},
        {"structure_id": "st-may-be", "method": RELAXED, "value": 0.05},
        {"structure_id": "st-known", "method": RELAXED, "value": 0.0},
        {"structure_id": "st-new", "method": STATIC, "value": 0.04, "low": 0.04, "lacks": ["compounds"]},
    ]
    relaxed = {"structure": _cube(0.5)}
    values.append({"structure_id": "st-new", "method": RELAXED, "kind": "energy", "value": -6.0, "details": relaxed})
    return [
        {**at, **value, "property_id": f"{value['structure_id']}/{value['method']}/{value.get('kind')}"}
        for value in values
    ]


@pytest.fixture
def made(registry: Connection) -> Connection:
    """Of one model: a new one, its repetition, one that may be known, a known one, one that is not valid; templates."""
    put(registry, ProposedStructure, [{**OXIDE, **PROPOSED, "structure": _cube(0.45), **doc} for doc in _structures()])
    put(registry, ProposedStructure, _novelty(), "novelty")
    put(registry, Property, _energies())
    put(
        registry,
        Material,
        [
            {"material_id": "test:MgO", "source": "test", "source_id": "MgO", **OXIDE, "structure": _cube(0.45)},
            {"material_id": "test:MgS", "source": "test", "source_id": "MgS", **SULFIDE, "structure": _cube(0.45)},
            {"material_id": "other:MgS", "source": "other", "source_id": "MgS", **SULFIDE, "structure": _cube(0.45)},
            {"material_id": "other:CaO", "source": "other", "source_id": "CaO", "formula_reduced": "CaO"},
        ],
    )
    put(registry, Material, [{"material_id": "other:MgS", "same_as": ["test:MgS"]}], "links")
    put(registry, Material, [{"material_id": "test:MgS", "same_as": ["other:MgS"]}], "links")
    return registry


def _rows(connection: Connection) -> tuple[RouteFigures, RouteFigures]:
    model, template = route_report(connection).rows
    return model, template


def test_what_repeats_another_counts_once_in_each_route(made: Connection) -> None:
    model, template = _rows(made)

    assert (model.name, model.drawn, model.drawn_valid) == ("crystal-gan-1", 9, 6)
    assert (model.made, model.valid, model.unique) == (5, 4, 3)
    assert (template.name, template.drawn) == ("template", None)
    assert (template.made, template.valid, template.unique) == (3, 2, 2)


def test_what_is_not_valid_says_why(made: Connection) -> None:
    model, template = _rows(made)

    assert model.faults == {"distances": 1}
    assert template.faults == {"charge": 1, "coordination": 1}
    assert model.cdvae_valid == 5  # which looks at distances below 0.5 Å alone


def test_what_may_be_known_is_novel_only_perhaps(made: Connection) -> None:
    model, _ = _rows(made)

    assert model.novel == Share(certain=1, by_value=1, possible=2, total=5)
    assert model.classes == {"known composition": 1, "known": 1, "may be known": 1}


def test_stable_unique_and_novel_by_each_method_with_what_is_open(made: Connection) -> None:
    """Of the new one the interval reaches beyond the hull; of the one that may be known the energy is certain."""
    relaxed, static = _rows(made)[0].stability

    assert (relaxed.method, relaxed.known, relaxed.lacks) == (RELAXED, 3, {})
    assert relaxed.stable == Share(certain=1, by_value=2, possible=2, total=5)
    assert relaxed.metastable == Share(certain=3, by_value=3, possible=3, total=5)
    assert relaxed.sun == Share(certain=0, by_value=1, possible=1, total=5)
    assert relaxed.msun == Share(certain=1, by_value=1, possible=2, total=5)
    assert (static.known, static.lacks) == (1, {"compounds": 1})
    # What lies at least so far above the hull is not stable; nothing is known by this method of the other two.
    assert static.stable == Share(certain=0, by_value=0, possible=2, total=5)
    assert static.msun == Share(certain=0, by_value=1, possible=2, total=5)


def test_a_repetition_has_the_energy_of_what_it_repeats(made: Connection) -> None:
    _, template = _rows(made)

    assert template.stability[0].msun == Share(certain=1, by_value=1, possible=1, total=3)


def test_two_that_relaxed_to_the_same_count_once(made: Connection) -> None:
    relaxed: list[dict[str, Any]] = [
        {"structure_id": "st-new", "relaxed_novel": False, "relaxed_duplicate_of": "st-known"},
        {"structure_id": "st-known", "relaxed_novel": False},
        {"structure_id": "st-may-be", "relaxed_novel": True},
    ]
    put(made, ProposedStructure, relaxed, "relaxed")

    by_potential, static = _rows(made)[0].stability

    assert by_potential.known == 2
    assert by_potential.sun.possible == 0
    assert by_potential.msun == Share(certain=0, by_value=0, possible=1, total=5)
    assert static.known == 1  # as it was proposed


def test_what_was_found_again_tells_what_it_was_made_of(made: Connection) -> None:
    """Magnesium sulfide is one material of two sources, found by exchanging elements of a group in the oxide."""
    model, template = _rows(made)

    assert model.found is not None

    assert template.found is not None
    assert (model.found.there, model.found.found, model.found.made_of) == (1, 1, {LEARNT: 1})
    assert (template.found.there, template.found.found) == (2, 1)
    assert template.found.made_of == {Origin.RELATIVE: 1}


def test_distributions_are_compared_with_known_ones_of_the_same_elements(made: Connection) -> None:
    """The oxide of the model has the space group and the number of elements of the known one, and its density."""
    [likeness] = _rows(made)[0].likeness

    assert (likeness.dimension, likeness.made, likeness.known) == (3, 3, 1)
    assert likeness.density is not None
    assert likeness.density.value == pytest.approx(0)
    assert likeness.elements is not None
    assert likeness.elements.value == pytest.approx(0)


def test_relaxing_moved_the_atom_by_a_twentieth_of_the_cell(made: Connection) -> None:
    """0.135 Å in all, half of it for each of the two atoms once the common shift is left out."""
    model, template = _rows(made)

    assert model.moved is not None
    assert model.moved == (pytest.approx(0.05 * 2.7 / 2), 1)
    assert template.moved is not None  # of the structure it repeats


def test_one_model_or_route_is_looked_at_alone_and_a_wrong_name_is_told(made: Connection) -> None:
    assert [row.name for row in route_report(made, ["crystal-gan-1"]).rows] == ["crystal-gan-1"]
    assert [row.name for row in route_report(made, ["template"]).rows] == ["template"]
    with pytest.raises(ConfigurationError, match="no structure was made by templates") as error:
        route_report(made, ["templates"])
    assert "crystal-gan-1" in str(error.value.remedy)


def test_tables_and_plain_data_name_hull_potential_and_sources(made: Connection) -> None:
    report = route_report(made)

    told = tables(report)
    assert "| crystal-gan-1 | 5 | 9, 66.7% valid | 80.0% ± 17.9% |" in told
    assert "| CHGNet 0.3.0 static | known materials by this potential; 1 lack known compounds | 1 |" in told
    assert "Novel to 2 sources with 4 materials, 3 of them with an ordered structure: other (1), test (2); in" in told
    msun = plain(report)["routes"][0]["stability"][0]["msun"]
    assert (msun["by_value"], msun["possible"], msun["total"]) == (1, 2, 5)
    assert 0 < msun["low"] < 0.2 < 0.4 < msun["high"] < 1


def test_coverage_is_told_where_it_is_asked_for(made: Connection) -> None:
    report = route_report(made, ["crystal-gan-1"], coverage=2)

    [covered] = report.rows[0].covered
    assert (covered.dimension, covered.made, covered.known, covered.by_known) == (3, 2, 1, None)
    assert covered.by_route is not None
    assert (covered.by_route.recall, covered.by_route.amsd_recall) == (1.0, 0.0)
    assert "| crystal-gan-1 | crystals | 2 with 1 | 1.00 (–) | 1.00 (–) | 0.00 (–) | 0.00 (–) |" in tables(report)
    assert "COV" not in tables(route_report(made))


def test_nothing_proposed_is_said(registry: Connection) -> None:
    assert tables(route_report(registry)) == "No structures have been proposed yet.\n"


def test_a_listing_has_a_line_for_all_that_was_made(made: Connection) -> None:
    lines = {line["structure_id"]: (name, line) for name, line in route_listing(made)}

    assert len(lines) == 8
    name, repeated = lines["st-repeated"]
    assert (name, repeated["energy_above_hull"], repeated["energy_above_hull_method"]) == ("template", 0.0, RELAXED)
    assert (repeated["energy_above_hull_low"], repeated["energy_above_hull_high"]) == (-0.02, 0.02)
    assert lines["st-unlike"][1]["faults"] == "charge coordination"
    assert lines["st-known"][0] == "crystal-gan-1"
