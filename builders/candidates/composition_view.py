"""Compositions as one campaign sees them: those it drew, with the values and verdicts by its own settings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ...stores.bookkeeping import settings_claims
from ...stores.connection import Connection
from ...stores.documents import Composition
from ...stores.documents.base import labelled

Doc = dict[str, Any]
STAGES = {
    "screen": "screen-compositions",
    "classify": "classify-compositions",
    "familiarity": "familiarity-of-compositions",
    "energy": "energies-of-compositions",
    "verdict": "judge-compositions",
}
"""Facets of compositions whose values may be by other settings for each campaign, and the stages that write them."""
SAMPLE = "sample-compositions"
_MODELS = ("generator", "p_2d_model", "energy_model")


@dataclass(frozen=True, slots=True)
class CompositionView:
    """Where the values of a campaign are kept.

    Attributes
    ----------
    drawn_by
        Name of the stage that draws for it.
    paths
        By usual name of a field, where it is kept, of those that are not under their usual name.
    alone
        Whether every current composition is one that it drew: no other stage draws, and one that no stage stands for
        any more is deprecated.
    """

    drawn_by: str
    paths: dict[str, str]
    alone: bool = False

    def path(self, field: str) -> str:
        """Place of a field, for a query."""
        return self.paths.get(field, field)

    def criteria(self) -> Doc:
        """Query for the compositions that it drew."""
        return {"deprecated": False} | ({} if self.alone else {"made_by": self.drawn_by})

    def as_said(self, composition: Doc) -> Doc:
        """Composition with this campaign's values under their usual names."""
        own = {field for facet in STAGES for field in Composition.said_in(facet)}
        said = {name: value for name, value in composition.items() if name not in own or name not in self.paths}
        for name, path in self.paths.items():
            value: Any = composition
            for part in path.split("."):
                value = value.get(part) if isinstance(value, dict) else None
            if value is not None:
                said[name] = value
        return said


def composition_view(connection: Connection, campaign: str) -> CompositionView | None:
    """View of a campaign; None where it has not drawn any composition yet."""
    label = settings_claims.label_of(connection, campaign, SAMPLE)
    if label is None:
        return None
    labels = {facet: settings_claims.label_of(connection, campaign, stage) or "" for facet, stage in STAGES.items()}
    facets = [labelled(facet, given) for facet, given in labels.items()]
    drawing = {claim["label"] for claim in settings_claims.claims_on(connection, SAMPLE).values()}
    return CompositionView(labelled(SAMPLE, label), Composition.paths_of(facets), alone=drawing == {label})


def models_of_compositions(connection: Connection, campaign: str) -> set[str]:
    """Ids of the models that drew the compositions of a campaign and tell their values, shipped ones among them."""
    view = composition_view(connection, campaign)
    if view is None:
        return set()
    compositions = connection.database["compositions"]
    found = (compositions.distinct(view.path(field), view.criteria()) for field in _MODELS)
    return {name for names in found for name in names if name}
