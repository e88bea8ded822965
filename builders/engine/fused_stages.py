"""Fused stages: work on the documents another stage makes, before these are stored for the first time.

Each document is then written once, with the facets of all of them, instead of once by every stage. What is stored is
what the stages would have made one after the other; the own run of a fused stage afterwards finds nothing due, or does
what was not for it to do here. Holds no science.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any, Protocol, cast

from pymongo.client_session import ClientSession

from ...stores.bookkeeping import failures, quarantine, revisions, stage_states
from ...stores.canonical import NotStorable
from ...stores.connection import Connection
from ...stores.documents import RegistryDocument
from ...stores.errors import LeaseHeld
from ...stores.writes.writing import FacetWriter
from ...stores.writes.written import Followed, Written
from . import batch_writing, criteria_in_memory
from .batches import Doc, Failure, Item, Outcome, Refused
from .channels import Channel
from .contract import StageContract

logger = logging.getLogger(__name__)
Further = Written | Failure | Refused | None


class Fusable(Protocol):
    """What a stage has that can be fused: it takes one document at a time (`map_stage.MapStage`)."""

    source: Any
    facets: Any
    fields: Any
    criteria: Any

    def use(self, connection: Connection, *, run_id: str | None, session: ClientSession | None) -> None:
        """Work on a given connection and in a given session."""

    def begin(self) -> None:
        """Take lease and state."""

    def outcomes(self, items: list[Item]) -> list[Outcome]:
        """Process items."""

    def finalize(self) -> None:
        """Release lease and state."""


class CannotFuse(TypeError):
    """A stage that can't work on another's documents before they are stored: a mistake in the plan."""


class FusedStages:
    """The stages that are fused with a leader, on the documents of one collection that it makes.

    Parameters
    ----------
    leader
        The stage that makes the documents.
    stages
        What follows, in order, fresh; each reads facets of the leader and of followers before it, beside such as
        documents get `later`, and adds one.

    Raises
    ------
    CannotFuse
        A stage looks at something else, or writes something else.
    """

    def __init__(self, leader: StageContract, stages: Sequence[StageContract]) -> None:
        self.leader = leader
        self.stages = list(stages)
        self.document: type[RegistryDocument] = _taking(stages[0]).source
        self._had_failures: set[str] = set()
        self._matchers = [criteria_in_memory.matcher(_taking(stage).criteria) for stage in stages]
        self._begun: list[StageContract] = []
        facets = [leader.writes[self.document]] if self.document in leader.writes else []
        if facets != [self.document.creating_facet()]:
            raise CannotFuse(f"{leader.name} does not make documents of {self.document.collection_name()}")
        for stage in stages:
            self._check(stage, facets)
            facets.append(stage.writes[self.document])

    def _check(self, stage: StageContract, facets: list[str]) -> None:
        takes = _taking(stage)
        known = {self.document.KEY, "made_by"}.union(*(self.document.said_in(facet) for facet in facets))
        later = {name for facet in stage.later for name in self.document.said_in(facet)}
        unknown = {*takes.fields, *criteria_in_memory.fields_of(takes.criteria)} - known - later
        others = set(takes.facets) - {*facets, *stage.later}
        where = self.document.collection_name()
        if takes.source is not self.document:
            raise CannotFuse(f"{stage.name} reads {takes.source.collection_name()}, not {where}")
        if unknown or others:
            raise CannotFuse(f"{stage.name} reads {sorted(unknown | others)}, which nobody before it writes")
        if set(stage.writes) != {self.document} or stage.writes[self.document] in facets:
            raise CannotFuse(f"{stage.name} does not write a facet of its own of {where}, and nothing else")

    # Where the leader computes

    def follow(self, docs: list[Written]) -> None:
        """Let every follower work on documents that are ready to be written, and note in each what came of it."""
        key = self.document.KEY
        name = self.document.collection_name()
        makers = {"made_by": [self.leader.name]}
        contents = [
            {key: doc.key, **makers, **doc.content} for doc in docs
        ]  # as a reader of the database would find them
        for stage, qualifies in zip(self.stages, self._matchers, strict=True):
            fields = (key, *_taking(stage).fields)
            writer = batch_writing.writers_of(stage)[name]
            chosen = [i for i, content in enumerate(contents) if qualifies(content)]
            items = [
                Item(docs[i].key, {field: contents[i][field] for field in fields if field in contents[i]})
                for i in chosen
            ]
            further: list[Further] = [None] * len(docs)
            for i, item, outcome in zip(chosen, items, _taking(stage).outcomes(items), strict=True):
                further[i] = result = self._further(stage, writer, item, outcome)
                if isinstance(result, Written):
                    contents[i] |= _as_said(result.content)
            for doc, result in zip(docs, further, strict=True):
                doc.further = (*doc.further, result)

    def _further(self, stage: StageContract, writer: FacetWriter, item: Item, outcome: Outcome) -> Further:
        if isinstance(outcome, Failure | Refused):
            return outcome
        name = self.document.collection_name()
        docs = outcome.get(name, [])
        if outcome.keys() - {name} or [doc[self.document.KEY] for doc in docs] not in ([], [item.key]):
            raise CannotFuse(f"{stage.name} made something else of {name} {item.key} than a facet of it")
        try:
            return batch_writing.ready(stage, writer, item, docs[0]) if docs else None
        except NotStorable as error:
            return Failure(f"can't be stored: {error}")

    # Where the leader writes

    def begin(self, session: ClientSession) -> None:
        """Take the followers' leases and states; from one on that is run by somebody else, they look for themselves."""
        for stage in self.stages:
            _taking(stage).use(self.leader.db, run_id=self.leader.current_run.run_id, session=session)
            self._begun.append(stage)
            try:
                _taking(stage).begin()
            except LeaseHeld as held:
                logger.info("%s is not fused with %s: %s", stage.name, self.leader.name, held.message)
                self._begun.pop()
                break
            if failures.known(stage.db, stage.name):
                self._had_failures.add(stage.name)

    def end(self) -> str:
        """Release the leases; returns what was done, in words."""
        begun, self._begun = self._begun, []
        for stage in begun:
            _taking(stage).finalize()
        done = [
            f"{stage.name} ({stage.report.updated:,} written, {stage.report.failed:,} failed)"
            for stage in begun
            if stage.report.due
        ]
        return f"written together with {', '.join(done)}" if done else ""

    def writers(self) -> tuple[FacetWriter, ...]:
        """Writers of the followers' facets."""
        return tuple(batch_writing.writers_of(stage)[self.document.collection_name()] for stage in self._begun)

    def written_channels(self) -> tuple[Channel, ...]:
        """Channels the fused stages write."""
        return tuple(channel for stage in self.stages for channel in stage.written_channels())

    def note(self, followed: list[Followed], session: ClientSession) -> None:
        """Do the followers' bookkeeping of a write, in its transaction."""
        for done in followed:
            stage = self._begun[done.number]
            collection = self.document.collection_name()
            intervals = {revisions.channel(collection, facet): done.interval for facet in _taking(stage).facets}
            token = stage.current_run.token
            stage_states.advance(stage.db, stage.name, token=token, intervals=intervals, session=session)
            results = {doc.key: doc.further[done.number] for doc in done.docs}
            failed = {key: result for key, result in results.items() if isinstance(result, Failure)}
            refused = [result for result in results.values() if isinstance(result, Refused)]
            failures.record(stage.db, stage.name, failed, run_id=stage.current_run.run_id, session=session)
            if stage.name in self._had_failures:
                went_well = [key for key, result in results.items() if isinstance(result, Written)]
                failures.clear(stage.db, stage.name, went_well, session=session)
            if failed:
                self._had_failures.add(stage.name)
            quarantine.put(stage.db, stage.name, refused, run_id=stage.current_run.run_id, session=session)

    def count(self, followed: list[Followed]) -> None:
        """Add to the reports what was written; what failed counts for the leader's run too."""
        for done in followed:
            report = self._begun[done.number].report
            results = [doc.further[done.number] for doc in done.docs]
            due = sum(result is not None for result in results)
            failed = sum(isinstance(result, Failure) for result in results)
            refused = sum(isinstance(result, Refused) for result in results)
            report.due += due
            report.updated += done.updated
            report.unchanged += due - done.updated - failed - refused
            for counted in (report, self.leader.report):
                counted.failed += failed
                counted.quarantined += refused


def _as_said(content: Doc) -> Doc:
    """Content of a facet by the usual names of its fields, whether or not it is kept under a label."""
    said: Doc = {}
    for path, value in content.items():
        said |= value if "." in path else {path: value}
    return said


def _taking(stage: StageContract) -> Fusable:
    return cast("Fusable", stage)
