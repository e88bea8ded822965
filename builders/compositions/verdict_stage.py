"""Stage `judge-compositions`: sends every composition through the campaign's gates on compositions."""

from __future__ import annotations

from typing import Any

from ...stores.documents import Composition
from ...stores.documents.base import labelled
from ..candidates.campaigns.composition_settings import JUDGED
from ..candidates.campaigns.gates import Gate, standing_of
from ..candidates.composition_view import STAGES
from ..engine.batches import Doc, Item, Outcome
from ..engine.selection.map_stage import MapStage

NAME = STAGES["verdict"]
_LOOKED_AT = ("screen", "classify", "familiarity", "energy")


class JudgeCompositionsStage(MapStage):
    """Says at which gate a composition fell, if at any; a changed threshold changes only these verdicts.

    Parameters
    ----------
    gates
        The gates in order, as plain data.
    drawn_by
        Name of the stage whose compositions are judged; those of any without.
    labels
        By facet (screen, classify, familiarity, energy), the label of the settings whose values are looked at.
    label
        Of this campaign's verdicts, beside those of others.
    """

    version = 1
    source = Composition
    fields = JUDGED

    def __init__(
        self,
        *,
        gates: list[Doc],
        drawn_by: str | None = None,
        labels: dict[str, str] | None = None,
        label: str = "",
        share: Doc | None = None,
    ) -> None:
        self.gates = tuple(Gate.model_validate(gate) for gate in gates)
        self.name = labelled(NAME, label)
        self.writes = {Composition: labelled("verdict", label)}  # type: ignore[misc]  # by label
        self.drawn_by = drawn_by
        self.labels = labels or {}
        self.label = label
        values = (labelled(facet, self.labels.get(facet, "")) for facet in _LOOKED_AT)
        self.facets = ("sample", "novelty", *values)  # type: ignore[misc]  # by label
        if drawn_by is not None:
            self.criteria = {"made_by": drawn_by}  # type: ignore[misc]  # by campaign
        super().__init__(share=share)

    def arguments(self) -> Doc:
        """Gates, and whose compositions are judged by whose values."""
        gates = [gate.model_dump(mode="json", by_alias=True, exclude_none=True) for gate in self.gates]
        return {"gates": gates, "drawn_by": self.drawn_by, "labels": self.labels, "label": self.label}

    def process(self, items: list[Item]) -> list[Outcome]:
        """Judge a batch of compositions."""
        return [{"compositions": [self._judged(item.content)]} for item in items]

    def _judged(self, composition: Doc) -> dict[str, Any]:
        return {"formula_reduced": composition["formula_reduced"], **standing_of(self.gates, composition)}
