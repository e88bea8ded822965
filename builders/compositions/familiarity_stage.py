"""Stage `familiarity-of-compositions`: how familiar the ions of a composition are with each other."""

from __future__ import annotations

import math
from typing import Any

from ...models.composition.ion_familiarity import familiarity
from ...stores.documents import Composition
from ...stores.documents.base import labelled
from ..candidates.composition_view import STAGES
from ..engine.batches import Doc, Item, Outcome
from ..engine.selection.map_stage import MapStage

NAME = STAGES["familiarity"]
_DIGITS = 3


class FamiliarityStage(MapStage):
    """Scores balanced compositions that may be two-dimensional by the bundled pairs of ions.

    Parameters
    ----------
    min_p_2d
        Compositions of a lower probability get no score; None scores all that are balanced.
    screened, classified
        Labels of the screen and of the classifier that say so.
    label
        Of these settings, beside others.
    drawn_by
        Stage whose compositions alone are looked at; all without.
    """

    version = 2
    source = Composition
    fields = ()

    def __init__(
        self,
        *,
        min_p_2d: float | None = None,
        screened: str = "",
        classified: str = "",
        label: str = "",
        drawn_by: str | None = None,
        share: Doc | None = None,
    ) -> None:
        self.name = labelled(NAME, label)
        self.writes = {Composition: labelled("familiarity", label)}  # type: ignore[misc]  # by label
        self.label = label
        self.min_p_2d = min_p_2d
        self.screened = screened
        self.classified = classified
        self.criteria: Doc = {"electronegativity_balanced": True}  # type: ignore[misc]
        self.facets = (labelled("screen", screened),)  # type: ignore[misc]  # by label
        if min_p_2d is not None:
            self.facets = (*self.facets, labelled("classify", classified))  # type: ignore[misc]
            self.criteria["p_2d"] = {"$gte": min_p_2d}
        self.drawn_by = drawn_by
        if drawn_by is not None:
            self.criteria["made_by"] = drawn_by
        super().__init__(share=share)

    def arguments(self) -> Doc:
        """Threshold, labels, and whose compositions are looked at."""
        drawn = {"drawn_by": self.drawn_by} if self.drawn_by else {}
        return {**self.config(), "label": self.label, **drawn}

    def config(self) -> Doc:
        """What decides which compositions get a score."""
        return {"min_p_2d": self.min_p_2d, "screened": self.screened, "classified": self.classified}

    def process(self, items: list[Item]) -> list[Outcome]:
        """Score a batch of compositions; one that has no score, as an element, is left without."""
        scores = familiarity([item.key for item in items])
        return [{"compositions": [_document(item.key, score)]} for item, score in zip(items, scores, strict=True)]


def _document(formula: str, score: float) -> dict[str, Any]:
    scored = {} if math.isnan(score) else {"ion_familiarity": round(float(score), _DIGITS)}
    return {"formula_reduced": formula, **scored}
