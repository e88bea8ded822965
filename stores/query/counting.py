"""How many documents there are: exactly as far as counting is quick, from a sample beyond."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import floor, log10, sqrt
from typing import Any, Final

from pymongo.collection import Collection
from pymongo.errors import ExecutionTimeout

Doc = dict[str, Any]

EXACT_TO: Final = 10_000
"""Up to so many are counted."""
SAMPLE: Final = 1_000
"""Documents that are drawn to estimate a share. One of a half comes out within 3 % (standard deviation), one of a
hundredth within a third: the number is told with two digits."""
_SMALL: Final = 40_000
"""A collection of so few is counted, since a sample costs as much."""
_FIRST: Final = 100
"""Matches that are soon counted: no fewer are told where there is no time to count on."""
_CERTAIN: Final = 4.0
"""Standard deviations of a number that a sample tells, beyond which there surely are more than are counted."""
_FEW: Final = 10
"""Matches in a sample from which nothing is estimated: it would be off by a third, and often by more."""


@dataclass(frozen=True, slots=True)
class Count:
    """A number of documents, whether it was counted, and whether that is merely how far it was counted."""

    number: int
    exact: bool
    least: bool = False

    @property
    def mark(self) -> str:
        """What stands before the number: ``~`` where it is estimated, ``>`` where there are more."""
        return "" if self.exact else ">" if self.least else "~"


def draw(collection: Collection[Doc], *, time_ms: int) -> list[Any]:
    """Keys of some documents at random: `SAMPLE` of them, none of a small collection; for whoever counts often."""
    if collection.estimated_document_count() <= _SMALL:
        return []
    drawn: list[Doc] = [{"$sample": {"size": SAMPLE}}, {"$project": {"_id": 1}}]
    return [document["_id"] for document in collection.aggregate(drawn, maxTimeMS=time_ms)]


def count_quickly(
    collection: Collection[Doc],
    query: Doc,
    *,
    time_ms: int,
    patience_ms: int | None = None,
    sample: Sequence[Any] = (),
) -> Count:
    """Count the documents that meet a query, or estimate how many beyond `EXACT_TO`.

    Parameters
    ----------
    collection, query
        What is counted.
    time_ms
        Time that the server has for it, ms.
    patience_ms
        Time after which it is estimated, too, ms; counting goes on without. Of what too few documents meet to be
        estimated is told that there are more than a hundred.
    sample
        Keys that were drawn a moment ago (`draw`): where these say for certain that there are more than `EXACT_TO`,
        nothing is counted, and no others are drawn.

    Raises
    ------
    ExecutionTimeout
        The time is over.
    """
    total = collection.estimated_document_count()
    if query == {"deprecated": False}:
        return Count(total - collection.count_documents({"deprecated": True}, maxTimeMS=time_ms), exact=True)
    if not query:
        return Count(total, exact=True)
    if total <= _SMALL:
        return Count(collection.count_documents(query, maxTimeMS=time_ms), exact=True)
    size, matching = len(sample), 0
    if sample:
        matching = collection.count_documents({"$and": [{"_id": {"$in": list(sample)}}, query]}, maxTimeMS=time_ms)
        if (matching - _CERTAIN * sqrt(matching)) * total > EXACT_TO * size:
            return Count(_rounded(total * matching / size), exact=False)
    least = EXACT_TO + 1
    try:
        number = collection.count_documents(query, limit=EXACT_TO + 1, maxTimeMS=patience_ms or time_ms)
        if number <= EXACT_TO:
            return Count(number, exact=True)
    except ExecutionTimeout:
        if patience_ms is None:
            raise
        least = collection.count_documents(query, limit=_FIRST + 1, maxTimeMS=time_ms)
        if least <= _FIRST:
            return Count(least, exact=True)
    if not sample:
        size = min(SAMPLE, total)
        drawn: list[Doc] = [{"$sample": {"size": size}}, {"$match": query}, {"$count": "n"}]
        matching = sum(counted["n"] for counted in collection.aggregate(drawn, maxTimeMS=time_ms))
    if least <= EXACT_TO and matching < _FEW:
        return Count(_FIRST, exact=False, least=True)
    return Count(max(_rounded(least), _rounded(total * matching / size)), exact=False)


def _rounded(number: float) -> int:
    """Two digits, which is what a sample can tell."""
    return int(round(number, 1 - floor(log10(number)))) if number >= 1 else 0
