"""Stages that take one document at a time: whatever changed in what they read is due, by revision."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

from ...stores.bookkeeping import failures, revisions, stage_states
from ...stores.documents import RegistryDocument
from .batches import Batch, Doc, Item
from .stage import Stage


class MapStage(Stage):
    """Selects the documents of one collection whose read facets have changed.

    A document that changed and no longer meets the criteria is withdrawn: what was made from it is deprecated.
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

    @property
    def selects_ahead(self) -> bool:  # type: ignore[override]  # known by the class
        """Whether it writes elsewhere than it reads."""
        return self.source not in self.writes

    def reads_collections(self) -> list[str]:
        """Give the collection it reads."""
        return [self.source.collection_name()]

    @property
    def _collection(self) -> Any:
        return self.db.database[self.source.collection_name()]

    def channel(self, facet: str) -> str:
        """Name the count of revisions of one facet in the stage's state."""
        return f"{self.source.collection_name()}:{facet}"

    def select(self) -> Iterator[Batch]:
        """Give what changed, oldest change first, then what failed before and may be tried again."""
        self.total = 0
        while intervals := self._intervals():
            self.total += self._number(intervals)
            seen: dict[str, tuple[int, int]] = {}
            for facet, low, high in intervals:
                yield from self._windows(facet, low, high, seen)
                first = seen.get(facet, (low, high))
                seen[facet] = (min(first[0], low), max(first[1], high))
                self._reached[self.channel(facet)] = high
            if self.share is not None or self.source not in self.writes:
                break  # a stage that writes where it reads looks at its own writes too, to be done with them
        if self.share is None or self.share.get("retries"):
            yield from self._retries()

    def _intervals(self) -> list[tuple[str, int, int]]:
        if self.share is not None:
            return [(facet, low, high) for facet, low, high in self.share["intervals"]]
        high = revisions.current(self.db.database, self.source.collection_name())
        result = []
        for facet in self.facets:
            channel = self.channel(facet)
            consumed = max(self.state["consumed"].get(channel, 0), self._reached.get(channel, 0))
            ahead = self.state["ahead"].get(channel, [])
            result += [(facet, low, up_to) for low, up_to in stage_states.gaps(consumed, ahead, high)]
        return result

    def _number(self, intervals: list[tuple[str, int, int]]) -> int:
        """Count the documents of all intervals, those in several of them once."""
        number = 0
        counted: list[Doc] = []
        for facet, low, high in intervals:
            number += self._count(facet, low, high, counted)
            counted.append({f"facets.{facet}.rev": {"$gt": low, "$lte": high}})
        return number

    def _count(self, facet: str, low: int, high: int, counted: list[Doc] | None = None) -> int:
        window: Doc = {f"facets.{facet}.rev": {"$gt": low, "$lte": high}}
        return int(self._collection.count_documents({**window, **({"$nor": counted} if counted else {})}))

    def _windows(self, facet: str, low: int, high: int, seen: dict[str, tuple[int, int]]) -> Iterator[Batch]:
        rev = f"facets.{facet}.rev"
        key = self.source.KEY
        channel = self.channel(facet)
        # What changed in an earlier facet too was already taken, as it is now, from that facet's windows.
        taken = [{f"facets.{other}.rev": {"$gt": a, "$lte": b}} for other, (a, b) in seen.items() if other != facet]
        while low < high:
            window: Doc = {rev: {"$gt": low, "$lte": high}, **self.counted_in_batches()}
            last = list(self._collection.find(window, {"_id": 0, rev: 1}).sort(rev, 1).skip(self.size - 1).limit(1))
            up_to = int(last[0]["facets"][facet]["rev"]) if last else high
            batch = Batch(0, [], intervals={channel: (low, up_to)})
            window = {rev: {"$gt": low, "$lte": up_to}}
            batch.items = self._load({**window, **({"$nor": taken} if taken else {})})
            if not self.first_time:
                others = {**window, "$nor": [self._qualifies()]}
                changed = self._collection.find(others, {"_id": 0, key: 1, "deprecated": 1})
                batch.withdrawn = {doc[key]: self._why_withdrawn(doc) for doc in changed}
            yield batch
            low = up_to

    def counted_in_batches(self) -> Doc:
        """Give which documents count towards the size of a batch: by default all that changed, by the index alone."""
        return {}

    def _why_withdrawn(self, doc: Doc) -> str:
        name = f"{self.source.collection_name()} {doc[self.source.KEY]}"
        return f"{name} is deprecated" if doc.get("deprecated") else f"{name} no longer qualifies for {self.name}"

    def _qualifies(self) -> Doc:
        return {"deprecated": False, **self.criteria}

    def _load(self, query: Doc) -> list[Item]:
        key = self.source.KEY
        projection = {"_id": 0, key: 1, "content_hash": 1, **dict.fromkeys(self.fields, 1)}
        name = self.source.collection_name()
        items = []
        found = self._collection.find({"$and": [query, self._qualifies()]}, projection, batch_size=self.size + 1)
        for doc in found.to_list():
            digest = doc.pop("content_hash")
            items.append(Item(doc[key], doc, [{"collection": name, "id": doc[key], "hash": digest}]))
        items.sort(key=lambda item: item.key)
        return items

    def _retries(self) -> Iterator[Batch]:
        due = failures.due(self.db, self.name)
        for start in range(0, len(due), self.size):
            keys = due[start : start + self.size]
            items = self._load({self.source.KEY: {"$in": keys}})
            gone = set(keys) - {item.key for item in items}
            yield Batch(0, items, withdrawn=dict.fromkeys(gone, f"no longer qualifies for {self.name}"))

    def shares(self, number_splits: int) -> list[Doc]:
        """Divide the revisions that are due into stretches of about the same number of documents."""
        shares: list[Doc] = []
        for facet, low, high in self._intervals():
            self.goal[self.channel(facet)] = high
            rev = f"facets.{facet}.rev"
            count = self._count(facet, low, high)
            step = max(1, -(-count // number_splits))
            for start in range(0, count, step):
                last = list(
                    self._collection.find({rev: {"$gt": low, "$lte": high}}, {"_id": 0, rev: 1})
                    .sort(rev, 1)
                    .skip(step - 1)
                    .limit(1)
                )
                up_to = int(last[0]["facets"][facet]["rev"]) if last and start + step < count else high
                shares.append({"intervals": [[facet, low, up_to]]})
                low = up_to
            if not count:
                shares.append({"intervals": [[facet, low, high]]})
        if shares:
            shares[0]["retries"] = True
        return shares
