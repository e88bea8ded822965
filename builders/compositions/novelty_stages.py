"""Which generated compositions are those of known materials: as they are drawn, and as materials come and go.

Two stages write the same facet, each for what is new on its side, so that neither a million compositions nor a
million materials are looked through when a few of the others change.
"""

from __future__ import annotations

from typing import ClassVar

from ...stores.documents import Composition, Material
from ..engine.batches import Item, Outcome
from ..engine.channels import Channel
from ..engine.selection.group_members import Members
from ..engine.selection.group_stage import GroupStage
from ..engine.selection.map_stage import MapStage
from ..materials.formula_groups import formulas_in


class CompositionNoveltyStage(MapStage):
    """Stage `novelty-of-compositions`: looks new compositions up among the known materials."""

    name = "novelty-of-compositions"
    version = 1
    source = Composition
    facets = ("sample",)
    fields = ()
    writes: ClassVar = {Composition: "novelty"}

    def looks_at(self) -> tuple[Channel, ...]:
        """Known materials; stage `known-compositions` hears of their changes."""
        return (Channel("materials", "structure"),)

    def read_lookup(self) -> frozenset[str]:
        """Read the formulas of all known materials."""
        known = self.db.database["materials"].aggregate(
            [{"$match": {"deprecated": False}}, {"$group": {"_id": "$formula_reduced"}}]
        )
        return frozenset(doc["_id"] for doc in known if doc["_id"])

    def process(self, items: list[Item]) -> list[Outcome]:
        """Look a batch of compositions up."""
        return [
            {"compositions": [{"formula_reduced": item.key, "novel": item.key not in self.lookup}]} for item in items
        ]


class KnownCompositionsStage(GroupStage):
    """Stage `known-compositions`: says again whether a composition is novel when materials of it come or go."""

    name = "known-compositions"
    version = 1
    members = (
        Members(Material, "formula_reduced", ("structure",), ()),
        Members(Composition, "formula_reduced", (), ()),
    )
    writes: ClassVar = {Composition: "novelty"}
    orphans = "kept"

    def groups_of(self, changed: set[str]) -> list[str]:
        """Leave out formulas nobody has drawn."""
        return formulas_in(self.db, Composition, changed)

    def process(self, items: list[Item]) -> list[Outcome]:
        """Whether a material of each composition is known."""
        return [
            {"compositions": [{"formula_reduced": item.key, "novel": not item.content["materials"]}]} for item in items
        ]
