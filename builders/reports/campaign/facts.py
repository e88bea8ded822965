"""What the report on a campaign tells: numbers, the shortlist, what waits for what, sources, methods, citations."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any, Final

from ....stores.connection import Connection
from ...candidates.campaigns.gate_outline import outline_of
from ...candidates.funnel import count, count_compositions
from ...releases.citations import bibtex, cited

Doc = dict[str, Any]

SHORTLIST: Final = 24
"""Promoted candidates with a picture each."""
WAITING: Final = 12
_SHOWN: Final = (
    *("candidate_id", "structure_id", "formula_reduced", "elements", "status", "structure", "space_group", "parent_id"),
    *("route", "novelty_class", "novelty_beside", "thickness", "p_2d", "gates", "methods", "lows", "highs", "values"),
    *("exfoliation_energy", "energy_above_hull", "formation_energy", "pourbaix_energy", "band_gap", "waiting_for"),
)


@dataclass(frozen=True, slots=True)
class CampaignFacts:
    """What is known of a campaign.

    Attributes
    ----------
    name
        The campaign.
    compositions, gates
        Funnels, as `count_compositions` and `count` give them.
    totals
        candidates, promoted, waiting, rejected.
    promoted, waiting
        Candidates, those with the least exfoliation energy or hull distance first.
    elements
        How many promoted candidates have each element.
    waits
        Candidates that wait, by the gate they wait for.
    values
        Every current candidate's values, for the map: id, formula, status, energies with their ends.
    p_2d
        Numbers of compositions by tenths of their probability of forming a 2D material.
    sources, methods
        What it rests on.
    bibliography
        BibTeX of these.
    """

    name: str
    compositions: list[Doc]
    gates: list[Doc]
    totals: dict[str, int]
    promoted: list[Doc]
    waiting: list[Doc]
    elements: Counter[str]
    waits: Counter[str]
    values: list[Doc]
    p_2d: list[int]
    sources: list[Doc]
    methods: list[str]
    bibliography: str


def facts_of(connection: Connection, name: str) -> CampaignFacts:
    """Gather what is known of a campaign that was refreshed.

    Raises
    ------
    ConfigurationError
        No campaign of this name was refreshed.
    """
    outline = outline_of(connection, name)
    candidates = connection.database["candidates"]
    mine = {"campaign": name, "deprecated": False}
    gates, totals = count(connection, outline)
    compositions = count_compositions(connection, outline)
    promoted = sorted(candidates.find({**mine, "status": "promoted"}, _projection()), key=_by_energy)
    waiting = sorted(candidates.find({**mine, "status": "waiting"}, _projection()), key=_by_energy)
    shown = dict.fromkeys(("candidate_id", "formula_reduced", "status", "lows", "highs", *_ENERGIES), 1) | {"_id": 0}
    materials = connection.database["materials"]
    sources = sorted(materials.distinct("source", {"deprecated": False}))
    ids = [doc["structure_id"] for doc in (*promoted, *waiting) if doc.get("structure_id")]
    values = {"structure_id": {"$in": ids}, "deprecated": False}
    methods = sorted(connection.database["properties"].distinct("method", values)) if ids else []
    return CampaignFacts(
        name=name,
        compositions=compositions,
        gates=gates,
        totals=totals,
        promoted=promoted,
        waiting=waiting[:WAITING],
        elements=Counter(element for doc in promoted for element in doc.get("elements", ())),
        waits=Counter(str(doc.get("waiting_for")) for doc in waiting),
        values=list(candidates.find(mine, shown)),
        p_2d=_tenths(connection) if compositions else [],
        sources=[
            {"name": source, "records": materials.count_documents({"source": source, "deprecated": False})}
            for source in sources
        ],
        methods=methods,
        bibliography=bibtex(cited(sources, methods)),
    )


_ENERGIES: Final = ("exfoliation_energy", "energy_above_hull", "formation_energy")


def _projection() -> Doc:
    return {"_id": 0, **dict.fromkeys(_SHOWN, 1)}


def _by_energy(doc: Doc) -> tuple[bool, float, str]:
    energies = [doc[name] for name in ("exfoliation_energy", "energy_above_hull") if doc.get(name) is not None]
    return not energies, energies[0] if energies else 0.0, doc["candidate_id"]


def _tenths(connection: Connection) -> list[int]:
    numbers = [0] * 10
    tenth = {"$min": [9, {"$floor": {"$multiply": ["$p_2d", 10]}}]}
    stages = [{"$match": {"p_2d": {"$ne": None}, "deprecated": False}}, {"$group": {"_id": tenth, "n": {"$sum": 1}}}]
    for group in connection.database["compositions"].aggregate(stages, allowDiskUse=True):
        numbers[int(group["_id"])] = group["n"]
    return numbers
