"""Stage `bottom-up`: replaces elements of monolayers by others of their group, as 2DMatPedia does."""

from __future__ import annotations

from typing import ClassVar

from ...models.structure.layered.same_group_substitution import SubstitutionRules, same_group_substitutions
from ...models.structure.serialization import from_plain
from ...models.structure.vacuum import thickest_gap
from ...stores.documents import ProposedStructure
from ...stores.documents.base import labelled
from ..engine.batches import Doc, Item, Outcome
from ..engine.selection.map_stage import MapStage
from . import proposed_structure


class BottomUpStage(MapStage):
    """Makes structures by same-group substitution in the monolayers of the top-down route.

    Parameters
    ----------
    at_once
        ``one`` element at a time, or ``any`` combination of them.
    max_elements
        Monolayers of more elements are left alone.
    max_period_step
        How many periods a replacement may be away; without it any number.
    parents_by
        Name of the stage whose monolayers are taken; those of the top-down route whoever made them without.
    label
        Of these settings, beside others.
    """

    version = 2
    source = ProposedStructure
    facets = ("proposal", "novelty")
    fields = ("structure",)
    criteria: ClassVar[Doc] = {
        "route": "top-down",
        "valid": True,
        "novel": {"$exists": True},
        "duplicate_of": {"$exists": False},
    }
    writes: ClassVar = {ProposedStructure: "proposal"}

    def __init__(
        self,
        at_once: str = "any",
        max_elements: int = 2,
        max_period_step: int | None = 1,
        parents_by: str | None = None,
        label: str = "",
        share: Doc | None = None,
    ) -> None:
        self.name = labelled("bottom-up", label)
        self.at_once = at_once
        self.parents_by = parents_by
        self.label = label
        if parents_by is not None:
            self.criteria = {**self.criteria, "made_by": parents_by}  # type: ignore[misc]  # by campaign
        self.max_elements = max_elements
        self.max_period_step = max_period_step
        super().__init__(share=share)

    def arguments(self) -> Doc:
        """Rules of substitution."""
        names = ("at_once", "max_elements", "max_period_step", "parents_by", "label")
        return {name: getattr(self, name) for name in names}

    def process(self, items: list[Item]) -> list[Outcome]:
        """Make all substitutions of each monolayer."""
        rules = SubstitutionRules(
            at_once="one" if self.at_once == "one" else "any",
            max_elements=self.max_elements,
            max_period_step=self.max_period_step,
        )
        outcomes: list[Outcome] = []
        for item in items:
            parent = from_plain(item.content["structure"])
            proposals = []
            for rank, new in enumerate(same_group_substitutions(parent, rules), 1):
                identity = ",".join(f"{old}>{by}" for old, by in sorted(new.replaced.items()))
                gap = thickest_gap(new.structure)
                lattice = new.structure.lattice
                thickness = lattice.abc[gap.axis] - gap.thickness
                facts = {
                    "dimension": 2,
                    "substitution": dict(new.replaced),
                    "thickness": max(0.0, float(thickness)),
                    "area": float(new.structure.volume / lattice.abc[gap.axis]),
                }
                proposals.append(proposed_structure.Proposal(new.structure, item.key, identity, rank, facts))
            outcomes.append({"structures": proposed_structure.documents("bottom-up", proposals)})
        return outcomes
