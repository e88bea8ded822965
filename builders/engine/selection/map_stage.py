"""Stages that take one document at a time: whatever changed in what they read is due, by revision."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Any, ClassVar

from ....stores.bookkeeping import failures, revisions, stage_states
from ....stores.documents import RegistryDocument
from ..batches import Batch, Doc, Item
from ..channels import Channel
from ..stage import Stage
from . import labels

_Interval = tuple[str, int, int]
"""Facet, and revisions ``(after, up to]``."""
_WIDEST = 200_000
"""Revisions that are searched at once for the few documents that fill a batch: half a second of the server."""


class MapStage(Stage):
    """Selects the documents of one collection whose read facets have changed.

    A document that changed and no longer meets the criteria is withdrawn: what was made from it is deprecated.
    A subclass may override `qualifies`, `counts` and `items_of` beside what the contract names.
    """

    source: ClassVar[type[RegistryDocument]]
    """The collection it reads."""
    facets: ClassVar[tuple[str, ...]]
    """The facets of it that `process` looks at; a change of another facet makes nothing due."""
    fields: ClassVar[tuple[str, ...]]
    """The fields `process` needs."""
    criteria: ClassVar[Doc] = {}
    """Which documents qualify beside being current (MongoDB query on the fields of the read facets)."""

    def __init__(self, *, share: Doc | None = None) -> None:
        self._reached: dict[str, int] = {}
        super().__init__(share=share)

    # What a subclass may override

    def qualifies(self) -> Doc:
        """Query for the documents it takes."""
        return {"deprecated": False, **labels.translated(self.criteria, self.paths)}

    def counts(self) -> Doc | None:
        """Query for the documents that fill a batch and are counted as due; None: all that changed, by index alone."""
        return None

    def items_of(self, query: Doc) -> list[Item]:
        """Items of the documents that meet a query and qualify, by key."""
        key = self.source.KEY
        name = self.source.collection_name()
        projection = {"_id": 0, key: 1, "content_hash": 1, **labels.projected(self.fields, self.paths)}
        documents = self.collection.find({"$and": [query, self.qualifies()]}, projection, batch_size=self.size + 1)
        items = []
        for doc in documents.to_list():
            digest = doc.pop("content_hash")
            labels.flattened(doc, self.paths)
            items.append(Item(doc[key], doc, [{"collection": name, "id": doc[key], "hash": digest}]))
        items.sort(key=lambda item: item.key)
        return items

    # The contract

    @property
    def selects_ahead(self) -> bool:  # type: ignore[override]  # known by the class
        """Whether it writes elsewhere than it reads."""
        return self.source not in self.writes

    def reads(self) -> tuple[Channel, ...]:
        """Channels of the facets it reads."""
        return tuple(Channel(self.source.collection_name(), facet) for facet in self.facets)

    def consumed(self) -> dict[str, tuple[int, int]]:
        """Nothing: its batches note what they take care of."""
        return {}

    def select(self) -> Iterator[Batch]:
        """Yield what changed, oldest change first, then what failed before and may be tried again."""
        self.total = 0
        while intervals := self._intervals():
            self.total += self._number(intervals)
            seen: dict[str, tuple[int, int]] = {}
            for facet, low, high in intervals:
                yield from self._windows(facet, low, high, seen)
                first = seen.get(facet, (low, high))
                seen[facet] = (min(first[0], low), max(first[1], high))
                self._reached[self._channel(facet)] = high
            if self.share is not None or self.source not in self.writes:
                break  # a stage that writes where it reads looks at its own writes too, to be done with them
        if self.share is None or self.share.get("retries"):
            yield from self._retries()

    # Selection by revision

    @cached_property
    def paths(self) -> dict[str, str]:
        """Where fields of labelled facets are kept."""
        return self.source.paths_of(self.facets)

    @property
    def collection(self) -> Any:
        """The collection it reads."""
        return self.db.database[self.source.collection_name()]

    def _channel(self, facet: str) -> str:
        return revisions.channel(self.source.collection_name(), facet)

    def _intervals(self) -> list[_Interval]:
        if self.share is not None:
            return [(facet, low, high) for facet, low, high in self.share["intervals"]]
        name = self.source.collection_name()
        changes = revisions.last_changes(self.db.database, [name])
        intervals = []
        for facet in self.facets:
            channel = self._channel(facet)
            high = changes.get(channel, changes.get(name, 0))
            consumed = max(self.state["consumed"].get(channel, 0), self._reached.get(channel, 0))
            ahead = self.state["ahead"].get(channel, [])
            intervals += [(facet, low, up_to) for low, up_to in stage_states.gaps(consumed, ahead, high)]
        return intervals

    def number_due(self) -> int:
        """Number of documents that a run would take, each counted once; the state has been read."""
        return self._number(self._intervals())

    def _number(self, intervals: list[_Interval]) -> int:
        if (chosen := self.counts()) is not None:
            windows = [_window(facet, low, high) for facet, low, high in intervals]
            return int(self.collection.count_documents({"$or": windows, **chosen})) if windows else 0
        number = 0
        counted: list[Doc] = []
        for facet, low, high in intervals:
            window = _window(facet, low, high)
            number += int(self.collection.count_documents({**window, **({"$nor": counted} if counted else {})}))
            counted.append(window)
        return number

    def _windows(self, facet: str, low: int, high: int, seen: dict[str, tuple[int, int]]) -> Iterator[Batch]:
        rev = f"facets.{facet}.rev"
        key = self.source.KEY
        channel = self._channel(facet)
        # What changed in an earlier facet too was already taken, as it is now, from that facet's windows.
        taken = [_window(other, *interval) for other, interval in seen.items() if other != facet]
        untaken: Doc = {"$nor": taken} if taken else {}
        made = self._made_before()
        fills = self.counts()
        if fills is None and made is not None:
            fills = {"$or": [self.qualifies(), made]} if made else self.qualifies()
        while low < high:
            most = high if fills is None else min(high, low + _WIDEST)
            window = {"$and": [_window(facet, low, most), fills or {}, untaken]}
            last = list(self.collection.find(window, {"_id": 0, rev: 1}).sort(rev, 1).skip(self.size - 1).limit(1))
            up_to = int(last[0]["facets"][facet]["rev"]) if last else most
            batch = Batch(0, [], intervals={channel: (low, up_to)})
            window = _window(facet, low, up_to)
            batch.items = self.items_of({**window, **untaken})
            if made != {}:
                others = {**window, **(made or {}), "$nor": [self.qualifies()]}
                changed = self.collection.find(others, {"_id": 0, key: 1, "deprecated": 1})
                batch.withdrawn = {doc[key]: self._why_withdrawn(doc) for doc in changed}
            yield batch
            low = up_to

    def _made_before(self) -> Doc | None:
        """Query for what something was made of that has to go where it no longer qualifies.

        Empty where nothing has to; None where that may be any document.
        """
        if self.current_run.first_time:
            return {}
        if failures.known(self.db, self.name):
            return None  # what failed and no longer qualifies has no more to be tried
        own = self.writes.get(self.source)
        if self.orphans == "by key" and own is not None:
            return {f"facets.{own}": {"$exists": True}}
        creates = any(facet == document.creating_facet() for document, facet in self.writes.items())
        return None if self.orphans == "by key" or (self.orphans == "by origin" and creates) else {}

    def _why_withdrawn(self, doc: Doc) -> str:
        name = f"{self.source.collection_name()} {doc[self.source.KEY]}"
        return f"{name} is deprecated" if doc.get("deprecated") else f"{name} no longer qualifies for {self.name}"

    def _retries(self) -> Iterator[Batch]:
        due = failures.due(self.db, self.name)
        for start in range(0, len(due), self.size):
            keys = due[start : start + self.size]
            items = self.items_of({self.source.KEY: {"$in": keys}})
            gone = set(keys) - {item.key for item in items}
            yield Batch(0, items, withdrawn=dict.fromkeys(gone, f"no longer qualifies for {self.name}"))

    def shares(self, number_splits: int) -> list[Doc]:
        """Divide the revisions that are due into stretches of about the same number of documents."""
        shares: list[Doc] = []
        for facet, low, high in self._intervals():
            self.goal[self._channel(facet)] = high
            rev = f"facets.{facet}.rev"
            count = int(self.collection.count_documents(_window(facet, low, high)))
            step = max(1, -(-count // number_splits))
            for start in range(0, count, step):
                later = self.collection.find(_window(facet, low, high), {"_id": 0, rev: 1})
                last = list(later.sort(rev, 1).skip(step - 1).limit(1))
                up_to = int(last[0]["facets"][facet]["rev"]) if last and start + step < count else high
                shares.append({"intervals": [[facet, low, up_to]]})
                low = up_to
            if not count:
                shares.append({"intervals": [[facet, low, high]]})
        if shares:
            shares[0]["retries"] = True
        return shares


def _window(facet: str, low: int, high: int) -> Doc:
    return {f"facets.{facet}.rev": {"$gt": low, "$lte": high}}
