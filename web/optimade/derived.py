"""Properties of OPTIMADE that no document stores, in queries: they follow from what is stored, in few cases each.

A filter on such a property is evaluated for each case here, and becomes the condition on what is stored under which
one of the cases that meet it holds.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import product
from typing import Any, Final

from ...stores.query.language.fields import Field, Kind

Query = dict[str, Any]
Case = tuple[Query, Any]
"""A condition on stored fields, and the value that the property has under it."""

_PATH: Final = "derived."
_NOTHING: Final[Query] = {"_id": {"$exists": False}}
_SAME: Final = 1e-6
"""Relative difference up to which two ratios are one."""

KINDS: Final[Mapping[str, tuple[Kind, Kind]]] = {
    "type": ("text", "text"),
    "immutable_id": ("text", "text"),
    "elements_ratios": ("list", "number"),
    "chemical_formula_anonymous": ("text", "text"),
    "dimension_types": ("list", "integer"),
    "nperiodic_dimensions": ("integer", "integer"),
    "structure_features": ("list", "text"),
    "space_group_symbol_hermann_mauguin": ("text", "text"),
}
"""By name of the property: its kind, and that of its members where it is a list."""


def derived_field(name: str) -> Field | None:
    """Field by which `compile_filter` writes conditions on a derived property; None for any other name."""
    if name not in KINDS:
        return None
    kind, members = KINDS[name]
    return Field(f"{_PATH}{name}", kind, standard=name, members=members)


def resolve(query: Query, cases_of: Callable[[str], Sequence[Case]]) -> Query:
    """Query on stored fields alone, from one that may ask for derived properties.

    Parameters
    ----------
    query
        As `compile_filter` gives it.
    cases_of
        Gives the cases of a derived property by its name.
    """
    parts: list[Query] = []
    derived: dict[str, Query] = {}
    for key, condition in query.items():
        if key in ("$and", "$or"):
            parts.append({key: [resolve(part, cases_of) for part in condition]})
        elif key.startswith(_PATH):
            derived.setdefault(key.split(".")[1], {})[key] = condition
        else:
            parts.append({key: condition})
    for name, conditions in derived.items():
        whole = f"{_PATH}{name}"
        holding = [
            case
            for case, value in cases_of(name)
            if all(_holds(condition, _part(value, key[len(whole) + 1 :])) for key, condition in conditions.items())
        ]
        parts.append(_any_of(holding))
    parts = [part for part in parts if part]
    return {"$and": parts} if len(parts) > 1 else (parts[0] if parts else {})


def periodicity_cases(property_name: str) -> list[Case]:
    """Cases of ``dimension_types`` and ``nperiodic_dimensions``: by the axes along which a structure repeats."""
    path = "structure.lattice.pbc"
    cases: list[Case] = [({path: None}, None)]
    for axes in product((True, False), repeat=3):
        types = [int(axis) for axis in axes]
        cases.append(({path: list(axes)}, types if property_name == "dimension_types" else sum(types)))
    return cases


def stoichiometry_cases(property_name: str, stored: Iterable[str]) -> list[Case]:
    """Cases of ``elements_ratios`` and ``chemical_formula_anonymous``, by the anonymous formulas that are `stored`."""
    by_value: dict[Any, list[str]] = {}
    for formula in stored:
        amounts = amounts_of(formula)
        if property_name == "elements_ratios":
            by_value.setdefault(tuple(amount / sum(amounts) for amount in amounts), []).append(formula)
        else:
            by_value.setdefault(anonymous(amounts), []).append(formula)
    return [
        ({"formula_anonymous": {"$in": formulas}}, list(value) if isinstance(value, tuple) else value)
        for value, formulas in by_value.items()
    ]


def symbol_cases(stored: Iterable[str]) -> list[Case]:
    """Cases of ``space_group_symbol_hermann_mauguin``, by the symbols that are `stored`."""
    return [({"space_group.symbol": symbol}, spaced_symbol(symbol)) for symbol in stored]


def spaced_symbol(symbol: str) -> str:
    """Hermann-Mauguin symbol as OPTIMADE writes it, its parts apart and without underscores.

    >>> spaced_symbol("P6_3/mmc")
    'P 63/m m c'
    """
    parts = re.findall(r"-?[0-9](?:_[0-9])?(?:/[a-z])?|[a-z]", symbol[1:])
    return " ".join([symbol[:1], *(part.replace("_", "") for part in parts)])


def amounts_of(formula: str) -> list[float]:
    """Amounts of the elements of an anonymous formula, descending."""
    return sorted((float(amount or 1) for amount in re.findall(r"[A-Z][a-z]?([0-9.]*)", formula)), reverse=True)


def anonymous(amounts: Sequence[float]) -> str | None:
    """Anonymous formula as OPTIMADE writes it, most atoms first; None where amounts are no whole numbers."""
    if any(amount != int(amount) for amount in amounts):
        return None
    names = [*(chr(ord("A") + i) for i in range(26)), *(f"{chr(ord('A') + i)}a" for i in range(26))]
    ordered = sorted(map(int, amounts), reverse=True)
    return "".join(f"{name}{n if n > 1 else ''}" for name, n in zip(names, ordered, strict=False))


def in_alphabetical_order(query: Query) -> Query:
    """Query that compares the reduced formula as OPTIMADE spells it where spelling matters: for less, and for parts."""
    made: Query = {}
    conditions: list[Query] = []
    for key, condition in query.items():
        if key in ("$and", "$or"):
            made[key] = [in_alphabetical_order(part) for part in condition]
        elif (
            key == "formula_reduced" and isinstance(condition, dict) and not condition.keys() <= {"$in", "$nin", "$ne"}
        ):
            conditions += _on_spelling(condition)
        else:
            made[key] = condition
    return {"$and": [*([made] if made else []), *conditions]} if conditions else made


_BY_EQUALITY: Final = {"$in", "$nin", "$ne"}


def _amount_as(capture: Query) -> Query:
    """Number that a regular expression has captured; one where there is none."""
    return {"$convert": {"input": {"$ifNull": [capture, ""]}, "to": "int", "onError": 1, "onNull": 1}}


_ALONE: Final = {"$concat": ["$$this", "(?![a-z])([0-9.]*)"]}
_IN_A_GROUP: Final = {"$concat": [r"\([^)]*", "$$this", r"(?![a-z])([0-9]*)[^)]*\)([0-9]*)"]}
_AMOUNT: Final[Query] = {
    "$let": {
        "vars": {
            "alone": {"$regexFind": {"input": "$formula_reduced", "regex": _ALONE}},
            "group": {"$regexFind": {"input": "$formula_reduced", "regex": _IN_A_GROUP}},
        },
        "in": {
            "$multiply": [
                _amount_as({"$first": "$$alone.captures"}),
                {"$cond": ["$$group", _amount_as({"$last": "$$group.captures"}), 1]},
            ]
        },
    }
}
"""Amount of an element in a reduced formula such as Mg(HO)2."""
_REDUCED: Final[Query] = {
    "$reduce": {
        "input": "$elements",
        "initialValue": "",
        "in": {
            "$let": {
                "vars": {"amount": _AMOUNT},
                "in": {
                    "$concat": [
                        "$$value",
                        "$$this",
                        {"$cond": [{"$gt": ["$$amount", 1]}, {"$toString": "$$amount"}, ""]},
                    ]
                },
            }
        },
    }
}
"""Reduced formula with its elements in alphabetical order, from one in any order."""


def _on_spelling(condition: Query) -> list[Query]:
    made: list[Query] = []
    for operator, value in condition.items():
        if operator == "$not":
            [turned] = _on_spelling(value)
            made.append({"$expr": {"$not": [turned["$expr"]]}})
        elif operator == "$regex":
            made.append({"$expr": {"$regexMatch": {"input": _REDUCED, "regex": value}}})
        elif operator in ("$gt", "$gte", "$lt", "$lte"):
            made.append({"$expr": {operator: [_REDUCED, {"$literal": value}]}})
        else:
            made.append({"formula_reduced": {operator: value}})
    return made


def _any_of(conditions: Sequence[Query]) -> Query:
    if not conditions:
        return _NOTHING
    if {} in conditions:
        return {}
    [*paths] = {tuple(condition) for condition in conditions}
    if len(paths) == 1 and len(paths[0]) == 1:
        [path] = paths[0]
        wanted = [_values(condition[path]) for condition in conditions]
        if all(values is not None for values in wanted):
            return {path: {"$in": [value for values in wanted for value in values or ()]}}
    return {"$or": list(conditions)}


def _values(condition: Any) -> list[Any] | None:
    """Values that a condition takes; None where it is another than to be one of some."""
    if not isinstance(condition, dict):
        return [condition]
    return list(condition["$in"]) if condition.keys() == {"$in"} else None


def _part(value: Any, path: str) -> Any:
    if not path:
        return value
    place = int(path)
    return value[place] if isinstance(value, list) and place < len(value) else _MISSING


_MISSING: Final = object()


def _holds(condition: Any, value: Any) -> bool:
    """Whether a value meets a condition as MongoDB would say, of those conditions that filters come to."""
    if not isinstance(condition, dict):
        return _equal(value, condition)
    return all(_meets(operator, operand, value) for operator, operand in condition.items())


def _meets(operator: str, operand: Any, value: Any) -> bool:
    members = value if isinstance(value, list) else [value]
    compared: Mapping[str, Callable[[Any, Any], bool]] = {
        "$lt": lambda a, b: a < b,
        "$lte": lambda a, b: a <= b,
        "$gt": lambda a, b: a > b,
        "$gte": lambda a, b: a >= b,
    }
    if operator in compared:
        return any(_same_kind(member, operand) and compared[operator](member, operand) for member in members)
    simple: Mapping[str, Callable[[], bool]] = {
        "$eq": lambda: _equal(value, operand),
        "$ne": lambda: not _equal(value, operand),
        "$in": lambda: any(_equal(value, wanted) for wanted in operand),
        "$nin": lambda: not any(_equal(value, wanted) for wanted in operand),
        "$all": lambda: all(_equal(value, wanted) for wanted in operand),
        "$not": lambda: not _holds(operand, value),
        "$size": lambda: isinstance(value, list) and len(value) == operand,
        "$exists": lambda: (value is not _MISSING) == operand,
        "$elemMatch": lambda: isinstance(value, list) and any(_holds(operand, member) for member in value),
        "$regex": lambda: any(isinstance(m, str) and bool(re.search(_python(operand), m)) for m in members),
    }
    return simple[operator]()


def _python(pattern: str) -> str:
    return re.sub(r"\\z$", r"\\Z", pattern)


def _same_kind(a: Any, b: Any) -> bool:
    return isinstance(a, str) == isinstance(b, str) and a is not None and a is not _MISSING


def _equal(value: Any, wanted: Any) -> bool:
    if wanted is None:
        return value is None or value is _MISSING
    return any(_one_equal(member, wanted) for member in (value if isinstance(value, list) else [value]))


def _one_equal(member: Any, wanted: Any) -> bool:
    if isinstance(member, float) and isinstance(wanted, int | float):
        return math.isclose(member, wanted, rel_tol=_SAME)
    return bool(member == wanted)
