"""Which generated compositions are those of known materials: as they are drawn, and as materials come and go.

Two stages write the same facet, each for what is new on its side, so that neither a million compositions nor a
million materials are looked through when a few of the others change. What a model that came along drew is compared with
all that such models have learnt from, too: it is no discovery that the Materials Project has and this registry has not.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from ...stores.documents import Composition, Material
from ..engine.batches import Doc, Item, Outcome
from ..engine.channels import Channel
from ..engine.selection.group_members import Members
from ..engine.selection.group_stage import GroupStage
from ..engine.selection.map_stage import MapStage
from ..materials.formula_groups import formulas_in
from ..training.shipped.learnt_compositions import learnt
from ..training.shipped.shipped_models import is_shipped


class CompositionNoveltyStage(MapStage):
    """Stage `novelty-of-compositions`: looks new compositions up among the known materials."""

    name = "novelty-of-compositions"
    version = 2  # what models that came along draw again of what they have learnt is not novel
    source = Composition
    facets = ("sample",)
    fields = ("generator",)
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
        by_models = _learnt_by_models({item.key: item.content for item in items})
        return [_outcome(item.key, known=item.key in self.lookup, by_models=item.key in by_models) for item in items]


class KnownCompositionsStage(GroupStage):
    """Stage `known-compositions`: says again whether a composition is novel when materials of it come or go."""

    name = "known-compositions"
    version = 2  # as CompositionNoveltyStage
    members = (
        Members(Material, "formula_reduced", ("structure",), ()),
        Members(Composition, "formula_reduced", (), ("generator",)),
    )
    writes: ClassVar = {Composition: "novelty"}
    orphans = "kept"

    def groups_of(self, changed: set[str]) -> list[str]:
        """Leave out formulas nobody has drawn."""
        return formulas_in(self.db, Composition, changed)

    def process(self, items: list[Item]) -> list[Outcome]:
        """Whether a material of each composition is known."""
        drawn = {item.key: doc for item in items for doc in item.content["compositions"]}
        by_models = _learnt_by_models(drawn)
        known = {item.key for item in items if item.content["materials"]}
        return [_outcome(item.key, known=item.key in known, by_models=item.key in by_models) for item in items]


def _learnt_by_models(drawn: Mapping[str, Doc]) -> set[str]:
    """Those of some compositions that a model drew which came along, and that such models have learnt from."""
    asked = [formula for formula, doc in drawn.items() if is_shipped(doc.get("generator") or "")]
    return {formula for formula, flag in zip(asked, learnt(asked).tolist(), strict=True) if flag} if asked else set()


def _outcome(formula: str, *, known: bool, by_models: bool) -> Outcome:
    document: Doc = {"formula_reduced": formula, "novel": not (known or by_models)}
    return {"compositions": [{**document, "learnt_by_models": True} if by_models else document]}
