"""Stages that take groups of documents: a change of any member makes its whole group due."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, ClassVar

from pymongo.client_session import ClientSession
from pymongo.read_concern import ReadConcern

from ...stores.bookkeeping import failures, revisions, stage_states
from ...stores.documents import RegistryDocument
from .batches import Batch, Doc, Item
from .stage import Stage


@dataclass(frozen=True)
class Members:
    """A collection that gives members to groups.

    Parameters
    ----------
    document
        The collection.
    group_field
        Field that holds the name of the group.
    facets
        Facets whose change makes the group due; none for members that are only looked at.
    fields
        Fields `process` needs.
    criteria
        Which documents are members, beside being current.
    """

    document: type[RegistryDocument]
    group_field: str
    facets: tuple[str, ...]
    fields: tuple[str, ...]
    criteria: Doc = field(default_factory=dict)

    @property
    def collection(self) -> str:
        """Name of the collection."""
        return self.document.collection_name()


class GroupStage(Stage):
    """Selects groups of which a member changed, and gives each whole: by collection, the members' documents."""

    members: ClassVar[tuple[Members, ...]]
    """Where the members of a group come from."""
    groups_per_batch: ClassVar[int] = 200
    notes_group = True

    def reads_collections(self) -> list[str]:
        """Give the collections the members come from."""
        return [members.collection for members in self.sources_of_members()]

    def sources_of_members(self) -> tuple[Members, ...]:
        """Give where members come from; override where it depends on the arguments."""
        return self.members

    def groups_of(self, changed: set[str]) -> list[str]:
        """Give the groups that are due when these have changed members; a hull adds the systems around them."""
        return sorted(changed)

    def select(self) -> Iterator[Batch]:
        """Give the due groups in the order of their names, so that a pass can be resumed, then what failed before."""
        if self.share is not None:
            groups = self.share["groups"]
            self._closing: dict[str, tuple[int, int]] = {}
        else:
            groups = self._due_groups()
        self.total = len(groups)
        for start in range(0, len(groups), self.groups_per_batch):
            names = groups[start : start + self.groups_per_batch]
            mark = None if self.share is not None else {"high": self._high, "after": names[-1]}
            yield self._batch(names, mark)
        if self.share is None or self.share.get("retries"):
            due = sorted(set(failures.due(self.db, self.name)) - set(groups))
            for start in range(0, len(due), self.groups_per_batch):
                yield self._batch(due[start : start + self.groups_per_batch], None)

    def _due_groups(self) -> list[str]:
        partial = self.state.get("partial") or {}
        self._high = partial.get("high") or {
            source.collection: revisions.current(self.db.database, source.collection)
            for source in self.sources_of_members()
        }
        self._closing = {}
        changed: set[str] = set()
        for source in self.sources_of_members():
            high = int(self._high.get(source.collection, 0))
            for facet in source.facets:
                channel = f"{source.collection}:{facet}"
                low = int(self.state["consumed"].get(channel, 0))
                if low < high:
                    self._closing[channel] = (low, high)
                    changed |= self._changed_groups(source, facet, low, high)
        after = partial.get("after")
        return [group for group in self.groups_of(changed) if after is None or group > after]

    def _consistent(self, source: Members) -> Any:
        # At one moment: a member that is rewritten meanwhile is met once, as it was or as it is.
        return self.db.database.get_collection(source.collection, read_concern=ReadConcern("snapshot"))

    def _changed_groups(self, source: Members, facet: str, low: int, high: int) -> set[str]:
        collection = self._consistent(source)
        query: Doc = {f"facets.{facet}.rev": {"$gt": low, "$lte": high}}
        # A member that moved to another group left one behind, which its own facet of this stage still names.
        own = self.writes.get(source.document)
        if own:  # what is no member and never was one is nobody's business
            query = {"$and": [query, {"$or": [source.criteria, {f"facets.{own}": {"$exists": True}}]}]}
        names: Doc = {"group": f"${source.group_field}", "left": f"$facets.{own}.group" if own else None}
        found = collection.aggregate([{"$match": query}, {"$group": {"_id": names}}], allowDiskUse=True)
        return {str(name) for doc in found for name in doc["_id"].values() if name is not None}

    def _batch(self, names: list[str], mark: Doc | None) -> Batch:
        contents: dict[str, dict[str, list[Doc]]] = {name: {} for name in names}
        origins: dict[str, list[Doc]] = {name: [{"collection": "group", "id": name}] for name in names}
        for source in self.sources_of_members():
            for content in contents.values():
                content[source.collection] = []
            query = {source.group_field: {"$in": names}, "deprecated": False, **source.criteria}
            key = source.document.KEY
            wanted = (key, source.group_field, "content_hash", *source.fields)
            for doc in self._consistent(source).find(query, {"_id": 0, **dict.fromkeys(wanted, 1)}):
                name = doc[source.group_field]
                digest = doc.pop("content_hash")
                contents[name][source.collection].append(doc)
                if source.facets:
                    origins[name].append({"collection": source.collection, "id": doc[key], "hash": digest})
            for content in contents.values():
                content[source.collection].sort(key=lambda doc: str(doc[key]))
        items = [
            Item(name, {"group": name, **contents[name]}, sorted(origins[name], key=_by_collection_and_id))
            for name in names
            if any(contents[name].values())
        ]
        gone = {name: f"group {name} has no members any more" for name in names if not any(contents[name].values())}
        return Batch(0, items, mark=mark, withdrawn=gone)

    def apply_mark(self, mark: Doc, session: ClientSession) -> None:
        """Note up to which group the pass has come."""
        stage_states.set_partial(self.db, self.name, mark, token=self.token, session=session)

    def close(self) -> None:
        """Note that all groups due at the start of the pass are done."""

        def work(session: ClientSession) -> None:
            if self.share is None:
                stage_states.advance(self.db, self.name, token=self.token, intervals=self._closing, session=session)
                stage_states.set_partial(self.db, self.name, {}, token=self.token, session=session)
            else:
                self._close_share(session)

        if self.share is not None or self._closing or self.state.get("partial"):
            self.in_transaction(work)

    def _close_share(self, session: ClientSession) -> None:
        # The worker that ends last closes the pass for all.
        share: Any = self.share
        state = self.db.database["stage_states"].find_one({"stage": self.name}, session=session) or {}
        partial = state.get("partial") or {}
        done = sorted({*partial.get("shares_done", []), share["number"]})
        if len(done) == share["of"]:
            intervals = {channel: (low, high) for channel, low, high in share["closing"]}
            stage_states.advance(self.db, self.name, token=self.token, intervals=intervals, session=session)
            partial = {}
        else:
            stage_states.advance(self.db, self.name, token=self.token, intervals={}, session=session)
            partial = {"shares_done": done}
        stage_states.set_partial(self.db, self.name, partial, token=self.token, session=session)

    def shares(self, number_splits: int) -> list[Doc]:
        """Divide the due groups; the pass is closed when every share is done."""
        groups = self._due_groups()
        self.goal = {channel: high for channel, (_, high) in self._closing.items()}
        self.in_transaction(
            lambda session: stage_states.set_partial(self.db, self.name, {}, token=self.token, session=session)
        )
        step = max(1, -(-len(groups) // number_splits))
        stretches = [groups[start : start + step] for start in range(0, len(groups), step)] or [[]]
        closing = [[channel, low, high] for channel, (low, high) in self._closing.items()]
        return [
            {"groups": names, "number": i, "of": len(stretches), "closing": closing, "retries": i == 0}
            for i, names in enumerate(stretches)
        ]


def _by_collection_and_id(origin: Doc) -> tuple[bool, str, str]:
    return origin["collection"] != "group", str(origin["collection"]), str(origin["id"])
