"""Stage `exfoliation`: exfoliation energies of monolayers from calculations of the layer and of its bulk, made alike.

Pairs that were not made alike are refused, and the reasons kept.
"""

from __future__ import annotations

from typing import Any, ClassVar, Final, NamedTuple

from ...models.calculation.run_kind import ENERGY_KINDS
from ...models.energetics.exfoliation import ExfoliationRefused, LayeredCalculation, exfoliation_energy, in_plane_area
from ...models.structure.layered.held_layer import Held, held_layer
from ...models.structure.layered.in_plane_cell import InPlaneCell, in_plane_cell, in_plane_k_steps, in_plane_strain
from ...models.structure.layered.layer_count import count_layers
from ...models.structure.serialization import from_plain
from ...models.structure.vacuum import thickest_gap
from ...stores.documents import Calculation, Property, ProposedStructure
from ..engine.batches import Doc, Item, Outcome
from ..engine.selection.group_members import Members
from ..engine.selection.group_stage import GroupStage
from .hulls.limits import limited_by_dispersion
from .hulls.relaxed_layers import relaxed_in_plane
from .hulls.usable_calculations import USABLE_FIELDS, why_unusable

COMPARED: Final = (
    *("ENCUT", "PREC", "EDIFF", "ISMEAR", "SIGMA", "LASPH", "LREAL", "ADDGRID", "GGA_COMPAT"),
    *("ISPIN", "NUPDOWN", "LSORBIT", "LNONCOLLINEAR", "PSTRESS"),
    *("LHFCALC", "AEXX", "HFSCREEN", "PRECFOCK", "AGGAX", "AGGAC", "ALDAX", "ALDAC", "AMGGAX", "AMGGAC"),
    *("IVDW", "LVDW", "LUSE_VDW", "IVDW_NL", "PARAM1", "PARAM2", "PARAM3", "ZAB_VDW", "BPARAM", "CPARAM"),
    *("VDW_S6", "VDW_S8", "VDW_A1", "VDW_A2", "VDW_R0", "VDW_SR", "VDW_D", "VDW_C6", "VDW_RADIUS", "VDW_CNRADIUS"),
)
"""Settings that must agree beside functional, U values, k-points in the plane, charge and pseudopotentials."""
STRAIN: Final = 0.005
"""Relative difference of in-plane cells up to which strain is passed over. In both directions it costs 2 meV/atom in
graphene, the stiffest layer (Young's modulus 340 N/m, Poisson's ratio 0.17; C. Lee et al., Science 321, 385 (2008))."""
WIDE_VACUUM: Final = 10.0
"""Å between nuclei from which a layer's images are apart: dispersion between layers falls with the fourth power of
their distance (J. F. Dobson et al., Phys. Rev. Lett. 96, 073201 (2006)), to 1 % of that across a gap of 3.3 Å."""


class ExfoliationStage(GroupStage):
    """Writes exfoliation_energy of proposed monolayers that have been calculated together with their bulk."""

    name = "exfoliation"
    version = 8
    members = (
        Members(
            Calculation,
            "formula_reduced",
            ("record", "match"),
            (
                *("energy", "composition", "functional", "hubbards", "potcar_symbols", "settings", "charge", "kpoints"),
                *("structure", "initial_structure", "structure_id", "material_id", "manifest", *USABLE_FIELDS),
            ),
        ),
        Members(
            ProposedStructure,
            "formula_reduced",
            ("proposal", "novelty"),
            ("structure", "parent_id", "route", "duplicate_of"),
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
        if structure.get("duplicate_of"):  # its calculations are the original's
            continue
        equal = [doc for doc in group["structures"] if doc.get("duplicate_of") == structure["structure_id"]]
        layers = [doc for doc in group["calculations"] if doc.get("structure_id") == structure["structure_id"]]
        bulks = [doc for doc in group["calculations"] if _is_bulk_of(doc, [structure, *equal])]
        by_method: dict[str, Doc] = {}
        reasons: dict[tuple[str, ...], str] = {}
        unlike: list[Doc] = []
        for doc in (*layers, *bulks):
            if why := why_unusable(doc, "exfoliation"):
                reasons[(doc["calculation_id"],)] = why
        layers, bulks = ([doc for doc in side if (doc["calculation_id"],) not in reasons] for side in (layers, bulks))
        cells = {doc["calculation_id"]: _cell(doc) for doc in (*layers, *bulks)} if layers and bulks else {}
        relaxed = {name for side in (layers, bulks) for name in relaxed_in_plane(side, cells)}
        held = _held(structure, layers, bulks)
        for layer in sorted(layers, key=_best_first):
            for bulk in sorted(bulks, key=_best_first):
                if layer["functional"] in by_method:
                    continue
                strained, holds = _strain(layer, bulk, cells, relaxed), held[bulk["calculation_id"]]
                try:
                    by_method[layer["functional"]] = _document(structure, layer, bulk, strained, holds)
                except ExfoliationRefused as refused:
                    pair, why = (layer["calculation_id"], bulk["calculation_id"]), "; ".join(refused.reasons)
                    reasons[pair] = why
                    if holds.holds is not False and _meant_for_each_other(layer, bulk):
                        unlike.append({"calculations": list(pair), "why": why})
        docs += [by_method[name] for name in sorted(by_method)]
        if reasons and not by_method:
            docs.append(_refusal(structure, reasons, unlike))
    return docs


def _is_bulk_of(calculation: Doc, equal: list[Doc]) -> bool:
    """Whether it is of the bulk of a layer, or of one that was cut from the same crystal as another source has it."""
    ids = {structure["structure_id"] for structure in equal}
    parents = {structure["parent_id"] for structure in equal if structure.get("parent_id") is not None}
    if calculation.get("structure_id") in ids:
        return False
    return calculation.get("manifest", {}).get("bulk_of") in ids or calculation.get("material_id") in parents


def _best_first(calculation: Doc) -> tuple[int, float, str]:
    atoms = sum(calculation["composition"].values())
    task = ENERGY_KINDS.index(calculation["task_type"])
    return task, calculation["energy"] / atoms, calculation["calculation_id"]


def _meant_for_each_other(layer: Doc, bulk: Doc) -> bool:
    """Whether two calculations are a pair but for their settings: only then one of them has to be made again."""
    kinds = {(doc["functional"].replace("+U", ""), doc["task_type"]) for doc in (layer, bulk)}
    return len(kinds) == 1


def _held(structure: Doc, layers: list[Doc], bulks: list[Doc]) -> dict[str, Held]:
    """Whether each bulk, as it began or ended, holds the layer as it is proposed or as any calculation has it."""
    if not layers or not bulks:
        return {}
    own = [from_plain(doc["structure"]) for doc in (structure, *layers) if "structure" in doc]
    found = {}
    for bulk in bulks:
        as_ended, *as_began = (from_plain(bulk[name]) for name in ("structure", "initial_structure") if name in bulk)
        held = held_layer(as_ended, own)
        began = any(held_layer(crystal, own).holds for crystal in as_began if not held.holds)
        found[bulk["calculation_id"]] = Held(holds=True) if began else held
    return found


class _Strain(NamedTuple):
    """Strain that may be in the energies of a pair, and in which."""

    size: float
    of_layer: bool
    of_bulk: bool


def _strain(layer: Doc, bulk: Doc, cells: dict[str, InPlaneCell], relaxed: set[str]) -> _Strain:
    """Compare the in-plane cells. What a database has is taken for relaxed; what exfolio predicted is not."""
    size = in_plane_strain(cells[layer["calculation_id"]], cells[bulk["calculation_id"]])
    if size <= STRAIN:
        return _Strain(size, of_layer=False, of_bulk=False)
    predicted = not bulk.get("material_id")
    return _Strain(
        size,
        of_layer=layer["calculation_id"] not in relaxed,
        of_bulk=predicted and bulk["calculation_id"] not in relaxed,
    )


def _cell(calculation: Doc) -> InPlaneCell:
    return in_plane_cell(from_plain(calculation["structure"]))


def _document(structure: Doc, layer: Doc, bulk: Doc, strain: _Strain, held: Held) -> Doc:
    if held.holds is False:
        raise ExfoliationRefused([held.reason])
    crystal = from_plain(layer["structure"])
    area = in_plane_area(crystal)
    if area is None:
        raise ExfoliationRefused(["the monolayer's cell holds no vacuum"])
    layers = count_layers(crystal)
    energy = exfoliation_energy(_as_layered(layer, area, layers), _as_layered(bulk))
    method = layer["functional"]
    details: dict[str, Any] = {
        "calculation_id": layer["calculation_id"],
        "bulk_calculation_id": bulk["calculation_id"],
        "van_der_waals": energy.van_der_waals,
        **({"layers": layers} if layers > 1 else {}),
    }
    warnings = [held.reason] if held.reason else []
    if made_from := bulk.get("manifest", {}).get("bulk_from"):
        details["bulk_from"] = made_from
        warnings.append(f"its bulk is {made_from}: another stacking may lie lower")
    if strain.of_layer or strain.of_bulk:
        sides = [what for what, is_in in (("layer", strain.of_layer), ("bulk", strain.of_bulk)) if is_in]
        details["strain"] = strain.size
        warnings.append(
            f"the in-plane cells of layer and bulk differ by {100 * strain.size:.1f} % and that of the "
            f"{' and of the '.join(sides)} was not relaxed: its strain is in the value"
        )
    vacuum = thickest_gap(crystal).thickness
    if vacuum < WIDE_VACUUM:
        warnings.append(f"the layer's images are {vacuum:.1f} Å apart and attract each other: a lower bound")
    too_low = strain.of_bulk or vacuum < WIDE_VACUUM
    if strain.of_layer and (too_low or not energy.van_der_waals):
        raise ExfoliationRefused([f"no bound of it is known: {'; '.join(warnings)}"])
    ends = {"high": energy.per_atom} if strain.of_layer else {"low": energy.per_atom} if too_low else {}
    document = {
        **ends,
        **({"warnings": warnings} if warnings else {}),
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
    mesh = (calculation.get("kpoints") or {}).get("grid")
    return LayeredCalculation(
        energy=calculation["energy"],
        composition=calculation["composition"],
        functional=calculation["functional"],
        settings=_settings(calculation),
        area=area,
        layers=layers,
        name=calculation["calculation_id"],
        charge=calculation.get("charge") or 0.0,
        k_steps=in_plane_k_steps(from_plain(calculation["structure"]), mesh) if mesh else None,
    )


def _settings(calculation: Doc) -> Doc:
    told = calculation.get("settings", {})
    settings: Doc = {name: told[name] for name in COMPARED if told.get(name) is not None}
    settings["POTCAR"] = sorted(set(calculation.get("potcar_symbols") or []))
    kind = _first(told.get("LDAUTYPE", 2))
    if not told.get("LDAU") or kind == 2:
        return settings | {f"U({element})": value for element, value in (calculation.get("hubbards") or {}).items()}
    elements = [title.split()[1].partition("_")[0] for title in calculation.get("potcar_symbols") or []]
    settings["LDAUTYPE"] = kind
    for name, tag in (("U", "LDAUU"), ("J", "LDAUJ")):
        values = told.get(tag)
        for element, value in zip(elements, values if isinstance(values, list) else [values], strict=False):
            settings[f"{name}({element})"] = value
    return settings


def _first(value: Any) -> Any:
    return value[0] if isinstance(value, list) and value else value


def _refusal(structure: Doc, reasons: dict[tuple[str, ...], str], unlike: list[Doc]) -> Doc:
    method = "calculation, refused"
    return {
        "property_id": f"{structure['structure_id']}/exfoliation_energy/{method}",
        "structure_id": structure["structure_id"],
        "kind": "exfoliation_energy",
        "method": method,
        "basis": "calculation",
        "unit": "eV/atom",
        "refused": "; ".join(f"{' with '.join(pair)}: {why}" for pair, why in sorted(reasons.items())),
        **({"details": {"not_alike": unlike}} if unlike else {}),
        "made_of": [structure["structure_id"], *(calculation_id for pair in reasons for calculation_id in pair)],
    }
