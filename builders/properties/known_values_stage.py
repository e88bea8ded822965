"""Stage `known-values`: gives proposed structures the values that are known without a calculation of our own.

A structure has all values of a known material with the same structure, as proposed or, of a crystal, relaxed; a
monolayer has the exfoliation energy of the bulk it was cut from as well. Each value names its basis and method; better
ones stand beside them, never in their place.
"""

from __future__ import annotations

from typing import Any, ClassVar

from ...models.composition.formula.parsing import read_one
from ...models.energetics.corrections.standard_states import standard_states
from ...stores.documents import Material, Property, ProposedStructure
from ..engine.batches import Doc, Item, Outcome
from ..engine.selection.group_members import Members
from ..engine.selection.group_stage import GroupStage
from ..materials.preferred_stage import VALUE_FIELDS
from .hulls.known_hull_stage import EXPERIMENT, family
from .hulls.limits import limited_by_dispersion

_OF_CRYSTALS = tuple(field for field in VALUE_FIELDS if field != "exfoliation_energy")
_KIND_OF = {"decomposition_energy": "energy_above_hull"}
_UNITS = {"band_gap": "eV"}


class KnownValuesStage(GroupStage):
    """Writes `properties` of proposed structures from the values of known materials of the same formula."""

    name = "known-values"
    version = 3
    members = (
        Members(
            ProposedStructure,
            "formula_reduced",
            ("proposal", "novelty", "relaxed"),
            ("route", "parent_id", "known_as", "relaxed_known_as", "dimension"),
        ),
        Members(
            Material,
            "formula_reduced",
            ("record",),
            (*VALUE_FIELDS, "methods", "source", "nsites", "dimension_claimed", "layered_claimed"),
            {"$or": [{name: {"$exists": True}} for name in VALUE_FIELDS]},
        ),
    )
    writes: ClassVar = {Property: "value"}
    writes_kinds = tuple(sorted({_KIND_OF.get(field, field) for field in VALUE_FIELDS}))

    def groups_of(self, changed: set[str]) -> list[str]:
        """Leave out formulas nobody ever proposed; the values of those no longer proposed are to be retired."""
        proposed = self.db.database["structures"].distinct("formula_reduced")
        return sorted(changed & set(proposed))

    def process(self, items: list[Item]) -> list[Outcome]:
        """Collect the values of each formula's structures."""
        return [{"properties": _values(item.content)} for item in items]


def _values(group: Doc) -> list[Doc]:
    materials = {material["material_id"]: material for material in group["materials"]}
    values: dict[str, Doc] = {}
    for structure in group["structures"]:
        if structure.get("dimension") == 3:
            _add_crystal(values, structure, materials)
        if structure.get("dimension") != 2:
            continue
        for material_id in structure.get("known_as") or []:
            if material_id in materials:
                for field in VALUE_FIELDS:
                    _add(values, structure, materials[material_id], field, "same-structure")
        parent = materials.get(structure["parent_id"]) if structure["route"] == "top-down" else None
        if parent is not None:
            _add(values, structure, parent, "exfoliation_energy", "parent")
            _add_sum(values, structure, parent)
        for material in materials.values():
            if "nsites" not in material:  # a table that knows compositions only
                _add(values, structure, material, "exfoliation_energy", "composition")
    return list(values.values())


def _add_crystal(values: dict[str, Doc], structure: Doc, materials: dict[str, Doc]) -> None:
    for material_id in {*(structure.get("known_as") or []), *(structure.get("relaxed_known_as") or [])}:
        material = materials.get(material_id, {})
        if material.get("dimension_claimed") in (None, 3):
            for field in _OF_CRYSTALS:
                _add(values, structure, material, field, "same-structure")


def _add(values: dict[str, Doc], structure: Doc, material: Doc, field: str, basis: str) -> None:
    value = material.get(field)
    if value is None:
        return
    kind = _KIND_OF.get(field, field)
    how = material.get("methods", {}).get(field, "method not stated")
    _put(values, structure, kind, f"{how} ({material['source']}, {basis})", basis, value, [material["material_id"]])


def _add_sum(values: dict[str, Doc], structure: Doc, parent: Doc) -> None:
    # By definition E_f(layer) = E_f(bulk) + E_exf, per atom, where both are of one kind.
    formation, exfoliation = parent.get("formation_energy"), parent.get("exfoliation_energy")
    if formation is None or exfoliation is None:
        return
    methods = parent.get("methods", {})
    how = f"{methods.get('formation_energy', 'not stated')} of the bulk + exfoliation energy"
    method = f"{how} ({parent['source']}, parent)"
    _put(values, structure, "formation_energy", method, "parent", formation + exfoliation, [parent["material_id"]])


def _put(
    values: dict[str, Doc], structure: Doc, kind: str, method: str, basis: str, value: float, ids: list[str]
) -> None:
    identity = f"{structure['structure_id']}/{kind}/{method}"
    if identity in values and values[identity]["value"] <= value:
        return  # several polymorphs under one name: the lowest counts
    doc: dict[str, Any] = {
        "property_id": identity,
        "structure_id": structure["structure_id"],
        "kind": kind,
        "method": method,
        "basis": basis,
        "value": float(value),
        "unit": _UNITS.get(kind, "eV/atom"),
        "details": {"materials": ids, **measured_against(kind, method, structure["formula_reduced"])},
        "made_of": [structure["structure_id"], *ids],
    }
    values[identity] = limited_by_dispersion(doc, layer=structure.get("dimension") == 2, method=method)


def measured_against(kind: str, method: str, formula: str) -> Doc:
    """Name the forms of elements that a measured energy of formation refers to, where an element has several."""
    if kind != "formation_energy" or family(method) != EXPERIMENT:
        return {}
    states = standard_states(sorted(read_one(formula)))
    return {"element_references": states} if states else {}
