"""Stage `energies-of-compositions`: formation energy with its uncertainty, by Roost, of compositions worth it."""

from __future__ import annotations

import math
from typing import Any, ClassVar

from ...models.composition.roost.model import RoostEnsemble, predict
from ...stores.documents import Composition
from ..engine.batches import Doc, Item, Outcome
from .model_stage import ModelStage

_DIGITS = 5


class CompositionEnergyStage(ModelStage):
    """Predicts the formation energy of balanced compositions that may be two-dimensional.

    Parameters
    ----------
    min_p_2d
        Compositions of a lower probability get no energy; None predicts all that are balanced.
    model
        Id of the model; the newest there is without.
    """

    name = "energies-of-compositions"
    version = 1
    kind = "roost"
    facets: ClassVar[tuple[str, ...]] = ("screen", "classify")
    writes: ClassVar = {Composition: "energy"}

    def __init__(self, *, min_p_2d: float | None = None, model: str | None = None, share: Doc | None = None) -> None:
        self.min_p_2d = min_p_2d
        self.criteria: Doc = {"electronegativity_balanced": True}  # type: ignore[misc]
        if min_p_2d is None:  # then another probability changes nothing
            self.facets = ("screen",)  # type: ignore[misc]
        else:
            self.criteria["p_2d"] = {"$gte": min_p_2d}
        super().__init__(model=model, share=share)

    def arguments(self) -> Doc:
        """Give threshold and model."""
        return {"min_p_2d": self.min_p_2d, **super().arguments()}

    def unpack(self, weights: bytes) -> RoostEnsemble:
        """Make the ensemble of its packed weights."""
        return RoostEnsemble.from_bytes(weights)

    def apply(self, items: list[Item]) -> list[Outcome]:
        """Predict a batch of compositions; one with an element the model has not seen gets no energy."""
        found = predict(self.loaded, [item.key for item in items], unseen="nan")
        return [
            {"compositions": [self._document(item.key, float(mean), float(std))]}
            for item, mean, std in zip(items, found.mean, found.std, strict=True)
        ]

    def _document(self, formula: str, mean: float, std: float) -> dict[str, Any]:
        if math.isnan(mean):
            return {"formula_reduced": formula, "energy_model": self.model}
        energies = {
            "predicted_formation_energy": round(mean, _DIGITS),
            "predicted_formation_energy_std": round(std, _DIGITS),
        }
        return {"formula_reduced": formula, **energies, "energy_model": self.model}
