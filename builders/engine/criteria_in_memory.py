"""Says whether a document in memory meets a stage's criteria, as MongoDB would say of the stored one.

Knows the part of MongoDB's query language that stages use, and raises on anything else:

- ``{field: value}`` for text, numbers, booleans and None; ``a.b`` for a field of a sub-document;
- ``$eq``, ``$ne``, ``$in``, ``$nin``, ``$exists``, and ``$gt``, ``$gte``, ``$lt``, ``$lte`` with text or numbers;
- ``$and``, ``$or``, ``$nor`` at the top.

As in MongoDB a list meets a condition when one of its elements does, None stands for a missing field too, and values of
different kinds (text, numbers, booleans) are never equal, nor one less than the other.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any

Doc = dict[str, Any]
Test = Callable[[Any], bool]
"""Takes the value of a field, `_MISSING` where there is none."""
_MISSING: Any = object()
_ORDERS = {"$gt": operator.gt, "$gte": operator.ge, "$lt": operator.lt, "$lte": operator.le}
_COMBINED: dict[str, Callable[[list[bool]], bool]] = {
    "$and": all,
    "$or": any,
    "$nor": lambda results: not any(results),
}


class UnknownCriteria(ValueError):
    """Criteria that only the server can apply."""

    def __init__(self, what: str) -> None:
        super().__init__(
            f"{what} can't be applied to documents in memory; exfolio.builders.engine.criteria_in_memory says what can"
        )


def matcher(criteria: Mapping[str, Any]) -> Callable[[Mapping[str, Any]], bool]:
    """Make a function that says whether a document meets the criteria.

    Raises
    ------
    UnknownCriteria
        They are beyond the part of the query language that is known here.

    >>> matcher({"novel": True, "p_2d": {"$gte": 0.5}})({"novel": True, "p_2d": 0.95})
    True
    """
    return _all([_part(name, condition) for name, condition in criteria.items()])


def fields_of(criteria: Mapping[str, Any]) -> set[str]:
    """Names of the fields that criteria look at, those at the top of a document."""
    names: set[str] = set()
    for name, condition in criteria.items():
        if name in _COMBINED:
            names.update(*(fields_of(part) for part in condition))
        else:
            names.add(name.partition(".")[0])
    return names


def _part(name: str, condition: Any) -> Callable[[Mapping[str, Any]], bool]:
    if name in _COMBINED:
        combine, parts = _COMBINED[name], [matcher(part) for part in condition]
        return lambda doc: combine([part(doc) for part in parts])
    if name.startswith("$"):
        raise UnknownCriteria(name)
    test = _all(_tests(name, condition))
    path = name.split(".")
    if len(path) == 1:
        return lambda doc: test(doc.get(name, _MISSING))
    return lambda doc: test(_value(doc, path))


def _all(tests: list[Test]) -> Test:
    return tests[0] if len(tests) == 1 else lambda value: all(test(value) for test in tests)


def _value(doc: Any, path: list[str]) -> Any:
    for name in path:
        if isinstance(doc, list):
            raise UnknownCriteria(f"{'.'.join(path)} through a list")
        if not isinstance(doc, Mapping) or name not in doc:
            return _MISSING
        doc = doc[name]
    return doc


def _tests(name: str, condition: Any) -> list[Test]:
    if not isinstance(condition, Mapping):
        return [_equal_to(name, [condition])]
    if not condition or not all(str(key).startswith("$") for key in condition):
        raise UnknownCriteria(f"{name} equal to a document")
    return [_operation(name, operation, operand) for operation, operand in condition.items()]


def _operation(name: str, operation: str, operand: Any) -> Test:
    if operation == "$exists":
        return lambda value: (value is not _MISSING) == bool(operand)
    if operation in ("$eq", "$in"):
        return _equal_to(name, operand if operation == "$in" else [operand])
    if operation in ("$ne", "$nin"):
        equal = _equal_to(name, operand if operation == "$nin" else [operand])
        return lambda value: not equal(value)
    kind = _kind(operand)
    if operation not in _ORDERS or kind not in ("number", "text"):
        raise UnknownCriteria(f"{name} {operation} {operand!r}")
    compare = _ORDERS[operation]
    return lambda value: any(_kind(element) == kind and compare(element, operand) for element in _elements(value))


def _equal_to(name: str, operands: list[Any]) -> Test:
    if not all(_kind(operand) or operand is None for operand in operands):
        raise UnknownCriteria(f"{name} equal to one of {operands!r}")
    accepted = {(_kind(operand), operand) for operand in operands}

    def test(value: Any) -> bool:
        if isinstance(value, bool | str):
            return (_kind(value), value) in accepted
        elements = [None] if value is _MISSING else _elements(value)
        plain = (element for element in elements if not isinstance(element, dict | list))
        return any((_kind(element), element) in accepted for element in plain)

    return test


def _elements(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    return "text" if isinstance(value, str) else ""
