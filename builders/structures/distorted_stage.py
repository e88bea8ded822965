"""Stage `distorted`: what candidates become along their soft vibrations, as structures that are judged like any other.

Which candidates' vibrations are looked at is decided where these are calculated.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Final

from ...models.potential.stability.symmetric_relaxation import primitive
from ...models.structure.serialization import from_plain
from ...models.structure.vacuum import extent_of_layer
from ...stores.documents import Candidate, Property, ProposedStructure
from ..engine.batches import Doc, Item, Outcome
from ..engine.selection.group_members import Members
from ..engine.selection.group_stage import GroupStage
from ..properties.potential import known_potentials
from ..properties.stability.potential_stability_stage import FREQUENCY, PASSES_UP_TO_STABILITY, stability_method
from . import proposed_structure

ROUTE: Final = "distorted"


class DistortedStage(GroupStage):
    """Makes a structure of every distortion by which a potential wins energy; what is made so is not followed on.

    After S. Manti et al., npj Comput. Mater. 9, 33 (2023). What two potentials agree in is one structure, by `novelty`.

    Parameters
    ----------
    campaign
        Name of the campaign whose candidates are looked at.
    potentials
        Names of the potentials whose vibrations are followed.
    """

    version = 1
    groups_per_batch = 50
    writes: ClassVar = {ProposedStructure: "proposal"}

    def __init__(self, campaign: str, potentials: Sequence[str], *, share: Doc | None = None) -> None:
        self.campaign = campaign
        self.potentials = tuple(sorted(set(potentials)))
        self.name = f"{ROUTE}:{campaign}"
        made = (known_potentials.potential(name) for name in self.potentials)
        self._by_method = {stability_method(potential, FREQUENCY): potential.title for potential in made}
        super().__init__(share=share)

    def arguments(self) -> Doc:
        """Whose candidates, and by which potentials."""
        return {"campaign": self.campaign, "potentials": list(self.potentials)}

    def sources_of_members(self) -> tuple[Members, ...]:
        """Read what the potentials made of soft structures, and which of these the campaign looks at still."""
        return (
            Members(
                Property,
                "structure_id",
                ("value",),
                ("property_id", "method", "value", "structure", "details.distortion", "details.q_point"),
                criteria={"structure": {"$exists": True}},
                fixed={"kind": FREQUENCY, "method": {"$in": sorted(self._by_method)}},
            ),
            Members(
                Candidate,
                "structure_id",
                ("verdict",),
                ("dimension",),
                criteria={"route": {"$ne": ROUTE}, **PASSES_UP_TO_STABILITY},
                fixed={"campaign": self.campaign},
            ),
        )

    def process(self, items: list[Item]) -> list[Outcome]:
        """Make what each candidate becomes by each of the potentials."""
        outcomes: list[Outcome] = []
        for item in items:
            soft = sorted(item.content["properties"], key=lambda found: str(found["method"]))
            proposals = [
                self._proposal(item.key, candidate["dimension"], found, rank)
                for candidate in item.content["candidates"]
                for rank, found in enumerate(soft, 1)
            ]
            documents = proposed_structure.documents(ROUTE, proposals)
            for doc, found in zip(documents, soft, strict=False):  # nothing is made of what is no candidate any more
                doc["made_of"] = [item.key, found["property_id"]]
            outcomes.append({"structures": documents})
        return outcomes

    def _proposal(self, parent_id: str, dimension: int, found: Doc, rank: int) -> proposed_structure.Proposal:
        structure = primitive(from_plain(found["structure"]))
        facts: Doc = {"dimension": dimension} | (
            extent_of_layer(structure)._asdict() if dimension == proposed_structure.LAYER else {}
        )
        facts["distortion"] = {
            "potential": self._by_method[found["method"]],
            "frequency": found["value"],
            "q_point": found["details"]["q_point"],
            "won": found["details"]["distortion"]["won"],
        }
        return proposed_structure.Proposal(structure, parent_id, found["method"], rank, facts)
