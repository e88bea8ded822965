"""Values that are intervals, in queries: what certainly meets a comparison, what may, in which order, what a row says.

A document states the ends of an interval beside the value (`RegistryDocument.INTERVALS`). Where one end is missing the
interval is open there, where both are the value stands for itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import inf
from typing import Any, Final, Literal

from .fields import Field, value_at

Query = dict[str, Any]

OPERATORS: Final = {"=": "$eq", "!=": "$ne", "<": "$lt", "<=": "$lte", ">": "$gt", ">=": "$gte"}
"""MongoDB's names of the comparisons."""


def compared(field: Field, operator: str, value: Any, *, possible: bool = False) -> Query:
    """Query for documents whose value of a field compares so.

    Parameters
    ----------
    field
        The field.
    operator
        One of `OPERATORS`.
    value
        What it is compared with, as stored.
    possible
        Of intervals: some value within compares so. Else every one does.

    Examples
    --------
    >>> compared(Field("nsites", "integer"), "<=", 8)
    {'nsites': {'$lte': 8}}
    """
    plain = {field.path: {"$nin": [value, None]} if operator == "!=" else {OPERATORS[operator]: value}}
    if not field.low:
        return plain
    either = _some(field, operator, value) if possible else _all(field, operator, value)
    return {"$or": [plain, *either]} if possible else {**plain, "$or": [{field.low: None, field.high: None}, *either]}


def _all(field: Field, operator: str, value: Any) -> list[Query]:
    """Ends for which all of an interval compares so."""
    below, above = {field.high: {"$lt": value}}, {field.low: {"$gt": value}}
    if operator == "=":
        return [{field.low: value, field.high: value}]
    if operator == "!=":
        return [below, above]
    return [{field.high if operator.startswith("<") else field.low: {OPERATORS[operator]: value}}]


def _some(field: Field, operator: str, value: Any) -> list[Query]:
    """Ends for which some of an interval compares so."""
    below, above = {field.low: {"$lt": value}}, {field.high: {"$gt": value}}
    open_below, open_above = {field.low: None, field.high: {"$ne": None}}, {field.high: None, field.low: {"$ne": None}}
    if operator == "=":
        from_below, from_above = {field.low: {"$lte": value}}, {field.high: {"$gte": value}}
        return [{**from_below, **from_above}, {**from_below, field.high: None}, {field.low: None, **from_above}]
    if operator == "!=":
        return [below, above, open_below, open_above]
    end, beyond = (field.low, open_below) if operator.startswith("<") else (field.high, open_above)
    return [{end: {OPERATORS[operator]: value}}, beyond]


def compared_fields(left: Field, operator: str, right: Field, *, possible: bool = False) -> Query:
    """Expression that two fields of a document compare so; both are known.

    Parameters
    ----------
    left, right
        The fields.
    operator, possible
        As of `compared`.
    """
    low, high = end_of(left, "low"), end_of(left, "high")
    other_low, other_high = end_of(right, "low"), end_of(right, "high")
    if not (left.low or right.low):
        return {OPERATORS[operator]: [low, other_low]}
    if operator in ("=", "!="):
        apart = {"$or": [{"$lt": [high, other_low]}, {"$gt": [low, other_high]}]}
        same = {"$and": [{"$eq": [low, other_high]}, {"$eq": [high, other_low]}]}
        if operator == "=":
            return {"$not": apart} if possible else same
        return {"$not": same} if possible else apart
    nearest, farthest = [low, other_high], [high, other_low]
    if operator.startswith(">"):
        nearest, farthest = farthest, nearest
    return {OPERATORS[operator]: nearest if possible else farthest}


def end_of(field: Field, end: Literal["low", "high"]) -> Any:
    """Expression of an end of a field's interval: infinite where that is open, the value where there is none."""
    if not field.low:
        return f"${field.path}"
    near, far, beyond = (field.low, field.high, -inf) if end == "low" else (field.high, field.low, inf)
    return {"$ifNull": [f"${near}", {"$cond": [{"$gt": [f"${far}", None]}, beyond, f"${field.path}"]}]}


def ends(document: Mapping[str, Any], field: Field) -> tuple[Any, Any]:
    """Stated ends of the interval of a document's value: None where there are none, or the interval is open."""
    return (value_at(document, field.low), value_at(document, field.high)) if field.low else (None, None)


def names_of(fields: Sequence[Field]) -> list[str]:
    """Names of the columns of some fields; beside a value that may be an interval those of its ends."""
    return [name for field in fields for name in _names(field)]


def row_of(document: Mapping[str, Any], fields: Sequence[Field]) -> list[Any]:
    """Values of a document in the columns of `names_of`.

    Both ends are the value where nothing is known of its error; None is an open end, or no value at all.
    """
    row: list[Any] = []
    for field in fields:
        value = value_at(document, field.path)
        row.append(value)
        if _has_ends(field):
            stated = ends(document, field)
            row += (value, value) if stated == (None, None) else stated
    return row


def _names(field: Field) -> Iterator[str]:
    yield field.path
    if _has_ends(field):
        yield from (f"{field.path}_low", f"{field.path}_high")


def _has_ends(field: Field) -> bool:
    return bool(field.low) and field.kind != "object"  # of a map the ends are maps of their own
