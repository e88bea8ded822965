"""Energies of layers whose in-plane cell was not relaxed: strain may be in them, so that the true ones may be lower.

How much it may be is told by the stress that the calculation found.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ....models.structure.layered.in_plane_cell import in_plane_cell
from ....models.structure.layered.in_plane_stress import SOFTEST, strain_energy_at_most
from ....models.structure.serialization import from_plain
from ...engine.batches import Doc
from .relaxed_layers import relaxed_in_plane
from .usable_calculations import why_unusable

NEGLIGIBLE: Final = 1e-3
"""eV/atom of strain that is not worth a word."""
_NOT_KNOWN: Final = (
    "whether its in-plane cell was relaxed is not known (no relaxation of it, no stress in the results): strain may be "
    "in the value, which is too high then"
)


def limited_by_strain(values: list[Doc], calculations: Sequence[Doc], layers: Sequence[str]) -> list[Doc]:
    """Energies of layers as the upper ends that they are where strain may be in them; others as they are.

    Parameters
    ----------
    values
        Properties, each with its `calculation_id` in the details.
    calculations
        All of these structures.
    layers
        Ids of the structures that are layers.
    """
    by_id = {doc["calculation_id"]: doc for doc in calculations}
    own: dict[str, list[Doc]] = {name: [] for name in layers}
    for doc in calculations:
        if doc.get("structure_id") in own and "structure" in doc and why_unusable(doc) is None:
            own[doc["structure_id"]].append(doc)
    strains: dict[str, float | None] = {}
    limited = []
    for value in values:
        name = value["details"]["calculation_id"]
        if value["structure_id"] in own:
            if name not in strains:
                strains[name] = _strain(by_id[name], own[value["structure_id"]])
            limited.append(_with_strain(value, strains[name]))
        else:
            limited.append(value)
    return limited


def _strain(calculation: Doc, siblings: Sequence[Doc]) -> float | None:
    cells = {doc["calculation_id"]: in_plane_cell(from_plain(doc["structure"])) for doc in siblings}
    if calculation["calculation_id"] in relaxed_in_plane(siblings, cells):
        return 0.0
    stress = calculation.get("trajectory", {}).get("stress")
    if stress is None or "structure" not in calculation:
        return None
    return strain_energy_at_most(from_plain(calculation["structure"]), stress)


def _with_strain(document: Doc, strain: float | None) -> Doc:
    if strain is None:
        told = {**document, "warnings": [*document.get("warnings", []), _NOT_KNOWN]}
        if "lacks" in document:  # a lower bound but for the strain
            return told
        told.pop("low", None)
        high: float = document["high"] if "high" in document else document["value"]
        return {**told, "high": high}  # it is too high, if anything
    if strain < NEGLIGIBLE:
        return document
    reason = (
        f"its in-plane cell was not relaxed: up to {strain:.3f} eV/atom of strain may be in the value, by the stress "
        f"that is left (Young's modulus of {SOFTEST:g} N/m or more)"
    )
    value = float(document["value"])
    ends = {"low": float(document.get("low", value)) - strain}
    if "lacks" not in document:
        ends["high"] = float(document.get("high", value))
    return {**document, **ends, "warnings": [*document.get("warnings", []), reason]}
