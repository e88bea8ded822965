"""Stage `layers`: tells for every known structure whether it consists of layers, and what it is made of."""

from __future__ import annotations

from typing import Any, ClassVar, Final

from ...models.structure.dimensionality.layering import (
    DATABASE_RULES,
    DEFAULT_RULES,
    PAPER_RULES,
    LayerAnalysis,
    Rules,
    analyse_layers,
)
from ...models.structure.serialization import BadStructure, from_plain
from ...models.structure.vacuum import is_monolayer_cell
from ...stores.documents import Material
from ..engine.batches import Doc, Item, Outcome, Refused
from ..engine.selection.map_stage import MapStage

RULES: Final[dict[str, Rules]] = {"strength": DEFAULT_RULES, "paper": PAPER_RULES, "database": DATABASE_RULES}
"""Named rules: by score and strength of bonds; the text of the 2DMatPedia paper; what its entries agree with."""

_DIGITS = 4


class LayerStage(MapStage):
    """Adds dimensionality and layering to materials with a structure, by score and strength of their bonds."""

    name = "layers"
    version = 5
    source = Material
    facets = ("structure",)
    fields = ("structure",)
    criteria: ClassVar[Doc] = {"structure": {"$exists": True}, "disordered": {"$ne": True}}
    writes: ClassVar = {Material: "layers"}
    orphans = "by key"

    rules: Final = "strength"
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
        layering: Doc = {"rules": self.rules, "reason": _reason(analysis, alone=is_monolayer_cell(structure))}
        if analysis.analysed:
            layering |= _verdict(analysis)
        doc = {
            "material_id": item.key,
            "layered": analysis.layered if analysis.analysed else None,
            "dimensionality": analysis.dimensionality,
            "layering": layering,
        }
        return {"materials": [doc]}


def _reason(analysis: LayerAnalysis, *, alone: bool) -> str | None:
    if alone and analysis.dimensionality in {0, 1}:
        return f"{analysis.kind} in a cell with vacuum are no monolayer: {analysis.reason}"
    return analysis.reason


def _verdict(analysis: LayerAnalysis) -> Doc:
    """What was found, with the figures it rests on."""
    verdict: dict[str, Any] = {
        "kind": analysis.kind,
        "score": round(analysis.score or 0.0, _DIGITS),
        "scores": {f"{d}D": round(score, _DIGITS) for d, score in enumerate(analysis.scores or ())},
    }
    if analysis.layered:
        verdict["layers_per_cell"] = analysis.layers_per_cell
    if binding := analysis.binding:
        verdict["binding"] = {
            "share": round(binding.share, _DIGITS),
            "strongest": round(binding.strongest, _DIGITS),
            "covalent": round(binding.covalent, _DIGITS),
            "per_area": round(binding.per_area, _DIGITS),
            "within": round(binding.within, _DIGITS),
            "metal": round(binding.metal, _DIGITS),
        }
    return verdict
