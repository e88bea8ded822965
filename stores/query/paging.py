"""An order of documents taken apart into scans of indexes, from the beginning or from behind a document.

MongoDB puts what has no value first and knows no intervals, so what it gives is put together: each scan is in the order
of an index, scans follow one another, and those of one step are merged. No page costs more than the first one.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from .fields import Field, value_at

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
    """Paths of what makes that place: the worse end, the value, the key."""
    (by, direction), (key, _) = order
    return [by.high if direction > 0 else by.low, by.path, key.path]


def merged(rows: Sequence[Iterable[Doc]], order: Order) -> Iterator[Doc]:
    """Documents of rows that are each in the order of an interval, in that order: whole, or with their `PLACE`."""
    direction, paths = order[0][1], place_of(order)

    def place(document: Doc) -> tuple[Any, ...]:
        end, value, key = document.pop(PLACE, None) or (value_at(document, path) for path in paths)
        return (direction * (value if end is None else end), direction * value, key)

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

    Among equal ends the value decides, then the key.
    """
    end, other = (by.high, by.low) if direction > 0 else (by.low, by.high)
    known: Doc = {by.path: {"$ne": None}}
    by_value, by_key = [(by.path, direction), (key, 1)], [(key, 1)]
    exact: Doc = {end: None, other: None}
    is_open: Doc = {end: None, other: {"$ne": None}}
    by_end = [(end, direction), *by_value]
    unknown = Scan({by.path: None}, by_key)
    if after is None:
        return [
            [[Scan({**exact, **known}, by_value)], [Scan({end: {"$ne": None}, **known}, by_end)]],
            [[Scan({**is_open, **known}, by_value)]],
            [[unknown]],
        ]
    value, its_end, its_key = value_at(after, by.path), value_at(after, end), {key: {"$gt": value_at(after, key)}}
    if value is None:
        return [[[Scan({by.path: None, **its_key}, by_key)]]]
    further = {by.path: _beyond(direction, value)}
    if its_end is None and value_at(after, other) is not None:
        row = [{by.path: value, **its_key}, further]
        return [[[Scan({**is_open, **condition}, by_value) for condition in row]], [[unknown]]]
    worst = value if its_end is None else its_end
    passed = (worst - value) * direction
    among_exact = [{by.path: value, **its_key}] if passed == 0 else []
    among_exact.append({by.path: _beyond(direction, worst, same=passed > 0)})
    among_ends = [{end: worst, by.path: value, **its_key}, {end: worst, **further}]
    among_ends.append({end: _beyond(direction, worst), **known})
    return [
        [
            [Scan({**exact, **condition}, by_value) for condition in among_exact],
            [Scan(condition, by_end) for condition in among_ends],
        ],
        [[Scan({**is_open, **known}, by_value)]],
        [[unknown]],
    ]
