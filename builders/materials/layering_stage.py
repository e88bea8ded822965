"""Stage `layers`: tells for every known structure whether it consists of layers."""

from __future__ import annotations

from typing import Any, ClassVar, Final

from ...models.structure.layered.layering import DATABASE_RULES, PAPER_RULES, LayerRules, analyse_layers
from ...models.structure.serialization import BadStructure, from_plain
from ...stores.documents import Material
from ..engine.batches import Doc, Item, Outcome, Refused
from ..engine.selection.map_stage import MapStage

RULES: dict[str, LayerRules] = {"paper": PAPER_RULES, "database": DATABASE_RULES}
"""Named rules: the text of the 2DMatPedia paper, and what its entries agree with (see `models.structure.layers`)."""


class LayerStage(MapStage):
    """Adds dimensionality and layering to materials with a structure, by the rules that databases follow."""

    name = "layers"
    version = 1
    source = Material
    facets = ("record",)
    fields = ("structure",)
    criteria: ClassVar[Doc] = {"structure": {"$exists": True}, "disordered": {"$ne": True}}
    writes: ClassVar = {Material: "layers"}
    orphans = "by key"

    rules: Final = "database"
    """Name in `RULES`; a campaign may cut layers by others."""

    def config(self) -> Doc:
        """Name of the rules."""
        return {"rules": self.rules}

    def process(self, items: list[Item]) -> list[Outcome]:
        """Analyse each structure."""
        return [self._analyse(item) for item in items]

    def _analyse(self, item: Item) -> Outcome:
        try:
            structure = from_plain(item.content["structure"])
        except BadStructure as bad:
            return Refused(
                "materials", item.key, bad.reason, "Correct the structure in the source and ingest it again."
            )
        analysis = analyse_layers(structure, RULES[self.rules])
        layering: dict[str, Any] = {"rules": self.rules}
        if analysis.layered:
            layering |= {"layered_at": list(analysis.layered_at), "layers_per_cell": analysis.layers_per_cell}
        else:
            layering["reason"] = analysis.reason
        doc = {
            "material_id": item.key,
            "layered": analysis.layered if analysis.analysed else None,
            "dimensionality": analysis.dimensionality,
            "layering": layering,
        }
        return {"materials": [doc]}
