"""An order of documents taken apart into scans of indexes, from the beginning or from behind a document.

MongoDB puts what has no value first and knows no intervals, so what it gives is put together: each scan is in the order
of an index, scans follow one another, and those of one step are merged. No page costs more than the first one.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import inf
from typing import Any, Final

from .language.fields import Field, value_at

Doc = dict[str, Any]
Order = Sequence[tuple[Field, int]]
"""Fields and directions (1 or -1); the key of the collection is the last."""


@dataclass(frozen=True, slots=True)
class Scan:
    """Documents that meet a condition, in an order that an index may have."""

    condition: Doc
    sort: list[tuple[str, int]]


Step = list[list[Scan]]
"""Rows of scans: those of a row one after another, the rows merged."""


def has_steps(order: Order) -> bool:
    """Whether scans can be put together to this order: where nothing but the first field may miss or be an interval."""
    first, *others = order
    if first[0].kind == "any" or any(by.kind == "any" or by.low for by, _ in others):
        return False
    if first[0].low:  # merged by the key of what is read, in its own order
        return [direction for _, direction in others] == [1]
    return not any(direction > 0 and _optional(by) for by, direction in others[:-1])


def steps(order: Order, after: Mapping[str, Any] | None) -> list[Step]:
    """Steps to all documents, or to those behind one.

    Parameters
    ----------
    order
        One for which `has_steps` holds.
    after
        The document behind which to begin.
    """
    if len(order) == 2 and order[0][0].low:
        return _of_interval(order[0][0], order[0][1], order[1][0].path, after)
    return [[[scan]] for scan in _scans(order, after)]


PLACE: Final = "_place_"
"""Field that brings the place of a document in the order of an interval, where parts of documents are merged."""


def place_of(order: Order) -> list[str]:
    """Paths of what makes that place: the worse end, the other, the value, the key."""
    (by, direction), (key, _) = order
    return [*ends_of(by, direction), by.path, key.path]


def merged(rows: Sequence[Iterable[Doc]], order: Order) -> Iterator[Doc]:
    """Documents of rows that are each in the order of an interval, in that order: whole, or with their `PLACE`."""
    direction, paths = order[0][1], place_of(order)

    def place(document: Doc) -> tuple[Any, ...]:
        *numbers, key = document.pop(PLACE, None) or (value_at(document, path) for path in paths)
        return (*_place(direction, *numbers), key)

    return heapq.merge(*rows, key=place)


def _optional(by: Field) -> bool:
    return not by.required


def _scans(order: Order, after: Mapping[str, Any] | None) -> Iterator[Scan]:
    sort = [(by.path, direction) for by, direction in order]
    key = order[-1][0].path
    if after is None:
        first, _ = order[0]
        if first.path == key or not _optional(first):
            yield Scan({}, sort)
            return
        yield Scan({first.path: {"$ne": None}}, sort)
        yield Scan({first.path: None}, sort[1:])
        return
    same: list[Doc] = [{}]
    for by, _ in order[:-1]:
        same.append({**same[-1], by.path: value_at(after, by.path)})
    for i, (by, direction) in reversed(list(enumerate(order))):
        value = value_at(after, by.path)
        if value is None:
            continue  # it is among the last of these
        yield Scan({**same[i], by.path: _beyond(direction, value)}, sort[i:])
        if by.path != key and _optional(by):
            yield Scan({**same[i], by.path: None}, sort[i + 1 :])


def _beyond(direction: int, value: Any, *, same: bool = False) -> Doc:
    return {("$gt" if direction > 0 else "$lt") + ("e" if same else ""): value}


def _of_interval(by: Field, direction: int, key: str, after: Mapping[str, Any] | None) -> list[Step]:
    """Steps by the end of an interval that is the worse: what is exact and what has that end, then what is open there.

    Among equal ends the other end decides, then the value, then the key.
    """
    end, other = ends_of(by, direction)
    value, its_key = {by.path: {"$ne": None}}, (key, 1)
    # One index, of the worse end, the other, the value and the key, has all four orders.
    by_key, by_value = [its_key], [(by.path, direction), its_key]
    by_other = [(other, direction), *by_value]
    by_end = [(end, direction), *by_other]
    exact, is_open = {end: None, other: None}, {end: None}
    unknown = Scan({by.path: None}, by_key)
    if after is None:
        return [
            [[Scan({**exact, **value}, by_value)], [Scan({end: {"$ne": None}, **value}, by_end)]],
            [[Scan({**is_open, other: {"$ne": None}, **value}, by_other)]],
            [[unknown]],
        ]
    x, worst, second = (value_at(after, path) for path in (by.path, end, other))
    behind_key = {key: {"$gt": value_at(after, key)}}
    if x is None:
        return [[[Scan({by.path: None, **behind_key}, by_key)]]]
    same, further = {by.path: x, **behind_key}, {by.path: _beyond(direction, x)}
    if worst is None and second is not None:
        behind = ({other: second, **same}, {other: second, **further}, {other: _beyond(direction, second), **value})
        return [[[Scan({**is_open, **condition}, by_other) for condition in behind]], [[unknown]]]
    is_exact = worst is None
    worst, second = (x, x) if is_exact else (worst, second)
    among_ends: list[Doc] = [
        {end: worst, other: second, **same},
        {end: worst, other: second, **further},
        {end: worst, **_beyond_other(other, direction, second), **value},
        {end: _beyond(direction, worst), **value},
    ]
    place, here = _place(direction, worst, second, x), _place(direction, worst, worst, worst)
    among_exact: list[Doc] = []
    if here >= place:
        among_exact = [{by.path: worst, **(behind_key if here == place else {})}]
    among_exact.append({by.path: _beyond(direction, worst)})
    return [
        [
            [Scan({**exact, **condition}, by_value) for condition in among_exact],
            [Scan(condition, by_end) for condition in among_ends],
        ],
        [[Scan({**is_open, other: {"$ne": None}, **value}, by_other)]],
        [[unknown]],
    ]


def ends_of(by: Field, direction: int) -> tuple[str, str]:
    """Worse end in an order, and the other."""
    return (by.high, by.low) if direction > 0 else (by.low, by.high)


def _place(direction: int, end: float | None, other: float | None, value: float) -> tuple[float, float, float]:
    """Numbers that stand in the order of the documents; no end at all is the value, one that is open is the least."""
    if end is None:
        end = other = value
    return (direction * end, -inf * direction if other is None else direction * other, direction * value)


def _beyond_other(path: str, direction: int, value: float | None) -> Doc:
    """What is behind a value, where none is the least of all."""
    if value is None:
        return {path: {"$ne": None}} if direction > 0 else {path: {"$in": []}}
    if direction > 0:
        return {path: {"$gt": value}}
    return {"$or": [{path: {"$lt": value}}, {path: None}]}
