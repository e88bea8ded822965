"""What passes through a stage: items in batches, and what became of each item.

Everything here can be pickled, because batches travel to worker processes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ...stores.bookkeeping.failures import Failure
from ...stores.bookkeeping.quarantine import Refused
from ...stores.writes.written import Written

Doc = dict[str, Any]
Documents = dict[str, list[Doc]]
"""Documents to write, by the name of their collection.

Beside its fields a document may name further ``origins``, and in ``made_of`` the ids of those of the item's origins
that it was made of, where that is not all of them.
"""

Outcome = Documents | Failure | Refused
"""What became of an item: documents (none is an answer too), a failure to try again, or bad input."""


@dataclass(slots=True)
class Item:
    """One thing to process.

    Attributes
    ----------
    key
        Names it among all items of its stage: the key of a document, of a group, or the place in a file.
    content
        What `process` works on.
    origins
        Where the content comes from, kept with every document made from it.
    """

    key: str
    content: Any
    origins: list[Doc] = field(default_factory=list)
    _places: dict[str, list[int]] = field(default_factory=dict, init=False, repr=False, compare=False)

    def origins_of(self, ids: Iterable[str]) -> list[Doc]:
        """Those of its origins that have one of these ids, in their order; quick where there are thousands."""
        if not self._places:
            for place, origin in enumerate(self.origins):
                self._places.setdefault(origin["id"], []).append(place)
        return [self.origins[place] for place in sorted({place for key in ids for place in self._places.get(key, ())})]


@dataclass(slots=True)
class Batch:
    """Items that are processed and written together.

    Attributes
    ----------
    ordinal
        Place in the order of selection, from 0.
    items
        The items.
    intervals
        By channel, the interval ``(after, up to]`` of revisions that is taken care of once the batch is written.
    mark
        Where the stage stands once this batch and all before it are written; what it holds is the stage's own.
    withdrawn
        Items that are no longer to be processed, with the reason; what was made from them is deprecated.
    outcomes
        As many as items, in their order; empty until processed.
    prepared
        The outcomes as they will be written, once they were checked and hashed.
    followed
        Whether fused stages work on what is made of this batch.
    """

    ordinal: int
    items: list[Item]
    intervals: dict[str, tuple[int, int]] = field(default_factory=dict)
    mark: Doc | None = None
    withdrawn: Mapping[str, str] = field(default_factory=dict)
    outcomes: list[Outcome] = field(default_factory=list)
    prepared: Prepared | None = None
    followed: bool = True


@dataclass(slots=True)
class Prepared:
    """Outcomes of a batch sorted by what is to be done with them; the documents by collection."""

    documents: dict[str, list[Written]]
    went_well: list[Item] = field(default_factory=list)
    failed: dict[str, Failure] = field(default_factory=dict)
    refused: list[Refused] = field(default_factory=list)


__all__ = ["Batch", "Documents", "Failure", "Item", "Outcome", "Prepared", "Refused"]
