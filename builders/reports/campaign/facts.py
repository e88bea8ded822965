"""What the report on a campaign tells: numbers, the shortlist, what waits, models and routes, sources, citations."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any, Final

from ....stores.connection import Connection
from ...candidates.campaigns.gate_outline import outline_of, recorded_campaigns
from ...candidates.composition_view import composition_view
from ...candidates.funnel import count, count_compositions
from ...candidates.shortlist import each_composition_once, likeliest_first, promoted_first
from ...releases.citations import bibtex, cited
from ..routes.route_figures import RouteFigures, route_report
from .models_used import models_of
from .published import Comparison, beside_published

Doc = dict[str, Any]

SHORTLIST: Final = 24
"""Promoted candidates with a picture each."""
WAITING: Final = 12
_SHOWN: Final = (
    *("candidate_id", "structure_id", "formula_reduced", "elements", "nelements", "status", "structure", "space_group"),
    *("parent_id", "route", "novelty_class", "novelty_beside", "thickness", "p_2d", "gates", "methods", "waiting_for"),
    *("lows", "highs", "values", "exfoliation_energy", "energy_above_hull", "formation_energy", "pourbaix_energy"),
    "band_gap",
)


@dataclass(frozen=True, slots=True)
class CampaignFacts:
    """What is known of a campaign.

    Attributes
    ----------
    name
        The campaign.
    campaign
        All that it says, as it was refreshed last.
    comparison
        The funnel of the paper that it follows, beside its own.
    compositions, gates
        Funnels, as `count_compositions` and `count` give them.
    totals
        candidates, promoted, waiting, rejected.
    promoted, waiting
        Candidates, those with the least exfoliation energy or hull distance first.
    elements
        How many promoted candidates have each element; where none is promoted, how many that wait.
    waits
        Candidates that wait, by the gate they wait for.
    values
        Every current candidate's values, for the map: id, formula, status, energies with their ends.
    p_2d
        Numbers of its compositions by tenths of their probability of forming a 2D material.
    routes
        What the routes that it judges, and their models, are worth.
    models
        The trained models behind it.
    sources, methods
        What it rests on.
    bibliography
        BibTeX of these.
    """

    name: str
    campaign: Doc
    comparison: Comparison | None
    compositions: list[Doc]
    gates: list[Doc]
    totals: dict[str, int]
    promoted: list[Doc]
    waiting: list[Doc]
    elements: Counter[str]
    waits: Counter[str]
    values: list[Doc]
    p_2d: list[int]
    routes: list[RouteFigures]
    models: list[Doc]
    sources: list[Doc]
    methods: list[str]
    bibliography: str

    @property
    def layers(self) -> bool:
        """Whether it looks for layers, which are taken off a bulk."""
        return bool(self.campaign.get("dimension", 2) == 2)


def facts_of(connection: Connection, name: str) -> CampaignFacts:
    """Gather what is known of a campaign that was refreshed.

    Raises
    ------
    ConfigurationError
        No campaign of this name was refreshed.
    """
    outline = outline_of(connection, name)
    campaign = next(plain for plain in recorded_campaigns(connection) if plain["name"] == outline.name)
    candidates = connection.database["candidates"]
    mine = {"campaign": name, "deprecated": False}
    gates, totals = count(connection, outline)
    compositions = count_compositions(connection, outline)
    promoted = promoted_first(connection, outline, _projection())
    waiting = likeliest_first(connection, outline, _projection())
    values = list(candidates.find(mine, {"_id": 0, **dict.fromkeys(_OF_ALL, 1)}))
    comparison = beside_published(connection, campaign, values)
    models = models_of(connection, name)
    materials = connection.database["materials"]
    sources = sorted(materials.distinct("source", {"deprecated": False}))
    ids = [doc["structure_id"] for doc in (*promoted, *waiting) if doc.get("structure_id")]
    theirs = {"structure_id": {"$in": ids}, "deprecated": False}
    methods = sorted(connection.database["properties"].distinct("method", theirs)) if ids else []
    papers = [comparison.key] if comparison else []
    bases = [*methods, *(model["model_id"] for model in models)]
    return CampaignFacts(
        name=name,
        campaign=campaign,
        comparison=comparison,
        compositions=compositions,
        gates=gates,
        totals=totals,
        promoted=promoted,
        waiting=each_composition_once(waiting)[:WAITING],
        elements=Counter(element for doc in promoted or waiting for element in doc.get("elements", ())),
        waits=Counter(str(doc.get("waiting_for")) for doc in waiting),
        values=values,
        p_2d=_tenths(connection, name) if compositions else [],
        routes=_routes(connection, {doc["route"] for doc in values if doc.get("route")}),
        models=models,
        sources=[
            {"name": source, "records": materials.count_documents({"source": source, "deprecated": False})}
            for source in sources
        ],
        methods=methods,
        bibliography=bibtex(sorted({*cited(sources, bases), *papers})),
    )


_ENERGIES: Final = ("exfoliation_energy", "energy_above_hull", "formation_energy", "pourbaix_energy")
_OF_ALL: Final = ("candidate_id", "formula_reduced", "status", "route", "novel", "lows", "highs", *_ENERGIES)


def _routes(connection: Connection, names: set[str]) -> list[RouteFigures]:
    made = names & set(connection.database["structures"].distinct("route", {"deprecated": False}))
    return route_report(connection, sorted(made)).rows if made else []


def _projection() -> Doc:
    return {"_id": 0, **dict.fromkeys(_SHOWN, 1)}


def _tenths(connection: Connection, campaign: str) -> list[int]:
    numbers = [0] * 10
    view = composition_view(connection, campaign)
    if view is None:
        return numbers
    p_2d = view.path("p_2d")
    tenth = {"$min": [9, {"$floor": {"$multiply": [f"${p_2d}", 10]}}]}
    stages = [{"$match": {p_2d: {"$ne": None}, **view.criteria()}}, {"$group": {"_id": tenth, "n": {"$sum": 1}}}]
    for group in connection.database["compositions"].aggregate(stages, allowDiskUse=True):
        numbers[int(group["_id"])] = group["n"]
    return numbers
