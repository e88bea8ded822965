"""Stage `judge`: sends every structure of a campaign through its gates and writes the registry of candidates."""

from __future__ import annotations

from typing import Any, ClassVar

from ...stores.clock import utc_now
from ...stores.documents import Candidate, Property, ProposedStructure
from ..group_stage import GroupStage, Members
from ..work import Doc, Item, Outcome
from .campaign import Campaign
from .gates import pass_through

_COPIED = (
    "structure_id",
    "route",
    "parent_id",
    "dimension",
    "formula",
    "formula_reduced",
    "formula_anonymous",
    "chemsys",
    "elements",
    "nelements",
    "structure",
    "nsites",
    "volume",
    "space_group",
    "thickness",
    "charge_neutral",
    "electronegativity_balanced",
    "valid",
    "novel",
    "known_as",
)
_KINDS = ("formation_energy", "exfoliation_energy", "energy_above_hull", "pourbaix_energy", "band_gap")
_BASES = ("calculation", "same-structure", "parent", "composition", "potential")
"""Which basis wins where several values of one kind are known: the first."""


class JudgeStage(GroupStage):
    """Judges the structures of one campaign.

    A changed threshold judges anew and computes nothing else; the verdict it replaces goes into the history.

    Parameters
    ----------
    campaign
        The campaign, as plain data.
    """

    version = 2
    groups_per_batch = 500
    writes: ClassVar = {Candidate: "verdict"}

    def __init__(self, campaign: Doc, share: Doc | None = None) -> None:
        self.campaign = Campaign.model_validate(campaign)
        self.name = f"judge:{self.campaign.name}"
        super().__init__(share=share)

    def arguments(self) -> Doc:
        """Give the campaign."""
        return {"campaign": self.campaign.model_dump(mode="json", by_alias=True)}

    def config(self) -> Doc:
        """Give what decides: gates, and which structures are judged."""
        plain = self.campaign.model_dump(mode="json", by_alias=True)
        return {"gates": plain["gates"], "dimension": plain["dimension"], "routes": sorted(self.campaign.routes.names)}

    def sources_of_members(self) -> tuple[Members, ...]:
        """Judge structures of the campaign's routes by their properties; earlier verdicts are looked at."""
        mine = {
            "dimension": self.campaign.dimension,
            "route": {"$in": sorted(self.campaign.routes.names)},
            "duplicate_of": {"$exists": False},
        }
        return (
            Members(ProposedStructure, "structure_id", ("proposal", "novelty"), _COPIED, mine),
            Members(Property, "structure_id", ("value",), ("kind", "method", "basis", "value", "stale")),
            Members(
                Candidate,
                "structure_id",
                (),
                ("status", "rejected_by", "waiting_for", "gates", "history", "updated_at"),
                # A structure that was retired and comes back finds its old verdicts.
                {"campaign": self.campaign.name, "deprecated": {"$in": [True, False]}},
            ),
        )

    def process(self, items: list[Item]) -> list[Outcome]:
        """Judge each structure."""
        return [self._judge(item.content) for item in items]

    def _judge(self, group: Doc) -> Outcome:
        if not group["structures"]:
            return {}
        structure = group["structures"][0]
        candidate: dict[str, Any] = {name: structure[name] for name in _COPIED if name in structure}
        candidate |= _best_values(group["properties"])
        verdict = pass_through(self.campaign.gates, candidate)
        candidate |= verdict
        candidate["candidate_id"] = f"{self.campaign.name}/{group['group']}"
        candidate["campaign"] = self.campaign.name
        candidate["history"] = _history(group["candidates"], verdict)
        return {"candidates": [candidate]}


def _best_values(properties: list[Doc]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    methods: dict[str, str] = {}
    for kind in _KINDS:
        known = [one for one in properties if one["kind"] == kind and one.get("value") is not None]
        if known:
            best = min(known, key=lambda one: (_BASES.index(one.get("basis", "potential")), one["value"]))
            values[kind] = best["value"]
            methods[kind] = best["method"]
    if methods:
        values["methods"] = methods
    return values


def _history(earlier: list[Doc], verdict: Doc) -> list[Doc]:
    if not earlier:
        return []
    before = earlier[0]
    history: list[Doc] = list(before.get("history") or [])
    if before.get("gates") == verdict["gates"]:
        return history
    old = {
        name: before[name] for name in ("status", "rejected_by", "waiting_for", "gates") if before.get(name) is not None
    }
    return [*history, {**old, "judged_at": before["updated_at"].isoformat(), "until": utc_now().isoformat()}]
