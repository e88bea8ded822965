"""Valid, unique, novel and stable structures of each route, counted in a registry of a few oxides."""

from typing import Any

import pytest
from exfolio.builders.reports.proposal_figures import figures, table
from exfolio.models.structure.serialization import to_plain
from exfolio.stores.connection import Connection
from exfolio.stores.documents import Property, ProposedStructure
from filled_registry import put
from pymatgen.core import Lattice, Structure

DRAWN = {
    "route": "crystal-gan",
    "parent_id": "crystal-gan-1",
    "condition": {"Mg": 1, "O": 1},
    "drawn": 9,
    "drawn_valid": 6,
}
RELAXED = {"method": "CHGNet 0.3.0 relaxed", "basis": "potential", "unit": "eV/atom"}


def salt(length: float, middle: float = 0.5) -> dict[str, Any]:
    return to_plain(Structure(Lattice.cubic(length), ["Mg", "O"], [[0, 0, 0], [middle, 0.5, 0.5]]))


@pytest.fixture
def proposed(registry: Connection) -> Connection:
    """Of one model: a new one on the hull, its repetition, one that is known, and one that is not valid; a template."""
    structures = {
        "st-new": {**DRAWN, "valid": True, "structure": salt(2.8, 0.45)},
        "st-again": {**DRAWN, "valid": True, "structure": salt(2.8)},
        "st-known": {**DRAWN, "valid": True, "structure": salt(3.0)},
        "st-wrong": {**DRAWN, "valid": False, "structure": salt(0.9)},
        "st-other": {"route": "template", "parent_id": "mp-1", "valid": True, "structure": salt(3.1)},
    }
    put(
        registry,
        ProposedStructure,
        [{"structure_id": name, "formula_reduced": "MgO", **doc} for name, doc in structures.items()],
    )
    novelty: list[dict[str, Any]] = [
        {"structure_id": "st-new", "novel": True},
        {"structure_id": "st-again", "novel": True, "duplicate_of": "st-new"},
        {"structure_id": "st-known", "novel": False, "known_as": ["mp-2"]},
        {"structure_id": "st-wrong", "novel": True},
        {"structure_id": "st-other", "novel": True},
    ]
    put(registry, ProposedStructure, novelty, "novelty")
    above = {"st-new": 0.0, "st-again": 0.0, "st-known": 0.1, "st-other": 0.3}
    values: list[dict[str, Any]] = [
        {"structure_id": name, "kind": "energy_above_hull", "value": value, **RELAXED} for name, value in above.items()
    ]
    relaxed = {"structure": salt(2.8)}
    values.append({"structure_id": "st-new", "kind": "energy", "value": -6.0, "details": relaxed, **RELAXED})
    put(registry, Property, [{"property_id": f"{one['structure_id']}/{one['kind']}", **one} for one in values])
    return registry


def test_each_model_and_route_is_counted(proposed: Connection) -> None:
    own, template = figures(proposed)

    assert (own.route, own.model, own.drawn, own.drawn_valid) == ("crystal-gan", "crystal-gan-1", 9, 6)
    assert (own.proposed, own.valid, own.unique, own.novel) == (4, 3, 2, 1)
    energies = own.energies["CHGNet 0.3.0 relaxed"]
    assert energies.known == 2  # what repeats another is not counted again
    assert energies.within == {0.0: 1, 0.08: 1, 0.2: 2}
    assert energies.new_within == {0.0: 1, 0.08: 1, 0.2: 1}
    assert (template.route, template.model, template.drawn, template.proposed) == ("template", None, None, 1)
    assert template.energies["CHGNet 0.3.0 relaxed"].within[0.2] == 0


def test_relaxing_moved_the_atom_by_a_twentieth_of_the_cell(proposed: Connection) -> None:
    """0.14 Å in all, half of it for each of the two atoms once the common shift is left out."""
    own, _ = figures(proposed)

    assert own.rms_displacement == pytest.approx(0.05 * 2.8 / 2)
    assert own.relaxed == 1


def test_one_model_is_looked_at_alone(proposed: Connection) -> None:
    assert [one.model for one in figures(proposed, model="crystal-gan-1")] == ["crystal-gan-1"]
    assert [one.route for one in figures(proposed, route="template")] == ["template"]


def test_the_table_says_it_in_shares(proposed: Connection) -> None:
    told = table(figures(proposed))

    assert "| crystal-gan-1 | 9 | 66.7% | 4 | 75.0% | 66.7% | 50.0% | 0.07 Å (1) |" in told
    assert "| crystal-gan-1 | CHGNet 0.3.0 relaxed | 2 | 50.0% (1) | 50.0% (1) | 100.0% (1) |" in told
    assert table([]) == "No structures have been proposed yet.\n"
