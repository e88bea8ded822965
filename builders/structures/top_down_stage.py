"""Stage `top-down`: cuts monolayers out of layered bulk crystals."""

from __future__ import annotations

from typing import ClassVar

from ...models.structure.layered.monolayer import Monolayer, NotLayered, monolayers
from ...models.structure.serialization import BadStructure, from_plain
from ...models.structure.vacuum import VACUUM, is_monolayer_cell
from ...stores.documents import Material, ProposedStructure
from ...stores.documents.base import labelled
from ..engine.batches import Doc, Item, Outcome, Refused
from ..engine.selection.map_stage import MapStage
from ..materials.layering_stage import RULES, LayerStage
from . import proposed_structure


class TopDownStage(MapStage):
    """Makes a structure of every distinct monolayer of every layered bulk material.

    Parameters
    ----------
    rules
        Name of the layer rules.
    vacuum
        Å between the outermost nuclei of a layer and its image.
    label
        Of these settings, beside others.
    """

    version = 4
    source = Material
    fields = ("structure", "dimension_claimed", "synthesised")
    writes: ClassVar = {ProposedStructure: "proposal"}

    def __init__(
        self, rules: str = LayerStage.rules, vacuum: float = VACUUM, label: str = "", share: Doc | None = None
    ) -> None:
        self.name = labelled("top-down", label)
        self.rules = rules
        self.vacuum = vacuum
        self.label = label
        self.facets = ("structure",)  # type: ignore[misc]  # by rules
        self.criteria: Doc = {  # type: ignore[misc]  # by rules
            "dimension_claimed": {"$ne": 2},
            "structure": {"$exists": True},
            "disordered": {"$ne": True},
        }
        if rules == LayerStage.rules:  # by other rules everything has to be looked at
            self.facets = ("structure", "layers")  # type: ignore[misc]
            self.criteria["layered"] = True
        super().__init__(share=share)

    def arguments(self) -> Doc:
        """Rules, vacuum and label."""
        return {"rules": self.rules, "vacuum": self.vacuum, "label": self.label}

    def config(self) -> Doc:
        """Rules and vacuum."""
        return {"rules": self.rules, "vacuum": self.vacuum}

    def process(self, items: list[Item]) -> list[Outcome]:
        """Cut the monolayers of each bulk."""
        outcomes: list[Outcome] = []
        proposals: list[tuple[int, proposed_structure.Proposal]] = []
        for number, item in enumerate(items):
            outcomes.append({"structures": []})
            try:
                bulk = from_plain(item.content["structure"])
                if is_monolayer_cell(bulk):  # a monolayer of a source that does not say so
                    continue
                layers = monolayers(bulk, vacuum=self.vacuum, rules=RULES[self.rules])
            except NotLayered as bad:
                if self.rules == LayerStage.rules:
                    outcomes[number] = Refused("materials", item.key, str(bad), "Look at the structure in the source.")
                continue
            except BadStructure as bad:
                outcomes[number] = Refused("materials", item.key, str(bad), "Look at the structure in the source.")
                continue
            for rank, layer in enumerate(layers, 1):
                facts = {"dimension": 2, "thickness": layer.thickness, "area": layer.area}
                if item.content.get("synthesised"):
                    facts["parent_synthesised"] = True
                checks, remarks = self._stoichiometry(layer)
                proposal = proposed_structure.Proposal(
                    layer.structure, item.key, self._identity(rank), rank, facts, checks, remarks
                )
                proposals.append((number, proposal))
        for (number, _), doc in zip(
            proposals, proposed_structure.documents("top-down", [proposal for _, proposal in proposals]), strict=True
        ):
            outcomes[number]["structures"].append(doc)  # type: ignore[index]  # a dict: nothing refused was made
        return outcomes

    def _stoichiometry(self, layer: Monolayer) -> tuple[dict[str, bool], dict[str, Doc]]:
        # By strength, layers of several kinds are only cut where each is neutral; by counts they may be charged.
        if layer.same_composition or self.rules != LayerStage.rules:
            return {"stoichiometry": layer.same_composition}, {}
        return {}, {"stoichiometry": {"verdict": "unknown", "reason": "one of several kinds of layers of its bulk"}}

    def _identity(self, rank: int) -> str:
        # The same layer in whatever vacuum is one; by other rules it may be another one of the bulk.
        return str(rank) if self.rules == LayerStage.rules else f"{rank}, {self.rules} rules"
