"""Stage `exfoliation`: exfoliation energies of monolayers from calculations of the layer and of its bulk, made alike.

Pairs that were not made alike are refused, and the reasons kept.
"""

from __future__ import annotations

from typing import Any, ClassVar

from ...models.energetics.exfoliation import ExfoliationRefused, LayeredCalculation, exfoliation_energy, in_plane_area
from ...models.structure.serialization import from_plain
from ...stores.documents import Calculation, Property, ProposedStructure
from ..engine.batches import Doc, Item, Outcome
from ..engine.selection.group_members import Members
from ..engine.selection.group_stage import GroupStage
from .hull_entries import USABLE_TASKS
from .limits import limited_by_dispersion

COMPARED = (
    *("ENCUT", "PREC", "LASPH", "LREAL", "LSORBIT", "ISPIN"),
    *("IVDW", "LUSE_VDW", "AGGAC", "PARAM1", "PARAM2", "ZAB_VDW", "BPARAM", "CPARAM"),
)
"""Settings that must agree beside functional, U values and pseudopotentials."""


class ExfoliationStage(GroupStage):
    """Writes exfoliation_energy of proposed monolayers that have been calculated together with their bulk."""

    name = "exfoliation"
    version = 3
    members = (
        Members(
            Calculation,
            "formula_reduced",
            ("record", "match"),
            (
                *("energy", "composition", "functional", "hubbards", "potcar_symbols", "settings", "structure"),
                *("structure_id", "material_id", "manifest", "task_type"),
            ),
            {"converged": True, "set_aside": {"$ne": True}, "task_type": {"$in": list(USABLE_TASKS)}},
        ),
        Members(
            ProposedStructure,
            "formula_reduced",
            ("proposal",),
            ("parent_id", "route"),
            {"dimension": 2},
        ),
    )
    writes: ClassVar = {Property: "value"}
    writes_kinds = ("exfoliation_energy",)

    def groups_of(self, changed: set[str]) -> list[str]:
        """Leave out formulas that nobody has calculated."""
        calculated = self.db.database["calculations"].distinct("formula_reduced")
        return sorted(changed & set(calculated))

    def process(self, items: list[Item]) -> list[Outcome]:
        """Pair the calculations of each formula."""
        return [{"properties": _energies(item.content)} for item in items]


def _energies(group: Doc) -> list[Doc]:
    docs = []
    for structure in group["structures"]:
        layers = [doc for doc in group["calculations"] if doc.get("structure_id") == structure["structure_id"]]
        bulks = [doc for doc in group["calculations"] if _is_bulk_of(doc, structure)]
        by_method: dict[str, Doc] = {}
        reasons: dict[tuple[str, str], str] = {}
        for layer in sorted(layers, key=_best_first):
            for bulk in sorted(bulks, key=_best_first):
                if layer["functional"] in by_method:
                    continue
                try:
                    by_method[layer["functional"]] = _document(structure, layer, bulk)
                except ExfoliationRefused as refused:
                    reasons[layer["calculation_id"], bulk["calculation_id"]] = "; ".join(refused.reasons)
        docs += [by_method[name] for name in sorted(by_method)]
        if reasons and not by_method:
            docs.append(_refusal(structure, reasons))
    return docs


def _is_bulk_of(calculation: Doc, structure: Doc) -> bool:
    if calculation.get("structure_id") == structure["structure_id"]:
        return False
    bulk_of = calculation.get("manifest", {}).get("bulk_of")
    parent = structure.get("parent_id")
    return bulk_of == structure["structure_id"] or (parent is not None and calculation.get("material_id") == parent)


def _best_first(calculation: Doc) -> tuple[int, float, str]:
    atoms = sum(calculation["composition"].values())
    task = USABLE_TASKS.index(calculation["task_type"])
    return task, calculation["energy"] / atoms, calculation["calculation_id"]


def _document(structure: Doc, layer: Doc, bulk: Doc) -> Doc:
    crystal = from_plain(layer["structure"])
    energy = exfoliation_energy(_as_layered(layer, in_plane_area(crystal)), _as_layered(bulk, None))
    method = layer["functional"]
    details: dict[str, Any] = {
        "calculation_id": layer["calculation_id"],
        "bulk_calculation_id": bulk["calculation_id"],
        "van_der_waals": energy.van_der_waals,
    }
    document = {
        "property_id": f"{structure['structure_id']}/exfoliation_energy/{method}",
        "structure_id": structure["structure_id"],
        "kind": "exfoliation_energy",
        "method": method,
        "basis": "calculation",
        "value": energy.per_atom,
        "unit": "eV/atom",
        "per_area": energy.per_area,
        "details": details,
        "made_of": [structure["structure_id"], layer["calculation_id"], bulk["calculation_id"]],
    }
    return limited_by_dispersion(document, layer=True, method=method)


def _as_layered(calculation: Doc, area: float | None) -> LayeredCalculation:
    settings = {name: calculation.get("settings", {}).get(name) for name in COMPARED}
    settings |= {f"U({element})": value for element, value in (calculation.get("hubbards") or {}).items()}
    settings["POTCAR"] = sorted(set(calculation.get("potcar_symbols") or []))
    return LayeredCalculation(
        energy=calculation["energy"],
        composition=calculation["composition"],
        functional=calculation["functional"],
        settings={name: value for name, value in settings.items() if value is not None},
        area=area,
        name=calculation["calculation_id"],
    )


def _refusal(structure: Doc, reasons: dict[tuple[str, str], str]) -> Doc:
    method = "calculation, refused"
    return {
        "property_id": f"{structure['structure_id']}/exfoliation_energy/{method}",
        "structure_id": structure["structure_id"],
        "kind": "exfoliation_energy",
        "method": method,
        "basis": "calculation",
        "unit": "eV/atom",
        "refused": "; ".join(f"{layer} with {bulk}: {why}" for (layer, bulk), why in sorted(reasons.items())),
        "made_of": [structure["structure_id"], *(calculation_id for pair in reasons for calculation_id in pair)],
    }
