"""Criteria applied in memory choose what the server would choose."""

from typing import Any

import pytest
from exfolio.builders.engine.criteria_in_memory import UnknownCriteria, fields_of, matcher
from exfolio.stores.connection import Connection

VALUES: list[Any] = [
    *(True, False, 1, 0, 1.0, 0.95, -3, "a", "b", "", None, [], ["a", "b"], [1, None], [True], [[1]]),
    *({}, {"b": 1}, {"b": None}, {"b": "a"}, {"b": True}, {"b": [1, 2]}, [{"c": 1}]),
]
CRITERIA: list[dict[str, Any]] = [
    *({"a": value} for value in (True, False, 1, 0, 0.95, "a", "", None)),
    *({"a": {"$ne": value}} for value in (True, 1, "a", None)),
    *({"a": {"$exists": exists}} for exists in (True, False)),
    *({"a": {key: operand}} for key in ("$gt", "$gte", "$lt", "$lte") for operand in (0, 0.95, 1, "a")),
    *({"a": {key: operands}} for key in ("$in", "$nin") for operands in ([], [1, "a"], [True], [None, "b"])),
    {"a": {"$eq": "b"}},
    {"a": {"$gte": 0, "$lt": 1}},
    *({"$or": [{"a": 1}, {"a": "a"}]}, {"$and": [{"a": {"$ne": 1}}, {"a": {"$gt": 0}}]}, {"$nor": [{"a": 1}]}),
]
NESTED: list[dict[str, Any]] = [
    *({"a.b": value} for value in (1, True, "a", None)),
    *({"a.b": {"$exists": True}}, {"a.b": {"$ne": 1}}, {"a.b": {"$gt": 0}}),
]


def test_as_the_server_does(connection: Connection) -> None:
    docs = [{"_id": 0, "other": 1}, *({"_id": i, "a": value} for i, value in enumerate(VALUES, 1))]
    connection.database["things"].insert_many(docs)

    for criteria in (*CRITERIA, *NESTED):
        lists_too = docs if criteria in CRITERIA else [doc for doc in docs if not isinstance(doc.get("a"), list)]
        here = [doc["_id"] for doc in lists_too if matcher(criteria)(doc)]
        there = {doc["_id"] for doc in connection.database["things"].find(criteria)}
        assert here == [doc["_id"] for doc in lists_too if doc["_id"] in there], criteria


@pytest.mark.parametrize(
    "criteria",
    [
        *({"a": {"$regex": "x"}}, {"a": {"b": 1}}, {"a": {}}, {"a": [1]}, {"a": {"$in": [[1]]}}, {"a": {"$gt": None}}),
        *({"a": {"$gt": True}}, {"a": {"$not": {"$gt": 1}}}, {"$expr": {}}, {"$or": [{"a": {"$size": 1}}]}),
    ],
)
def test_what_is_beyond_it_is_refused(criteria: dict[str, Any]) -> None:
    with pytest.raises(UnknownCriteria, match="can't be applied to documents in memory"):
        matcher(criteria)


def test_a_path_through_a_list_is_refused() -> None:
    with pytest.raises(UnknownCriteria, match="through a list"):
        matcher({"a.b": 1})({"a": [{"b": 1}]})


def test_the_fields_it_looks_at() -> None:
    assert fields_of({"a.b": 1, "$or": [{"c": 1}, {"$and": [{"d": 2}]}]}) == {"a", "c", "d"}
