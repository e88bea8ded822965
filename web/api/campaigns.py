"""Campaigns: their gates, their funnels, and why a candidate stands where it does."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, HTTPException, Request

from ...builders.candidates.campaigns.gate_outline import CampaignOutline, outlines
from ...builders.candidates.funnel import count, count_compositions
from ...builders.candidates.outlook import outlook
from ...builders.candidates.verdicts import verdicts_on
from ...stores.bookkeeping.overview import candidates_by_campaign
from ...stores.connection import Connection
from ...stores.query.language.spelling import reduced
from ..json_values import public
from .documents import connection_of, kept_of

Doc = dict[str, Any]

router = APIRouter()


@router.get("/campaigns", summary="Campaigns of this registry, with their gates and candidates")
def campaigns(request: Request) -> list[Doc]:
    """Every campaign that was refreshed: gates in order, and how many candidates are promoted, waiting, rejected."""
    return kept_of(request).of("campaigns", lambda: _listed(connection_of(request)))


def _listed(connection: Connection) -> list[Doc]:
    numbers = {row["campaign"]: row for row in candidates_by_campaign(connection)}
    return [
        {
            "name": campaign.name,
            "gates": [{"name": gate.name, "field": gate.field, "condition": gate.condition} for gate in campaign.gates],
            "candidates": numbers.get(campaign.name, {}),
        }
        for campaign in outlines(connection)
    ]


@router.get("/campaigns/{name}/funnel", summary="How many candidates reach and pass each gate")
def funnel(request: Request, name: str) -> Doc:
    """The funnel of generated compositions, where there are any, and that of structures."""
    connection = connection_of(request)
    campaign = _campaign(request, name)

    def counted() -> Doc:
        rows, totals = count(connection, campaign)
        return {"campaign": name, "compositions": count_compositions(connection, campaign), "gates": rows, **totals}

    return kept_of(request).of(("funnel", name), counted)


@router.get("/why/{identity:path}", summary="Why a candidate was promoted, rejected, or waits")
def why(request: Request, identity: str) -> list[Doc]:
    """Every gate with value, interval and threshold, of a candidate, a structure, or all of a formula.

    ``outlook`` says what would change the verdict: which value, by how much, by which calculations.
    """
    try:
        formula = reduced(identity)
    except ValueError:
        formula = None
    found = verdicts_on(connection_of(request), identity, formula=formula)
    return [
        public({key: value for key, value in doc.items() if key != "structure"}) | {"outlook": outlook(doc)}
        for doc in found
    ]


def _campaign(request: Request, name: str) -> CampaignOutline:
    for campaign in outlines(connection_of(request)):
        if campaign.name == name:
            return campaign
    raise HTTPException(404, f"no campaign is called {name!r}")
