"""Filters on properties that no document stores, as conditions on what is stored."""

from typing import Any

import pytest
from exfolio.web.optimade.derived import (
    anonymous,
    periodicity_cases,
    resolve,
    spaced_symbol,
    stoichiometry_cases,
)

DISORDER = [({"disordered": True}, ["disorder"]), ({"disordered": {"$ne": True}}, [])]


@pytest.mark.parametrize(
    ("symbol", "spaced"),
    [
        ("P6_3/mmc", "P 63/m m c"),
        ("Fm-3m", "F m -3 m"),
        ("P1", "P 1"),
        ("P2_12_12_1", "P 21 21 21"),
        ("I-42d", "I -4 2 d"),
    ],
)
def test_symbols_of_space_groups_have_their_parts_apart(symbol: str, spaced: str) -> None:
    assert spaced_symbol(symbol) == spaced


def test_anonymous_formulas_begin_with_the_most_atoms() -> None:
    assert anonymous([2.0, 3.0, 12.0]) == "A12B3C2"
    assert anonymous([0.5, 1.0]) is None


@pytest.mark.parametrize(
    ("asked", "stored"),
    [
        ({"derived.structure_features": {"$in": ["disorder"]}}, {"disordered": {"$in": [True]}}),
        ({"derived.structure_features": {"$size": 0}}, {"$or": [{"disordered": {"$ne": True}}]}),
        ({"derived.structure_features": {"$in": ["assemblies"]}}, {"_id": {"$exists": False}}),
    ],
)
def test_a_condition_becomes_that_under_which_a_case_holds(asked: dict[str, Any], stored: dict[str, Any]) -> None:
    assert resolve(asked, lambda _: DISORDER) == stored


def test_what_always_holds_leaves_the_rest_of_the_filter() -> None:
    asked = {"$and": [{"derived.type": "structures"}, {"nelements": 2}]}

    assert resolve(asked, lambda _: [({}, "structures")]) == {"$and": [{}, {"nelements": 2}]}


def test_ratios_are_those_of_the_stoichiometries_that_occur() -> None:
    cases = stoichiometry_cases("elements_ratios", ["AB2", "AB", "AB2C4"])

    third = resolve({"derived.elements_ratios": {"$in": [0.3333333]}}, lambda _: cases)

    assert third == {"formula_anonymous": {"$in": ["AB2"]}}


def test_layers_repeat_along_two_axes() -> None:
    two = resolve({"derived.nperiodic_dimensions": 2}, periodicity_cases)

    assert [True, True, False] in two["structure.lattice.pbc"]["$in"]
    assert len(two["structure.lattice.pbc"]["$in"]) == 3
