"""Stage `exfoliation`: exfoliation energies of monolayers from calculations of the layer and of its bulk, made alike.

Pairs that were not made alike are refused, and the reasons kept.
"""

from __future__ import annotations

from typing import Any, ClassVar

from ...models.calculation.run_kind import ENERGY_KINDS
from ...models.energetics.exfoliation import ExfoliationRefused, LayeredCalculation, exfoliation_energy, in_plane_area
from ...models.structure.layered.layer_count import count_layers
from ...models.structure.serialization import from_plain
from ...stores.documents import Calculation, Property, ProposedStructure
from ..engine.batches import Doc, Item, Outcome
from ..engine.selection.group_members import Members
from ..engine.selection.group_stage import GroupStage
from .limits import limited_by_dispersion
from .usable_calculations import USABLE_FIELDS, why_unusable

COMPARED = (
    *("ENCUT", "PREC", "LASPH", "LREAL", "LSORBIT", "ISPIN"),
    *("IVDW", "LUSE_VDW", "AGGAC", "PARAM1", "PARAM2", "ZAB_VDW", "BPARAM", "CPARAM"),
)
"""Settings that must agree beside functional, U values and pseudopotentials."""


class ExfoliationStage(GroupStage):
    """Writes exfoliation_energy of proposed monolayers that have been calculated together with their bulk."""

    name = "exfoliation"
    version = 4
    members = (
        Members(
            Calculation,
            "formula_reduced",
            ("record", "match"),
            (
                *("energy", "composition", "functional", "hubbards", "potcar_symbols", "settings", "structure"),
                *("structure_id", "material_id", "manifest", *USABLE_FIELDS),
            ),
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
        reasons: dict[tuple[str, ...], str] = {}
        for doc in (*layers, *bulks):
            if why := why_unusable(doc, "exfoliation"):
                reasons[(doc["calculation_id"],)] = why
        layers, bulks = ([doc for doc in side if (doc["calculation_id"],) not in reasons] for side in (layers, bulks))
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
    task = ENERGY_KINDS.index(calculation["task_type"])
    return task, calculation["energy"] / atoms, calculation["calculation_id"]


def _document(structure: Doc, layer: Doc, bulk: Doc) -> Doc:
    crystal = from_plain(layer["structure"])
    layers = count_layers(crystal)
    energy = exfoliation_energy(_as_layered(layer, in_plane_area(crystal), layers), _as_layered(bulk))
    method = layer["functional"]
    details: dict[str, Any] = {
        "calculation_id": layer["calculation_id"],
        "bulk_calculation_id": bulk["calculation_id"],
        "van_der_waals": energy.van_der_waals,
        **({"layers": layers} if layers > 1 else {}),
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


def _as_layered(calculation: Doc, area: float | None = None, layers: int = 1) -> LayeredCalculation:
    settings = {name: calculation.get("settings", {}).get(name) for name in COMPARED}
    settings |= {f"U({element})": value for element, value in (calculation.get("hubbards") or {}).items()}
    settings["POTCAR"] = sorted(set(calculation.get("potcar_symbols") or []))
    return LayeredCalculation(
        energy=calculation["energy"],
        composition=calculation["composition"],
        functional=calculation["functional"],
        settings={name: value for name, value in settings.items() if value is not None},
        area=area,
        layers=layers,
        name=calculation["calculation_id"],
    )


def _refusal(structure: Doc, reasons: dict[tuple[str, ...], str]) -> Doc:
    method = "calculation, refused"
    return {
        "property_id": f"{structure['structure_id']}/exfoliation_energy/{method}",
        "structure_id": structure["structure_id"],
        "kind": "exfoliation_energy",
        "method": method,
        "basis": "calculation",
        "unit": "eV/atom",
        "refused": "; ".join(f"{' with '.join(pair)}: {why}" for pair, why in sorted(reasons.items())),
        "made_of": [structure["structure_id"], *(calculation_id for pair in reasons for calculation_id in pair)],
    }
