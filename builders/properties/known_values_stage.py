"""Stage `known-values`: gives proposed structures the values that are known without a calculation of our own.

A structure has the values of the known material that it is, as proposed or, of a crystal, relaxed; a monolayer has the
exfoliation energy of the bulk it was cut from as well, whichever source of that bulk states it. Each value names its
basis and method; better ones stand beside them, never in their place.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from ...models.composition.formula.single_formula import read_one
from ...models.energetics.corrections.standard_states import standard_states
from ...stores.documents import Material, Property, ProposedStructure
from ..engine.batches import Doc, Item, Outcome
from ..engine.selection.group_members import Members
from ..engine.selection.group_stage import GroupStage
from ..materials.preferred_stage import VALUE_FIELDS
from ..materials.source_order import SourceOrdered
from .hulls.known_hull_stage import EXPERIMENT, family
from .hulls.limits import limited_by_dispersion
from .per_atom_moment import KIND as MAGNETIZATION
from .per_atom_moment import UNIT as OF_MOMENTS
from .per_atom_moment import per_atom

_FIELDS = (*VALUE_FIELDS, MAGNETIZATION)
_OF_CRYSTALS = tuple(field for field in _FIELDS if field != "exfoliation_energy")
_ABOUT = ("methods", "source", "nsites", "dimension_claimed", "layered_claimed", "energy_per_atom", "same_as")
_KIND_OF = {"decomposition_energy": "energy_above_hull"}
_UNITS = {"band_gap": "eV", MAGNETIZATION: OF_MOMENTS}


class KnownValuesStage(SourceOrdered, GroupStage):
    """Writes `properties` of proposed structures from the values of known materials of the same formula.

    Several materials that are the same structure but not one material, as two magnetic states, give no mixture: the
    values are those of one, and its `same_as`. That is the one whose source goes first, of one source the lowest in
    energy, then the nearest in structure. What others say stands in the details.

    Parameters
    ----------
    order
        Names of sources; the setting `source_order` when None.
    """

    name = "known-values"
    version = 6  # with magnetic moments
    members = (
        Members(
            ProposedStructure,
            "formula_reduced",
            ("proposal", "novelty", "relaxed"),
            ("route", "parent_id", "known_match", "relaxed_known_match", "dimension"),
        ),
        Members(
            Material,
            "formula_reduced",
            ("record", "links"),
            (*_FIELDS, *_ABOUT),
            {"$or": [{name: {"$exists": True}} for name in _FIELDS]},
        ),
    )
    writes: ClassVar = {Property: "value"}
    writes_kinds = tuple(sorted({_KIND_OF.get(field, field) for field in _FIELDS}))

    def groups_of(self, changed: set[str]) -> list[str]:
        """Leave out formulas nobody ever proposed; the values of those no longer proposed are to be retired."""
        proposed = self.db.database["structures"].distinct("formula_reduced")
        return sorted(changed & set(proposed))

    def process(self, items: list[Item]) -> list[Outcome]:
        """Collect the values of each formula's structures."""
        return [{"properties": self._values(item.content)} for item in items]

    def _values(self, group: Doc) -> list[Doc]:
        materials = {material["material_id"]: material for material in group["materials"]}
        # Tables that know compositions only say nothing of the structure: of several rows the lowest counts.
        tables = sorted(
            (one for one in materials.values() if "nsites" not in one and one.get("exfoliation_energy") is not None),
            key=lambda material: (material["exfoliation_energy"], material["material_id"]),
        )
        values: dict[str, Doc] = {}
        for structure in group["structures"]:
            dimension = structure.get("dimension")
            if dimension in (2, 3):
                self._add_known(values, structure, materials)
            if dimension != 2:
                continue
            for parent in self._bulks(structure, materials):
                _add(values, structure, parent, "exfoliation_energy", "parent")
                _add_sum(values, structure, parent)
            for material in tables:
                _add(values, structure, material, "exfoliation_energy", "composition")
        return list(values.values())

    def _add_known(self, values: dict[str, Doc], structure: Doc, materials: dict[str, Doc]) -> None:
        crystal = structure["dimension"] == 3
        matches = [*(structure.get("known_match") or []), *((crystal and structure.get("relaxed_known_match")) or [])]
        nearest: dict[str, Doc] = {}
        for match in sorted(matches, key=lambda match: (not match["same"], match.get("rms", 0.0))):
            material = materials.get(match["material_id"], {})
            if material and not (crystal and material.get("dimension_claimed") not in (None, 3)):
                nearest.setdefault(match["material_id"], match)
        same = [materials[key] for key, match in nearest.items() if match["same"]]
        same.sort(key=lambda material: self._before(material, nearest))
        if not same:
            return
        one_material = {same[0]["material_id"], *same[0].get("same_as", ())}
        for material in same:
            if material["material_id"] in one_material:
                for field in _OF_CRYSTALS if crystal else _FIELDS:
                    others = [materials[key] for key in nearest if key != material["material_id"]]
                    _add(values, structure, material, field, "same-structure", others)

    def _bulks(self, structure: Doc, materials: dict[str, Doc]) -> list[Doc]:
        """Documents of the bulk that a layer was cut from: its parent, then those of other sources of the same."""
        if structure["route"] != "top-down":
            return []
        key = structure["parent_id"]
        own = [material for material in (materials.get(key),) if material]
        others = [material for material in materials.values() if key in material.get("same_as", ())]
        return own + sorted(others, key=lambda material: (self.place(material["source"]), material["material_id"]))

    def _before(self, material: Doc, matches: dict[str, Doc]) -> tuple[tuple[int, str], float, float, str]:
        key = material["material_id"]
        energy = material.get("energy_per_atom")
        return (
            self.place(material["source"]),
            float("inf") if energy is None else energy,
            matches[key].get("rms", 0.0),
            key,
        )


def _add(
    values: dict[str, Doc], structure: Doc, material: Doc, field: str, basis: str, others: Sequence[Doc] = ()
) -> None:
    value = _stated(material, field)
    if value is None:
        return
    kind = _KIND_OF.get(field, field)
    method = f"{_method(material, field)} ({material['source']}, {basis})"
    details: Doc = {"materials": [material["material_id"]]}
    stated = [
        {
            "material_id": other["material_id"],
            "source": other["source"],
            "method": _method(other, field),
            "value": value_of_other,
            "same": other["material_id"] in material.get("same_as", ()),
        }
        for other in others
        if (value_of_other := _stated(other, field)) is not None
    ]
    if stated:
        details["others"] = stated
    _put(values, structure, kind, method, basis, value, details)


def _stated(material: Doc, field: str) -> float | None:
    return per_atom(material) if field == MAGNETIZATION else material.get(field)


def _method(material: Doc, field: str) -> str:
    return str(material.get("methods", {}).get(field, "method not stated"))


def _add_sum(values: dict[str, Doc], structure: Doc, parent: Doc) -> None:
    # By definition E_f(layer) = E_f(bulk) + E_exf, per atom, where both are of one kind.
    formation, exfoliation = parent.get("formation_energy"), parent.get("exfoliation_energy")
    if formation is None or exfoliation is None:
        return
    methods = parent.get("methods", {})
    how = f"{methods.get('formation_energy', 'not stated')} of the bulk + exfoliation energy"
    method = f"{how} ({parent['source']}, parent)"
    details = {"materials": [parent["material_id"]]}
    _put(values, structure, "formation_energy", method, "parent", formation + exfoliation, details)


def _put(
    values: dict[str, Doc], structure: Doc, kind: str, method: str, basis: str, value: float, details: Doc
) -> None:
    identity = f"{structure['structure_id']}/{kind}/{method}"
    if identity in values:
        return  # those that go first are put first
    doc: dict[str, Any] = {
        "property_id": identity,
        "structure_id": structure["structure_id"],
        "kind": kind,
        "method": method,
        "basis": basis,
        "value": float(value),
        "unit": _UNITS.get(kind, "eV/atom"),
        "details": {**details, **measured_against(kind, method, structure["formula_reduced"])},
        "made_of": [structure["structure_id"], *details["materials"]],
    }
    values[identity] = limited_by_dispersion(doc, layer=structure.get("dimension") == 2, method=method)


def measured_against(kind: str, method: str, formula: str) -> Doc:
    """Name the forms of elements that a measured energy of formation refers to, where an element has several."""
    if kind != "formation_energy" or family(method) != EXPERIMENT:
        return {}
    states = standard_states(sorted(read_one(formula)))
    return {"element_references": states} if states else {}
