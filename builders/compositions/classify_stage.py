"""Stage `classify-compositions`: the probability that a composition forms a two-dimensional material."""

from __future__ import annotations

from ...models.composition.classifier.model import Classifier, unpack
from ..candidates.composition_view import STAGES
from ..engine.batches import Item, Outcome
from .model_stage import ModelStage

_DIGITS = 6


class ClassifyStage(ModelStage):
    """Writes P(2D) of every composition by the newest classifier, and how many of its family that one has seen."""

    usual_name = STAGES["classify"]
    usual_facet = "classify"
    version = 2
    kind = "classifier"
    facets = ("sample",)

    def unpack(self, weights: bytes) -> Classifier:
        """Make the classifier of its packed weights."""
        return unpack(weights)

    def apply(self, items: list[Item]) -> list[Outcome]:
        """Classify a batch of compositions."""
        formulas = [item.key for item in items]
        probabilities = self.loaded.probability(formulas)
        of_family = self.loaded.known_of_family(formulas)
        outcomes: list[Outcome] = []
        for place, item in enumerate(items):
            said = {"p_2d": round(float(probabilities[place]), _DIGITS), "p_2d_model": self.model}
            if of_family is not None:
                said["p_2d_relatives"] = int(of_family[place])
            outcomes.append({"compositions": [{"formula_reduced": item.key, **said}]})
        return outcomes
