"""Stage `energies-of-compositions`: formation energy with its uncertainty, by Roost, of compositions worth it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...models.composition.roost.model import RoostEnsemble, predict
from ...stores.documents.base import labelled
from ..candidates.composition_view import STAGES
from ..engine.batches import Doc, Item, Outcome
from ..training.shipped.learnt_compositions import learnt
from ..training.shipped.shipped_models import is_shipped
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
    version = 3  # says of which compositions a model that came along has learnt the energy
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
        formulas = [item.key for item in items]
        predicted = predict(self.loaded, formulas, unseen="nan")
        seen = learnt(formulas, self.kind) if is_shipped(self.model or "") else np.zeros(len(items), dtype=bool)
        return [
            {"compositions": [self._document(item.key, float(mean), float(std), seen=bool(flag))]}
            for item, mean, std, flag in zip(items, predicted.mean, predicted.std, seen, strict=True)
        ]

    def _document(self, formula: str, mean: float, std: float, *, seen: bool) -> dict[str, Any]:
        if math.isnan(mean):
            return {"formula_reduced": formula, "energy_model": self.model}
        energies = {
            "predicted_formation_energy": round(mean, _DIGITS),
            "predicted_formation_energy_std": round(std, _DIGITS),
        }
        document = {"formula_reduced": formula, **energies, "energy_model": self.model}
        return {**document, "energy_learnt": True} if seen else document
