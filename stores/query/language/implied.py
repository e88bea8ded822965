"""Conditions that follow from others and have an index.

Sets of elements are chemical systems: a document with elements has its system beside them, and one that has none is
left to the other conditions. The candidates of a campaign are a range of keys.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import combinations
from typing import Any, Final

from .fields import Fields

Doc = dict[str, Any]
_MOST_ELEMENTS: Final = 7
"""The server merges at most 200 ranges of an index in the order of the next field; seven elements have 127 sets."""


def implied(parts: Sequence[Doc], fields: Fields) -> Iterator[Doc]:
    """Conditions that follow from conditions that hold together.

    Parameters
    ----------
    parts
        MongoDB queries, as `compile_filter` and `conditions` make them.
    fields
        The collection they are put to.
    """
    flat = list(_flat(parts))
    for part in flat:
        campaign = part.get("campaign", {})
        if fields.key == "candidate_id" and isinstance(campaign, dict) and isinstance(name := campaign.get("$eq"), str):
            yield {"candidate_id": {"$gte": f"{name}/", "$lt": f"{name}0"}}  # 0 is the next letter after /
    if "chemsys" not in fields.by_path:
        return
    counts = [number["$eq"] for part in flat if isinstance(number := part.get("nelements"), dict) and "$eq" in number]
    for part in flat:
        condition = part.get("elements")
        if not isinstance(condition, dict):
            continue
        only = condition.get("$not", {}).get("$elemMatch", {}).get("$nin")
        if only and len(set(only)) <= _MOST_ELEMENTS:
            symbols = sorted(set(only))
            sizes = [size for size in range(1, len(symbols) + 1) if not counts or size in counts]
            yield _systems("-".join(some) for size in sizes for some in combinations(symbols, size))
        every = set(condition.get("$all") or ())
        if every and len(every) in counts:
            yield _systems(["-".join(sorted(every))])


def known_for_certain(parts: Sequence[Doc], path: str) -> bool:
    """Whether conditions that hold together can't be met without a value at a path."""
    for part in _flat(parts):
        condition = part.get(path)
        if isinstance(condition, dict) and any(
            condition.get(operator) is not None for operator in ("$eq", "$gt", "$gte", "$lt", "$lte", "$regex")
        ):
            return True
    return False


def _systems(names: Iterable[str]) -> Doc:
    return {"chemsys": {"$in": [*names, None]}}


def _flat(parts: Sequence[Doc]) -> Iterator[Doc]:
    for part in parts:
        yield part
        yield from _flat(part.get("$and", ()))
