"""Conditions that follow from others: sets of elements are chemical systems, a campaign is a range of keys."""

from typing import Any

import pytest
from exfolio.stores.query.language.fields import fields_of
from exfolio.stores.query.language.filter import compile_filter
from exfolio.stores.query.language.implied import implied


def following(collection: str, text: str) -> list[dict[str, Any]]:
    fields = fields_of(collection)
    return list(implied([compile_filter(text, fields)], fields))


@pytest.mark.parametrize(
    ("text", "systems"),
    [
        ('elements HAS ONLY "S","Mo"', ["Mo", "S", "Mo-S"]),
        ('elements HAS ONLY "S","Mo" AND nelements = 2', ["Mo-S"]),
        ('elements HAS ALL "S","Mo" AND nelements = 2', ["Mo-S"]),
        ('nelements = 3 AND elements HAS ALL "O","Li","Mn" AND band_gap > 1', ["Li-Mn-O"]),
    ],
)
def test_sets_of_elements_are_chemical_systems(text: str, systems: list[str]) -> None:
    assert following("materials", text) == [{"chemsys": {"$in": [*systems, None]}}]


@pytest.mark.parametrize(
    "text",
    [
        'elements HAS ALL "S","Mo"',
        'elements HAS ALL "S","Mo" AND nelements = 3',
        'elements HAS ALL "S","Mo" AND nelements <= 2',
        'elements HAS ONLY "H","Li","Na","K","Rb","Cs","F","Cl"',  # 255 systems
        'elements HAS ONLY "S","Mo" OR band_gap > 1',
        'NOT elements HAS ONLY "S","Mo"',
    ],
)
def test_nothing_follows_where_it_is_not_certain_or_too_much(text: str) -> None:
    assert following("materials", text) == []


def test_a_campaign_is_a_range_of_keys() -> None:
    [of_key] = following("candidates", 'campaign = "two-dimensional"')

    between = of_key["candidate_id"]
    assert between["$gte"] <= "two-dimensional/st-1" < between["$lt"]
    assert not between["$gte"] <= "two-dimensional-2/st-1" < between["$lt"]
