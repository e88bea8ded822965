"""What the stages share that measure errors of potentials on what a registry knows itself.

Values by potentials stand beside those that a source or a calculation states of the same structure. Of a class with too
few of them that holds on which was measured beforehand.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

from ....stores.documents import TrainedModel
from ...engine.batches import Batch, Doc, Item, Outcome
from ...engine.selection.group_members import Members
from ...engine.selection.group_stage import GroupStage


class CalibrationStage(GroupStage):
    """Writes error models, as one document of `trained_models`; all known values are one group."""

    writes: ClassVar = {TrainedModel: "training"}

    @abstractmethod
    def known_values(self) -> Members:
        """Which properties state values that are known."""

    @abstractmethod
    def said_values(self) -> Members:
        """Which properties state values by potentials."""

    @abstractmethod
    def document(self, known: list[Doc], said: list[Doc]) -> Doc:
        """The error models.

        Parameters
        ----------
        known
            Properties that state values.
        said
            Values by potentials, of the same structures.
        """

    def sources_of_members(self) -> tuple[Members, ...]:
        """Read values that are known, and what the potentials say."""
        return (self.known_values(), self.said_values())

    def affected(self, source: Members, names: set[str]) -> set[str]:  # noqa: ARG002
        """All structures are one group."""
        return {self.name} if names else set()

    def batch_of(self, names: list[str]) -> Batch:
        """Make one item of all structures of which something is known."""
        known = self._read(self.known_values(), {})
        layers = sorted({doc["structure_id"] for doc in known})
        said = self._read(self.said_values(), {"structure_id": {"$in": layers}})
        content = {"known": known, "said": said}
        return Batch(0, [Item(name, content, [{"collection": "group", "id": name}]) for name in names])

    def process(self, items: list[Item]) -> list[Outcome]:
        """Measure the errors."""
        return [{"trained_models": [self.document(**item.content)]} for item in items]

    def _read(self, source: Members, which: Doc) -> list[Doc]:
        fields = {"_id": 0, **dict.fromkeys(source.fields, 1)}
        found = source.at_one_moment(self.db.database).find({**source.query(), **which}, fields)
        return sorted(found, key=lambda doc: (doc["structure_id"], doc["kind"], doc["method"]))
