"""Stage `classify-compositions`: the probability that a composition forms a two-dimensional material."""

from __future__ import annotations

from ...models.composition.classifier.model import Classifier, unpack
from ..candidates.composition_view import STAGES
from ..engine.batches import Item, Outcome
from .model_stage import ModelStage

_DIGITS = 6


class ClassifyStage(ModelStage):
    """Writes P(2D) of every composition by the newest classifier."""

    usual_name = STAGES["classify"]
    usual_facet = "classify"
    version = 1
    kind = "classifier"
    facets = ("sample",)

    def unpack(self, weights: bytes) -> Classifier:
        """Make the classifier of its packed weights."""
        return unpack(weights)

    def apply(self, items: list[Item]) -> list[Outcome]:
        """Classify a batch of compositions."""
        probabilities = self.loaded.probability([item.key for item in items])
        return [
            {
                "compositions": [
                    {"formula_reduced": item.key, "p_2d": round(float(p), _DIGITS), "p_2d_model": self.model}
                ]
            }
            for item, p in zip(items, probabilities, strict=True)
        ]
