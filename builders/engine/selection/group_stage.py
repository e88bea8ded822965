"""Stages that take groups of documents: a change of any member makes its whole group due, and the one it has left."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, ClassVar

from pymongo.client_session import ClientSession

from ....stores.bookkeeping import failures, revisions, stage_states
from .. import batch_writing
from ..batches import Batch, Doc, Item
from ..channels import Channel
from ..stage import Stage
from . import labels
from .group_members import Members


@dataclass(slots=True)
class _Pass:
    """Which groups one pass looks at, and which revisions it closes."""

    groups: list[str] = field(default_factory=list)
    highs: dict[str, int] = field(default_factory=dict)
    closing: dict[str, tuple[int, int]] = field(default_factory=dict)


class GroupStage(Stage):
    """Selects groups of which a member changed, and gives each whole: by collection, the members' documents.

    A subclass may override `sources_of_members`, `affected`, `groups_of` and `batch_of` beside what the contract names.
    """

    members: ClassVar[tuple[Members, ...]]
    """Where the members of a group come from."""
    groups_per_batch: ClassVar[int] = 200
    once_by_item: ClassVar[bool] = False
    """Whether a former version worked item by item: what it made names no group and goes at the end of a pass."""
    notes_group = True

    def __init__(self, *, share: Doc | None = None) -> None:
        self._pass = _Pass()
        super().__init__(share=share)

    # What a subclass may override

    def sources_of_members(self) -> tuple[Members, ...]:
        """Where members come from; to override where it depends on the arguments."""
        return self.members

    def affected(self, source: Members, names: set[str]) -> set[str]:  # noqa: ARG002
        """Groups that are due when members changed in groups of these names, or have left them."""
        return names

    def groups_of(self, changed: set[str]) -> list[str]:
        """Those of the changed groups that are due; a hull adds the systems around them.

        Groups that documents have left are due in any case.
        """
        return sorted(changed)

    def batch_of(self, names: list[str]) -> Batch:
        """Make a batch of groups, each with its members as they are now."""
        contents: dict[str, dict[str, list[Doc]]] = {name: {} for name in names}
        origins: dict[str, list[Doc]] = {name: [{"collection": "group", "id": name}] for name in names}
        for source in self.sources_of_members():
            for content in contents.values():
                content[source.collection] = []
            query = {**source.query(), source.group_field: {"$in": names}}
            key = source.document.KEY
            fields = (key, source.group_field, "content_hash", *source.fields)
            projection = labels.projected(fields, source.paths)
            for doc in source.at_one_moment(self.db.database).find(query, {"_id": 0, **projection}):
                name = doc[source.group_field]
                digest = doc.pop("content_hash")
                labels.flattened(doc, source.paths)
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
        return Batch(0, items, withdrawn=gone)

    # The contract

    def reads(self) -> tuple[Channel, ...]:
        """Channels of the members."""
        return tuple(channel for source in self.sources_of_members() for channel in source.channels())

    def looks_at(self) -> tuple[Channel, ...]:
        """Members whose change makes nothing due, unless they are its own writing."""
        silent = [source for source in self.sources_of_members() if not source.facets]
        return tuple(
            Channel(source.collection, facet)
            for source in silent
            if source.document not in self.writes
            for facet in source.document.FACETS
        )

    def consumed(self) -> dict[str, tuple[int, int]]:
        """Nothing: `close` notes what the pass has taken care of."""
        return {}

    def select(self) -> Iterator[Batch]:
        """Yield the due groups in the order of their names, so that a pass can be resumed, then what failed before."""
        if self.share is not None:
            self._pass = _Pass(groups=self.share["groups"])
        else:
            self._pass = self._due_groups()
        groups = self._pass.groups
        self.total = len(groups)
        for start in range(0, len(groups), self.groups_per_batch):
            names = groups[start : start + self.groups_per_batch]
            batch = self.batch_of(names)
            batch.mark = None if self.share is not None else {"high": self._pass.highs, "after": names[-1]}
            yield batch
        if self.share is None or self.share.get("retries"):
            due = sorted(set(failures.due(self.db, self.name)) - set(groups))
            for start in range(0, len(due), self.groups_per_batch):
                yield self.batch_of(due[start : start + self.groups_per_batch])

    def apply_mark(self, mark: Doc, session: ClientSession) -> None:
        """Note up to which group the pass has come."""
        stage_states.set_partial(self.db, self.name, mark, token=self.current_run.token, session=session)

    def close(self) -> None:
        """Note that all groups due at the start of the pass are done."""

        def work(session: ClientSession) -> int:
            if self.share is None:
                token, closing = self.current_run.token, self._pass.closing
                stage_states.advance(self.db, self.name, token=token, intervals=closing, session=session)
                stage_states.set_partial(self.db, self.name, {}, token=token, session=session)
                sweeps = self.once_by_item and self.state["restarted"]
                return batch_writing.withdraw_what_has_no_group(self, session) if sweeps else 0
            self._close_share(session)
            return 0

        if self.share is not None or self._pass.closing or self.state.get("partial"):
            self.report.deprecated += self.current_run.in_transaction(work)

    # Selection by revision

    def number_due(self) -> int:
        """Number of groups that a run would take; the state has been read."""
        return len(self._due_groups().groups)

    def _due_groups(self) -> _Pass:
        partial = self.state.get("partial") or {}
        highs: dict[str, int] = partial.get("high") or revisions.last_changes(self.db.database)
        due = _Pass(highs={})
        changed: set[str] = set()
        left: set[str] = set()
        for source in self.sources_of_members():
            for facet in source.facets:
                channel = revisions.channel(source.collection, facet)
                high = int(highs.get(channel, highs.get(source.collection, 0)))
                low = int(self.state["consumed"].get(channel, 0))
                due.highs[channel] = high
                if low < high:
                    due.closing[channel] = (low, high)
                    besides = self._besides(source)
                    names = source.changed_groups(self.db.database, facet, low, high, besides=besides)
                    changed |= self.affected(source, names)
                    first_time = self.current_run.first_time
                    former = set() if first_time else source.left_groups(self.db.database, facet, low, besides=besides)
                    left |= self.affected(source, former) if former else former
        after = partial.get("after")
        # What was made of a group that was left goes, though nobody may ask about it any more.
        groups = sorted({*self.groups_of(changed | left), *left})
        due.groups = [group for group in groups if after is None or group > after]
        return due

    def _besides(self, source: Members) -> Doc | None:
        own = self.writes.get(source.document)  # what is no member and never was one is nobody's business then
        if not (own and source.criteria):
            return None
        return {} if self.current_run.first_time else {f"facets.{own}": {"$exists": True}}

    # Distributed by maggma

    def _close_share(self, session: ClientSession) -> None:
        # The worker that ends last closes the pass for all.
        share: Any = self.share
        state = self.db.database["stage_states"].find_one({"stage": self.name}, session=session) or {}
        partial = state.get("partial") or {}
        done = sorted({*partial.get("shares_done", []), share["number"]})
        intervals: dict[str, tuple[int, int]] = {}
        partial = {"shares_done": done}
        if len(done) == share["of"]:
            intervals = {channel: (low, high) for channel, low, high in share["closing"]}
            partial = {}
        stage_states.advance(self.db, self.name, token=self.current_run.token, intervals=intervals, session=session)
        stage_states.set_partial(self.db, self.name, partial, token=self.current_run.token, session=session)

    def shares(self, number_splits: int) -> list[Doc]:
        """Divide the due groups; the pass is closed when every share is done."""
        due = self._due_groups()
        self.goal = {channel: high for channel, (_, high) in due.closing.items()}
        self.current_run.in_transaction(
            lambda session: stage_states.set_partial(
                self.db, self.name, {}, token=self.current_run.token, session=session
            )
        )
        step = max(1, -(-len(due.groups) // number_splits))
        stretches = [due.groups[start : start + step] for start in range(0, len(due.groups), step)] or [[]]
        closing = [[channel, low, high] for channel, (low, high) in due.closing.items()]
        return [
            {"groups": names, "number": i, "of": len(stretches), "closing": closing, "retries": i == 0}
            for i, names in enumerate(stretches)
        ]


def _by_collection_and_id(origin: Doc) -> tuple[bool, str, str]:
    return origin["collection"] != "group", str(origin["collection"]), str(origin["id"])


__all__ = ["GroupStage", "Members"]
