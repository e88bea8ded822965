"""Stage `matches`: finds out which proposed structure, or known material, each calculation is of.

The manifest beside the input says so; where there is none, or it does not fit, structures are compared.
"""

from __future__ import annotations

from typing import ClassVar

from ...models.structure.serialization import from_plain
from ...stores.documents import Calculation, ProposedStructure
from ..engine.batches import Doc, Item, Outcome
from ..engine.selection.group_members import Members
from ..engine.selection.group_stage import GroupStage
from ..materials.formula_groups import KNOWN_STRUCTURES, formulas_in
from ..materials.known_structures import KnownStructures


class MatchStage(GroupStage):
    """Fills `structure_id` and `material_id` of calculations, formula by formula."""

    name = "matches"
    version = 2
    groups_per_batch = 50
    members = (
        Members(Calculation, "formula_reduced", ("record",), ("structure", "initial_structure", "manifest")),
        Members(ProposedStructure, "formula_reduced", ("proposal", "novelty"), ("structure", "duplicate_of", "rank")),
        KNOWN_STRUCTURES,
    )
    writes: ClassVar = {Calculation: "match"}

    def groups_of(self, changed: set[str]) -> list[str]:
        """Leave out formulas that nobody has calculated."""
        return formulas_in(self.db, Calculation, changed)

    def process(self, items: list[Item]) -> list[Outcome]:
        """Match the calculations of each formula."""
        return [{"calculations": _matches(item.content)} for item in items]


def _matches(group: Doc) -> list[Doc]:
    # The original of several equal proposals stands for all of them.
    proposals = sorted(group["structures"], key=lambda doc: ("duplicate_of" in doc, doc["structure_id"]))
    known = _Known(proposals, "structure_id")
    materials = _Known(group["materials"], "material_id")
    return [_match(calculation, known, materials) for calculation in group["calculations"]]


class _Known:
    def __init__(self, docs: list[Doc], key: str) -> None:
        self.ids = {doc[key] for doc in docs}
        self._structures = KnownStructures(docs, key)

    def find(self, calculation: Doc, field: str) -> str | None:
        if not self.ids or field not in calculation:
            return None
        return self._structures.first_same(from_plain(calculation[field]))


def _match(calculation: Doc, structures: _Known, materials: _Known) -> Doc:
    result: Doc = {"calculation_id": calculation["calculation_id"]}
    manifest = calculation.get("manifest", {})
    if manifest.get("structure_id") in structures.ids and "bulk_of" not in manifest:
        return {**result, "structure_id": manifest["structure_id"], "matched_by": "manifest"}
    if manifest.get("material_id") in materials.ids:
        return {**result, "material_id": manifest["material_id"], "matched_by": "manifest"}
    for field, how in (("initial_structure", "initial structure"), ("structure", "final structure")):
        structure_id, material_id = structures.find(calculation, field), materials.find(calculation, field)
        if structure_id or material_id:
            return {**result, "structure_id": structure_id, "material_id": material_id, "matched_by": how}
    return result
