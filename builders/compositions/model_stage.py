"""What the stages share that apply a trained model to every composition: finding it, loading it, standing aside."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from typing import Any, ClassVar

from ...stores.documents import Composition
from ...stores.documents.base import labelled
from ..engine.batches import Batch, Doc, Item, Outcome
from ..engine.channels import Channel
from ..engine.selection.map_stage import MapStage
from ..training import trained


class ModelStage(MapStage):
    """Applies the newest trained model of a kind; a newer one makes every composition due for this stage alone.

    Parameters
    ----------
    model
        Id of the model; the newest there is without.
    request
        Of the newest models that only which was trained as this asks.
    label
        Of these settings, beside others.
    drawn_by
        Stage whose compositions alone are looked at; all without.
    """

    usual_name: ClassVar[str]
    usual_facet: ClassVar[str]
    kind: ClassVar[str]
    source = Composition
    fields = ()

    def __init__(
        self,
        *,
        model: str | None = None,
        request: str | None = None,
        label: str = "",
        drawn_by: str | None = None,
        share: Doc | None = None,
    ) -> None:
        self.name = labelled(self.usual_name, label)
        self.writes = {Composition: labelled(self.usual_facet, label)}  # type: ignore[misc]  # by label
        self.model = model
        self.request = request
        self.label = label
        self.drawn_by = drawn_by
        if drawn_by is not None:
            self.criteria = {**self.criteria, "made_by": drawn_by}  # type: ignore[misc]  # by campaign
        super().__init__(share=share)

    def arguments(self) -> Doc:
        """Model that is applied, how it was to be trained, the label, and whose compositions are looked at."""
        drawn = {"drawn_by": self.drawn_by} if self.drawn_by else {}
        return {"model": self.model, "request": self.request, "label": self.label, **drawn}

    def config(self) -> Doc:
        """Model that is applied."""
        return {"model": self.model}

    def before_run(self) -> None:
        """Find the model."""
        if self.model is None:
            newest = trained.find(self.db, self.kind, request=self.request)
            self.model = newest["model_id"] if newest else None

    def reads(self) -> tuple[Channel, ...]:
        """Compositions, and models of its kind."""
        return (*super().reads(), Channel("trained_models", "training", frozenset([self.kind])))

    def read_lookup(self) -> trained.Packed | None:
        """Read the model."""
        return None if self.model is None else trained.packed(self.db, self.kind, self.model)

    def select(self) -> Iterator[Batch]:
        """Yield what is due; nothing while no model has been trained."""
        if self.model is None:
            self.total = 0
            self.report.note = f"left out: no {self.kind} has been trained"
            return
        yield from super().select()

    def process(self, items: list[Item]) -> list[Outcome]:
        """Apply the model to a batch; without one, nothing is said of any composition."""
        return [{} for _ in items] if self.model is None else self.apply(items)

    @abstractmethod
    def apply(self, items: list[Item]) -> list[Outcome]:
        """Apply the model to a batch of compositions."""

    @abstractmethod
    def unpack(self, weights: bytes) -> Any:
        """Make the model of its packed weights."""

    @property
    def loaded(self) -> Any:
        """The model, ready for use in this process.

        Raises
        ------
        RuntimeError
            No run has looked for the model yet.
        """
        if self.lookup is None:
            raise RuntimeError(f"{self.name} has no model: it has not begun")
        return trained.unpacked(self.lookup, self.unpack)
