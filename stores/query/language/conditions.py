"""The usual conditions, each as a MongoDB query: what the plain options of the command line come to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from .fields import Fields
from .intervals import compared
from .query_errors import QueryError
from .spelling import reduced

Condition = dict[str, Any]


def has_elements(fields: Fields, symbols: Sequence[str]) -> Condition:
    """Contain all of these elements, and maybe others."""
    return {fields.get("elements").path: {"$all": list(symbols)}}


def only_elements(fields: Fields, symbols: Sequence[str]) -> Condition:
    """Contain no element but these."""
    path = fields.get("elements").path
    return {path: {"$not": {"$elemMatch": {"$nin": list(symbols)}}}, f"{path}.0": {"$exists": True}}


def of_formula(fields: Fields, formula: str) -> Condition:
    """Have this reduced formula, in whatever spelling.

    Raises
    ------
    QueryError
        It is no formula.
    """
    path = fields.get("formula_reduced").path
    try:
        return {path: {"$eq": reduced(formula)}}
    except ValueError as error:
        raise QueryError(str(error), "Write for example: MoS2") from error


def within(
    fields: Fields, name: str, bound: Literal["at least", "at most"], value: float, *, possible: bool = False
) -> Condition:
    """Have a known value of a field on one side of a bound, the bound included.

    Parameters
    ----------
    fields
        The fields of the collection.
    name
        Name of the field.
    bound
        On which side.
    value
        The bound, in the unit of the field.
    possible
        Also where the value may lie there.
    """
    return compared(fields.get(name), ">=" if bound == "at least" else "<=", value, possible=possible)


def equal(fields: Fields, name: str, value: str | bool) -> Condition:  # noqa: FBT001 - it is a value
    """Have this value of a field.

    Raises
    ------
    QueryError
        The field is never that.
    """
    field = fields.get(name)
    if field.choices and value not in field.choices:
        raise QueryError(f"{field.path} is never {value!r}", f"It is one of: {', '.join(field.choices)}.")
    return {field.path: {"$eq": value}}
