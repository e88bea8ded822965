"""Bounds and intervals in queries: what certainly meets a filter, what may, where they stand in an order."""

import pytest
from exfolio.stores.connection import Connection
from exfolio.stores.documents import Candidate, Property
from exfolio.stores.python_api import query
from exfolio.stores.query.language import conditions
from exfolio.stores.query.language.fields import fields_of
from exfolio.stores.query.search import Search
from small_registry import put

VALUES = {
    "plain": {"value": 0.05},
    "more": {"value": 0.05, "low": 0.05},
    "less": {"value": 0.15, "high": 0.15},
    "between": {"value": 0.12, "low": 0.08, "high": 0.2},
    "far": {"value": 0.3, "low": 0.3},
    "refused": {},
}
"""A value, a lower and an upper bound, an interval, a lower bound above the limit of 0.1, and none."""


@pytest.fixture
def registry(empty_registry: Connection) -> Connection:
    """A registry with a property and a candidate for each of the values."""
    property_of = {"kind": "energy_above_hull", "unit": "eV/atom"}
    for name, stated in VALUES.items():
        ids = {"property_id": f"{name}/energy_above_hull/PBE", "structure_id": name, "method": "PBE"}
        put(empty_registry, Property, [{**ids, **property_of, **stated}])
        ends = {f"{end}s": {"energy_above_hull": stated[end]} for end in ("low", "high") if end in stated}
        value = {"energy_above_hull": stated["value"]} if stated else {}
        fixed = {"candidate_id": f"hull/{name}", "campaign": "hull", "structure_id": name, "status": "waiting"}
        put(empty_registry, Candidate, [{**fixed, **value, **ends}])
    return empty_registry


def found(registry: Connection, filter_: str, *, possible: bool = False) -> set[str]:
    """Names of the values that a filter matches, the same of properties and of candidates."""
    of_properties, of_candidates = (
        {doc["structure_id"] for doc in query(name, text, connection=registry, possible=possible)}
        for name, text in (("properties", filter_), ("candidates", filter_.replace("value", "energy_above_hull")))
    )
    assert of_properties == of_candidates
    return of_properties


@pytest.mark.parametrize(
    ("filter_", "certain", "possible"),
    [
        ("value <= 0.1", {"plain"}, {"plain", "more", "less", "between"}),
        ("value < 0.05", set(), {"less"}),
        ("value <= 0.15", {"plain", "less"}, {"plain", "more", "less", "between"}),
        ("value > 0.1", {"far"}, {"more", "less", "between", "far"}),
        ("value >= 0.05", {"plain", "more", "between", "far"}, {"plain", "more", "less", "between", "far"}),
        ("value > 0.05", {"between", "far"}, {"more", "less", "between", "far"}),
        ("value = 0.05", {"plain"}, {"plain", "more", "less"}),
        ("value = 0.1", set(), {"more", "less", "between"}),
        ("value != 0.05", {"between", "far"}, {"more", "less", "between", "far"}),
        ("NOT value <= 0.1", {"far"}, {"more", "less", "between", "far"}),
        ("0.1 < value", {"far"}, {"more", "less", "between", "far"}),
        ("value IS KNOWN", {"plain", "more", "less", "between", "far"}, {"plain", "more", "less", "between", "far"}),
    ],
)
def test_a_filter_matches_what_certainly_meets_it_and_on_demand_what_may(
    registry: Connection, filter_: str, certain: set[str], possible: set[str]
) -> None:
    assert found(registry, filter_) == certain
    assert found(registry, filter_, possible=True) == possible


def test_an_interval_meets_no_comparison_and_its_negation_at_once(registry: Connection) -> None:
    for operator in ("<=", "<", ">", ">=", "=", "!="):
        for number in (0.0, 0.05, 0.1, 0.15, 0.2, 0.3):
            comparison = f"value {operator} {number}"
            meets, does_not = found(registry, comparison), found(registry, f"NOT {comparison}")
            assert not meets & does_not, comparison
            # What does not certainly meet the one may meet the other.
            known = set(VALUES) - {"refused"}
            assert found(registry, comparison, possible=True) == known - does_not, comparison
            assert found(registry, f"NOT {comparison}", possible=True) == known - meets, comparison


def test_two_fields_are_compared_over_all_of_their_intervals(registry: Connection) -> None:
    gaps = {"plain": 0.06, "more": 0.06, "less": 0.2, "between": 0.1, "far": 0.2}
    for name, gap in gaps.items():
        registry.database["candidates"].update_one({"structure_id": name}, {"$set": {"band_gap": gap}})

    def names(filter_: str, *, possible: bool = False) -> set[str]:
        return {doc["structure_id"] for doc in query("candidates", filter_, connection=registry, possible=possible)}

    assert names("energy_above_hull < band_gap") == {"plain", "less"}
    assert names("energy_above_hull < band_gap", possible=True) == {"plain", "more", "less", "between"}
    assert names("band_gap <= energy_above_hull") == {"far"}
    assert names("energy_above_hull != band_gap") == {"plain", "less", "far"}
    assert names("energy_above_hull = band_gap", possible=True) == {"more", "between"}


def test_plain_conditions_take_what_is_certain_too(registry: Connection) -> None:
    known = fields_of("candidates")

    def ids(*, possible: bool) -> list[str]:
        condition = conditions.within(known, "energy_above_hull", "at most", 0.1, possible=possible)
        return [doc["structure_id"] for doc in Search("candidates", conditions=[condition]).documents(registry)]

    assert ids(possible=False) == ["plain"]
    assert sorted(ids(possible=True)) == ["between", "less", "more", "plain"]


@pytest.mark.parametrize(
    ("sort", "order"),
    [
        # By the most that it may be: a bound stands behind all that is certain, and among bounds the least first.
        ("energy_above_hull", ["plain", "less", "between", "more", "far", "refused"]),
        # By the least that it may be.
        ("-energy_above_hull", ["far", "between", "plain", "more", "less", "refused"]),
    ],
)
def test_an_order_goes_by_the_worse_end(registry: Connection, sort: str, order: list[str]) -> None:
    asked = query("candidates", fields=["structure_id"], sort=[sort, "-id"], connection=registry)

    assert [doc["structure_id"] for doc in asked] == order


def test_bounds_can_be_asked_for(registry: Connection) -> None:
    lower = "lows.energy_above_hull IS KNOWN AND highs.energy_above_hull IS UNKNOWN"

    assert {doc["structure_id"] for doc in query("candidates", lower, connection=registry)} == {"more", "far"}


def test_a_table_of_pandas_has_both_ends_beside_the_value(registry: Connection) -> None:
    table = query("candidates", fields=["structure_id", "energy_above_hull"], connection=registry).to_pandas()
    table = table.set_index("structure_id").round(3)

    ends = table[["energy_above_hull_low", "energy_above_hull", "energy_above_hull_high"]]
    assert ends.loc["plain"].tolist() == [0.05, 0.05, 0.05]
    assert ends.loc["between"].tolist() == [0.08, 0.12, 0.2]
    assert ends.loc["more"].isna().tolist() == [False, False, True]
    assert ends.loc["less"].isna().tolist() == [True, False, False]
    assert ends.loc["refused"].isna().all()
    assert table.attrs["units"]["energy_above_hull_low"] == "eV/atom"
    whole = query("properties", connection=registry).to_pandas()
    assert {"value", "value_low", "value_high"} <= set(whole.columns)
    assert "low" not in whole.columns
