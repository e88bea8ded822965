"""Stage `energies-of-compositions`: formation energy with its uncertainty, by Roost, of compositions worth it."""

from __future__ import annotations

import math
from typing import Any

from ...models.composition.roost.model import RoostEnsemble, predict
from ...stores.documents.base import labelled
from ..candidates.composition_view import STAGES
from ..engine.batches import Doc, Item, Outcome
from .model_stage import ModelStage

_DIGITS = 5


class CompositionEnergyStage(ModelStage):
    """Predicts the formation energy of balanced compositions that may be two-dimensional.

    Parameters
    ----------
    min_p_2d
        Compositions of a lower probability get no energy; None predicts all that are balanced.
    screened, classified
        Labels of the screen and of the classifier that say so.
    model, request, label, drawn_by
        As `ModelStage`.
    """

    usual_name = STAGES["energy"]
    usual_facet = "energy"
    version = 1
    kind = "roost"

    def __init__(
        self,
        *,
        min_p_2d: float | None = None,
        screened: str = "",
        classified: str = "",
        model: str | None = None,
        request: str | None = None,
        label: str = "",
        drawn_by: str | None = None,
        share: Doc | None = None,
    ) -> None:
        self.min_p_2d = min_p_2d
        self.screened = screened
        self.classified = classified
        self.criteria: Doc = {"electronegativity_balanced": True}  # type: ignore[misc]
        self.facets = (labelled("screen", screened),)  # type: ignore[misc]  # by label
        if min_p_2d is not None:  # else another probability changes nothing
            self.facets = (*self.facets, labelled("classify", classified))  # type: ignore[misc]
            self.criteria["p_2d"] = {"$gte": min_p_2d}
        super().__init__(model=model, request=request, label=label, drawn_by=drawn_by, share=share)

    def arguments(self) -> Doc:
        """Threshold, labels and model."""
        chosen = {"min_p_2d": self.min_p_2d, "screened": self.screened, "classified": self.classified}
        return {**chosen, **super().arguments()}

    def config(self) -> Doc:
        """What decides which compositions get which energy."""
        chosen = {"min_p_2d": self.min_p_2d, "screened": self.screened, "classified": self.classified}
        return {**chosen, **super().config()}

    def unpack(self, weights: bytes) -> RoostEnsemble:
        """Make the ensemble of its packed weights."""
        return RoostEnsemble.from_bytes(weights)

    def apply(self, items: list[Item]) -> list[Outcome]:
        """Predict a batch of compositions; one with an element the model has not seen gets no energy."""
        predicted = predict(self.loaded, [item.key for item in items], unseen="nan")
        return [
            {"compositions": [self._document(item.key, float(mean), float(std))]}
            for item, mean, std in zip(items, predicted.mean, predicted.std, strict=True)
        ]

    def _document(self, formula: str, mean: float, std: float) -> dict[str, Any]:
        if math.isnan(mean):
            return {"formula_reduced": formula, "energy_model": self.model}
        energies = {
            "predicted_formation_energy": round(mean, _DIGITS),
            "predicted_formation_energy_std": round(std, _DIGITS),
        }
        return {"formula_reduced": formula, **energies, "energy_model": self.model}
