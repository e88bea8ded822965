"""Stage `matches`: finds out which proposed structure, or known material, each calculation is of.

The manifest beside the input says so, and is believed of a calculation that begins or ends with that structure, or
begins where another one of it ended; where there is none, or it does not fit, structures are compared.
"""

from __future__ import annotations

from contextlib import suppress
from typing import ClassVar, Final

from ...models.structure.comparison.matching import Comparison, Prepared, prepare
from ...models.structure.layered.held_layer import TOLERANCE, held_layer
from ...models.structure.serialization import BadStructure, from_plain
from ...stores.documents import Calculation, ProposedStructure
from ..engine.batches import Doc, Item, Outcome
from ..engine.selection.group_members import Members
from ..engine.selection.group_stage import GroupStage
from ..materials.formula_groups import KNOWN_STRUCTURES, formulas_in
from ..materials.known_structures import KnownStructures
from .vasp.crawl import MANIFEST

_COMPARISON: Final = Comparison(max_density_ratio=None)
"""Whatever the size: a predicted cell may be far from the relaxed one."""
_FORMS: Final = ("initial_structure", "structure")
_LAYER: Final = 2
"""Dimension of a layer."""


class MatchStage(GroupStage):
    """Fills `structure_id` and `material_id` of calculations, formula by formula."""

    name = "matches"
    version = 5
    groups_per_batch = 50
    members = (
        Members(Calculation, "formula_reduced", ("record",), ("structure", "initial_structure", "manifest")),
        Members(
            ProposedStructure,
            "formula_reduced",
            ("proposal", "novelty"),
            ("structure", "dimension", "duplicate_of", "rank"),
        ),
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
    known.follow([doc for doc in group["calculations"] if "bulk_of" not in doc.get("manifest", {})])
    materials.follow(group["calculations"])
    return [_match(calculation, known, materials) for calculation in group["calculations"]]


class _Known:
    """Proposed structures or known materials, and which calculations are of which by their manifest and structure."""

    def __init__(self, docs: list[Doc], key: str) -> None:
        self.key = key
        self.docs = {doc[key]: doc for doc in docs}
        self._structures = KnownStructures(docs, key)
        self._believed: set[str] = set()

    def follow(self, calculations: list[Doc]) -> None:
        """Find the calculations that begin or end with the structure they name, or begin where another of it ended."""
        named: dict[str, list[Doc]] = {}
        for doc in calculations:
            if (name := doc.get("manifest", {}).get(self.key)) in self.docs:
                named.setdefault(name, []).append(doc)
        for name, docs in named.items():
            by_id = {doc["calculation_id"]: doc for doc in docs}
            waiting = {doc["calculation_id"]: [_prepared(doc, field) for field in _FORMS] for doc in docs}
            forms, compared = [_prepared(self.docs[name], "structure")], list[Prepared]()
            while forms:
                form = forms.pop()
                if form is None or any(_COMPARISON.same(one, form) for one in compared):
                    continue
                compared.append(form)
                found = [identity for identity, ends in waiting.items() if _are_alike(form, ends)]
                forms += [waiting.pop(identity)[-1] for identity in found]
                self._believed |= set(found)
            # Several layers in one cell, as in a bilayer, are of the layer too.
            self._believed |= {identity for identity in waiting if _may_hold(by_id[identity], self.docs[name])}

    def named_by(self, calculation: Doc) -> tuple[str | None, str | None]:
        """Which the manifest names, and why it is not believed: None where it is."""
        name = calculation.get("manifest", {}).get(self.key)
        if name is None or calculation["calculation_id"] in self._believed:
            return name, None
        if name in self.docs:
            return name, f"and its structure is another one ({TOLERANCE})"
        return name, "which is no structure of its formula here"

    def original(self, name: str) -> str:
        """Of several equal proposals the one that stands for all: only that one is judged."""
        original = str(self.docs[name].get("duplicate_of") or name)
        return original if original in self.docs else name

    def find(self, calculation: Doc, field: str) -> str | None:
        if not self.docs or field not in calculation:
            return None
        return self._structures.first_same(from_plain(calculation[field]))


def _may_hold(calculation: Doc, layer: Doc) -> bool:
    if layer.get("dimension") != _LAYER:
        return False
    with suppress(BadStructure):
        held = held_layer(from_plain(calculation["structure"]), [from_plain(layer["structure"])])
        return held.holds is not False
    return False


def _are_alike(form: Prepared, ends: list[Prepared | None]) -> bool:
    return any(end is not None and _COMPARISON.same(form, end) for end in ends)


def _prepared(doc: Doc, field: str) -> Prepared | None:
    try:
        return prepare(from_plain(doc[field])) if field in doc else None
    except BadStructure:
        return None


def _match(calculation: Doc, structures: _Known, materials: _Known) -> Doc:
    result: Doc = {"calculation_id": calculation["calculation_id"]}
    manifest = calculation.get("manifest", {})
    for known in (structures, materials):
        if known is structures and "bulk_of" in manifest:
            continue
        name, doubt = known.named_by(calculation)
        if name is not None and doubt is None:
            return {**result, known.key: known.original(name), "matched_by": "manifest"}
        if name is not None:
            result["mismatch"] = f"its {MANIFEST} names {name}, {doubt}"
    for field, how in zip(_FORMS, ("initial structure", "final structure"), strict=True):
        structure_id, material_id = structures.find(calculation, field), materials.find(calculation, field)
        if structure_id or material_id:
            return {**result, "structure_id": structure_id, "material_id": material_id, "matched_by": how}
    return result
