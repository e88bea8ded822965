"""Followers: stages that work on the documents another stage makes, before these are stored for the first time.

Each document is then written once, with the facets of all of them, instead of once by every stage. What is stored is
what the stages would have made one after the other; a follower's own run afterwards finds nothing due, or does what
was not for it to do here. Holds no science.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING

from pymongo.client_session import ClientSession

from ...stores.bookkeeping import failures, quarantine, stage_states
from ...stores.canonical import NotStorable
from ...stores.errors import LeaseHeld
from ...stores.writing import FacetWriter, Followed, Written
from . import criteria_in_memory
from .batches import Failure, Item, Outcome, Refused

if TYPE_CHECKING:
    from .map_stage import MapStage
    from .stage import Stage

logger = logging.getLogger(__name__)
Further = Written | Failure | Refused | None


class CannotFollow(TypeError):
    """A stage that can't work on another's documents before they are stored: a mistake in the plan."""


class Followers:
    """The stages that follow a leader on the documents of one collection that it makes.

    Parameters
    ----------
    leader
        The stage that makes the documents.
    stages
        What follows, in order, fresh; each reads facets of the leader and of followers before it, and adds one.

    Raises
    ------
    CannotFollow
        A stage looks at something else, or writes something else.
    """

    def __init__(self, leader: Stage, stages: Sequence[MapStage]) -> None:
        self.leader = leader
        self.stages = list(stages)
        self.document = stages[0].source
        self._had_failures: set[str] = set()
        self._matchers = [criteria_in_memory.matcher(stage.criteria) for stage in stages]
        self._begun: list[MapStage] = []
        facets = [leader.writes[self.document]] if self.document in leader.writes else []
        if facets != [self.document.creating_facet()]:
            raise CannotFollow(f"{leader.name} does not make documents of {self.document.collection_name()}")
        for stage in stages:
            self._check(stage, facets)
            facets.append(stage.writes[self.document])

    def _check(self, stage: MapStage, facets: list[str]) -> None:
        known = {self.document.KEY}.union(*(self.document.fields_of(facet) for facet in facets))
        unknown = {*stage.fields, *criteria_in_memory.fields_of(stage.criteria)} - known
        others = set(stage.facets) - set(facets)
        where = self.document.collection_name()
        if stage.source is not self.document:
            raise CannotFollow(f"{stage.name} reads {stage.source.collection_name()}, not {where}")
        if unknown or others:
            raise CannotFollow(f"{stage.name} reads {sorted(unknown | others)}, which nobody before it writes")
        if set(stage.writes) != {self.document} or stage.writes[self.document] in facets:
            raise CannotFollow(f"{stage.name} does not write a facet of its own of {where}, and nothing else")

    # Where the leader computes

    def follow(self, docs: list[Written]) -> None:
        """Let every follower work on documents that are ready to be written, and note in each what came of it."""
        key = self.document.KEY
        name = self.document.collection_name()
        contents = [{key: doc.key, **doc.content} for doc in docs]  # as a reader of the database would find them
        for stage, qualifies in zip(self.stages, self._matchers, strict=True):
            wanted = (key, *stage.fields)
            writer = stage.writers()[name]
            chosen = [i for i, content in enumerate(contents) if qualifies(content)]
            items = [
                Item(docs[i].key, {name: contents[i][name] for name in wanted if name in contents[i]}) for i in chosen
            ]
            made: list[Further] = [None] * len(docs)
            for i, item, outcome in zip(chosen, items, stage.outcomes(items), strict=True):
                made[i] = result = self._further(stage, writer, item, outcome)
                if isinstance(result, Written):
                    contents[i] |= result.content
            for doc, result in zip(docs, made, strict=True):
                doc.further = (*doc.further, result)

    def _further(self, stage: MapStage, writer: FacetWriter, item: Item, outcome: Outcome) -> Further:
        if isinstance(outcome, Failure | Refused):
            return outcome
        name = self.document.collection_name()
        docs = outcome.get(name, [])
        if outcome.keys() - {name} or [doc[self.document.KEY] for doc in docs] not in ([], [item.key]):
            raise CannotFollow(f"{stage.name} made something else of {name} {item.key} than a facet of it")
        try:
            return stage.ready(writer, item, docs[0]) if docs else None
        except NotStorable as error:
            return Failure(f"can't be stored: {error}")

    # Where the leader writes

    def begin(self, session: ClientSession) -> None:
        """Take the followers' leases and states; from one on that is run by somebody else, they look for themselves."""
        for stage in self.stages:
            stage.use(self.leader.db, run_id=self.leader.run_id, session=session)
            self._begun.append(stage)
            try:
                stage.begin()
            except LeaseHeld as held:
                logger.info("%s does not follow %s: %s", stage.name, self.leader.name, held.message)
                self._begun.pop()
                break
            if failures.known(stage.db, stage.name):
                self._had_failures.add(stage.name)

    def end(self) -> str:
        """Give the leases back; says what was done."""
        begun, self._begun = self._begun, []
        for stage in begun:
            stage.finalize()
        done = [
            f"{stage.name} ({stage.report.updated:,} written, {stage.report.failed:,} failed)"
            for stage in begun
            if stage.report.due
        ]
        return f"Followed by {', '.join(done)}" if done else ""

    def writers(self) -> tuple[FacetWriter, ...]:
        """Give the writers of the followers' facets."""
        return tuple(stage.writers()[self.document.collection_name()] for stage in self._begun)

    def note(self, followed: list[Followed], session: ClientSession) -> None:
        """Do the followers' bookkeeping of a write, in its transaction."""
        for done in followed:
            stage = self._begun[done.number]
            intervals = {stage.channel(facet): done.interval for facet in stage.facets}
            stage_states.advance(stage.db, stage.name, token=stage.token, intervals=intervals, session=session)
            results = {doc.key: doc.further[done.number] for doc in done.docs}
            failed = {key: result for key, result in results.items() if isinstance(result, Failure)}
            refused = [result for result in results.values() if isinstance(result, Refused)]
            failures.record(stage.db, stage.name, failed, run_id=stage.run_id, session=session)
            if stage.name in self._had_failures:
                went_well = [key for key, result in results.items() if isinstance(result, Written)]
                failures.clear(stage.db, stage.name, went_well, session=session)
            if failed:
                self._had_failures.add(stage.name)
            quarantine.put(stage.db, stage.name, refused, run_id=stage.run_id, session=session)

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
            for one in (report, self.leader.report):
                one.failed += failed
                one.quarantined += refused
