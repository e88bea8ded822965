"""Stage `judge`: sends every structure of a campaign through its gates and writes the registry of candidates."""

from __future__ import annotations

from contextlib import suppress
from functools import cache
from math import isnan
from typing import TYPE_CHECKING, Any, ClassVar

from ...models.composition.average_oxidation import average_oxidation_state
from ...stores.clock import utc_now
from ...stores.documents import Candidate, Property, ProposedStructure
from ...stores.documents.base import labelled
from ...stores.documents.candidate import letters
from ...stores.errors import ConfigurationError
from ..engine.batches import Doc, Item, Outcome
from ..engine.selection.group_members import Members
from ..engine.selection.group_stage import GroupStage
from ..properties.hulls.set_free import redox_stable
from ..properties.potential import known_potentials
from ..properties.potential.lowest_energies_stage import LEFT_OUT
from .best_values import best_values, by_one_potential, of_composition
from .campaigns.campaign import Campaign
from .campaigns.gates import pass_through
from .own_values import ValuesBy, own_values

if TYPE_CHECKING:
    from ...models.potential.interface import Potential

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
    "novelty_class",
    "novelty_beside",
    "known_as",
    "p_2d",
    "predicted_formation_energy",
    "relaxed_duplicate_of",
)
_OF_RELAXED = ("relaxed_novel", "relaxed_known_as", "relaxed_duplicate_of")
_DECIDES = ("gates", "ranking", "dimension", "elements", "pourbaix")
_AMONG_LOWEST = "among_lowest"
_OXIDATION = "oxidation_state"
_FAMILIARITY = "ion_familiarity"
_REDOX = "redox_stable"
_PARENT_MADE = "parent_synthesised"
_OF_PROPERTIES = (
    *("kind", "method", "basis", "value", "unit", "low", "high", "lacks", "competing", "stale"),
    *(f"details.{LEFT_OUT}", "details.formation_energy_by", "details.completeness.deeper_by", "facets.value.stage"),
    *("details.falls_into", "details.sets_free"),
)


class JudgeStage(GroupStage):
    """Judges the structures of one campaign.

    A changed threshold judges anew and computes nothing else; the verdict it replaces goes into the history.

    Parameters
    ----------
    campaign
        The campaign, as plain data.
    makers
        Names of the stages whose structures it judges; those of its routes whoever made them without.
    values_by
        Which values count of those that campaigns want by other settings each, the fields of `ValuesBy`.
    """

    version = 17
    groups_per_batch = 500
    writes: ClassVar = {Candidate: "verdict"}

    def __init__(
        self,
        campaign: Doc,
        makers: list[str] | None = None,
        values_by: Doc | None = None,
        share: Doc | None = None,
    ) -> None:
        self.campaign = Campaign.model_validate(campaign)
        self.makers = makers
        self.potential: Potential | None = None
        if self.campaign.potential is not None:
            with suppress(ConfigurationError):  # its package is gone: a refresh says so
                self.potential = known_potentials.potential(self.campaign.potential.model)
        self.values_by = values_by
        self.by = ValuesBy(**values_by) if values_by is not None else _usual(self.campaign)
        self.name = f"judge:{self.campaign.name}"
        super().__init__(share=share)

    def arguments(self) -> Doc:
        """The campaign, whose structures it judges, and by whose values."""
        campaign = self.campaign.model_dump(mode="json", by_alias=True)
        return {"campaign": campaign, "makers": self.makers, "values_by": self.values_by}

    def config(self) -> Doc:
        """What decides: gates, which values count first, and which structures are judged."""
        plain = self.campaign.model_dump(mode="json", by_alias=True)
        decides = {name: plain[name] for name in _DECIDES if plain[name]}
        return {**decides, "values_by": self.by._asdict(), "routes": self._routes, "makers": self.makers}

    @property
    def _routes(self) -> list[str]:
        return sorted({*self.campaign.routes.names, *self.campaign.judges})

    def sources_of_members(self) -> tuple[Members, ...]:
        """Judge structures of the campaign's routes by their properties; earlier verdicts are looked at."""
        mine: Doc = {"dimension": self.campaign.dimension, "duplicate_of": {"$exists": False}}
        if self.makers is None:
            mine["route"] = {"$in": self._routes}
        else:  # its own of each route, and those of further routes whoever made them
            mine["$or"] = [{"proposed_by": {"$in": self.makers}}, {"route": {"$in": list(self.campaign.judges)}}]
        if self.campaign.elements:
            mine["chemsys"] = "-".join(sorted(self.campaign.elements))
        return (
            self._structures(mine),
            Members(Property, "structure_id", ("value",), _OF_PROPERTIES),
            Members(
                Candidate,
                "structure_id",
                (),
                ("status", "rejected_by", "waiting_for", "gates", "history", "updated_at"),
                # A structure that was retired and comes back finds its old verdicts.
                {"campaign": self.campaign.name, "deprecated": {"$in": [True, False]}},
            ),
        )

    def _structures(self, mine: Doc) -> Members:
        if self.by.relaxed is None:
            fields = tuple(name for name in (*_COPIED, _PARENT_MADE) if name not in _OF_RELAXED)
            return Members(ProposedStructure, "structure_id", ("proposal", "novelty"), fields, mine)
        facets = ("proposal", "novelty", labelled("relaxed", self.by.relaxed))
        return Members(ProposedStructure, "structure_id", facets, (*_COPIED, _PARENT_MADE, *_OF_RELAXED), mine)

    def process(self, items: list[Item]) -> list[Outcome]:
        """Judge each structure."""
        return [self._judge(item.content) for item in items]

    def _judge(self, group: Doc) -> Outcome:
        if not group["structures"]:
            return {}
        structure = group["structures"][0]
        candidate: dict[str, Any] = {name: structure[name] for name in _COPIED if name in structure}
        if structure.get("relaxed_novel") is False:
            known = {*candidate.get("known_as", []), *structure["relaxed_known_as"]}
            candidate |= {"novel": False, "known_as": sorted(known)}
        elif structure.get("novelty_class") == "may be known":
            del candidate["novel"]
        properties = by_one_potential(group["properties"], self.potential.name if self.potential else None)
        properties = own_values(properties, self.by)
        candidate["context"] = of_composition(properties)
        candidate |= best_values(properties, ranking=self.campaign.ranking)
        if any(gate.field == _AMONG_LOWEST for gate in self.campaign.gates):
            candidate[_AMONG_LOWEST] = _among_lowest(properties)
        asked = {gate.element for gate in self.campaign.gates if gate.field == _OXIDATION and gate.element}
        states = {element: average_oxidation_state(structure["formula_reduced"], element) for element in sorted(asked)}
        candidate[_OXIDATION] = {element: state for element, state in states.items() if state is not None} or None
        if any(gate.field == _FAMILIARITY for gate in self.campaign.gates):
            candidate[_FAMILIARITY] = _familiarity(structure["formula_reduced"])
        if any(gate.field == _REDOX for gate in self.campaign.gates) and not structure.get("parent_synthesised"):
            candidate[_REDOX] = redox_stable(properties)
        verdict = pass_through(self.campaign.gates, candidate)
        candidate |= verdict
        candidate["gate_verdicts"] = letters(verdict["gates"])
        candidate["candidate_id"] = f"{self.campaign.name}/{group['group']}"
        candidate["campaign"] = self.campaign.name
        candidate["history"] = _history(group["candidates"], verdict)
        # What others made of the structure is none of its origins, so that it changes nothing of its verdict.
        candidate["made_of"] = [doc["property_id"] for doc in properties]
        return {"candidates": [candidate]}


@cache
def _familiarity(formula: str) -> float | None:
    from ...models.composition.ion_familiarity import familiarity  # a second of imports, where a gate asks

    [score] = familiarity([formula])
    return None if isnan(score) else round(float(score), 3)


def _usual(campaign: Campaign) -> ValuesBy:
    """By the usual names, as where a campaign is the only one."""
    label = known_potentials.label(campaign.potential.model) if campaign.potential else ""
    conditions = campaign.pourbaix.conditions if campaign.pourbaix else None
    return ValuesBy(relaxed=label, conditions=conditions)


def _among_lowest(properties: list[Doc]) -> bool:
    """False of a structure that was not relaxed because others were lower, unless it was calculated all the same."""
    if any(doc.get("basis") == "calculation" and doc.get("value") is not None for doc in properties):
        return True
    return not any(doc.get("details", {}).get(LEFT_OUT) for doc in properties)


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
