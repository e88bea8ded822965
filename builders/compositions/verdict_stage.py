"""Stage `judge-compositions`: sends every composition through the campaign's gates on compositions."""

from __future__ import annotations

from typing import Any, ClassVar

from ...stores.documents import Composition
from ..candidates.composition_settings import JUDGED
from ..candidates.gates import Gate, pass_through
from ..engine.batches import Doc, Item, Outcome
from ..engine.map_stage import MapStage


class JudgeCompositionsStage(MapStage):
    """Says at which gate a composition fell, if at any; a changed threshold changes only these verdicts.

    Parameters
    ----------
    gates
        The gates in order, as plain data.
    """

    name = "judge-compositions"
    version = 1
    source = Composition
    facets = ("sample", "screen", "novelty", "classify", "energy")
    fields = JUDGED
    writes: ClassVar = {Composition: "verdict"}

    def __init__(self, *, gates: list[Doc], share: Doc | None = None) -> None:
        self.gates = tuple(Gate.model_validate(gate) for gate in gates)
        super().__init__(share=share)

    def arguments(self) -> Doc:
        """Give the gates."""
        return {"gates": [gate.model_dump(mode="json", by_alias=True, exclude_none=True) for gate in self.gates]}

    def process(self, items: list[Item]) -> list[Outcome]:
        """Judge a batch of compositions."""
        return [{"compositions": [self._judged(item.content)]} for item in items]

    def _judged(self, composition: Doc) -> dict[str, Any]:
        verdict = pass_through(self.gates, composition)
        kept = {name: verdict[name] for name in ("status", "rejected_by", "waiting_for")}
        return {"formula_reduced": composition["formula_reduced"], **kept}
