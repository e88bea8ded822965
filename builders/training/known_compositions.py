"""Draws compositions of known materials from the registry for training sets: distinct, sorted, with values."""

from __future__ import annotations

from typing import Any

from ...models.composition.formula.formulas import describe_all
from ...stores.connection import Connection
from ...stores.query.language.fields import fields_of
from ...stores.query.language.filter import compile_filter

Doc = dict[str, Any]


def formulas(connection: Connection, query: str) -> list[str]:
    """Distinct reduced formulas of the current materials that a filter selects, sorted.

    Parameters
    ----------
    query
        A filter on `materials` in OPTIMADE's language; all of them where empty.

    Raises
    ------
    FilterError
        The filter is wrong; points at the place.
    """
    groups = connection.database["materials"].aggregate(
        [{"$match": _criteria(query)}, {"$group": {"_id": "$formula_reduced"}}], allowDiskUse=True
    )
    return sorted(doc["_id"] for doc in groups if doc["_id"])


def least_values(connection: Connection, query: str, field: str) -> dict[str, float]:
    """Least value of a field among the materials that a filter selects, by reduced formula in their order.

    The least energy is that of the most stable polymorph, which a prediction from the composition alone can aim at.

    Raises
    ------
    FilterError
        The filter is wrong; points at the place.
    """
    match = {"$and": [_criteria(query), {field: {"$type": "number"}}]}
    groups = connection.database["materials"].aggregate(
        [{"$match": match}, {"$group": {"_id": "$formula_reduced", "least": {"$min": f"${field}"}}}],
        allowDiskUse=True,
    )
    return dict(sorted((doc["_id"], float(doc["least"])) for doc in groups if doc["_id"]))


def methods(connection: Connection, query: str, field: str) -> dict[str, int]:
    """Count by which methods the values of a field were got, among the materials a filter selects."""
    match = {"$and": [_criteria(query), {field: {"$type": "number"}}]}
    groups = connection.database["materials"].aggregate(
        [{"$match": match}, {"$group": {"_id": f"$methods.{field}", "number": {"$sum": 1}}}]
    )
    return {str(doc["_id"] or "not stated"): int(doc["number"]) for doc in groups}


def by_number_of_elements(reduced: list[str]) -> dict[str, int]:
    """Count formulas by how many elements they hold."""
    counts: dict[str, int] = {}
    for facts in describe_all(reduced):
        counts[str(facts.nelements)] = counts.get(str(facts.nelements), 0) + 1
    return dict(sorted(counts.items()))


def _criteria(query: str) -> Doc:
    return {"$and": [{"deprecated": False}, compile_filter(query, fields_of("materials"))]}
