"""Stage `band-gaps`: band gaps of proposed structures, one for each functional they were calculated with."""

from __future__ import annotations

from typing import ClassVar, Final

from ...models.calculation.run_kind import GAP_KINDS
from ...stores.documents import Calculation, Property
from ..engine.batches import Doc, Item, Outcome
from ..engine.selection.group_members import Members
from ..engine.selection.group_stage import GroupStage
from .hulls.usable_calculations import USABLE_FIELDS, why_unusable

_DETAILS: Final = ("band_gap_direct", "band_gap_by_spin", "band_gap_from", "cbm", "vbm")


class BandGapStage(GroupStage):
    """Writes band_gap of structures from the eigenvalues of their calculations; refused where none is usable."""

    name = "band-gaps"
    version = 2
    members = (
        Members(
            Calculation,
            "structure_id",
            ("record", "match"),
            ("band_gap", *_DETAILS, "functional", "kpoints", *USABLE_FIELDS),
            {"task_type": {"$in": list(GAP_KINDS)}},
        ),
    )
    writes: ClassVar = {Property: "value"}
    writes_kinds = ("band_gap",)

    def process(self, items: list[Item]) -> list[Outcome]:
        """Take the best calculation of each functional."""
        return [{"properties": _gaps(item.key, item.content["calculations"])} for item in items]


def _gaps(structure_id: str, calculations: list[Doc]) -> list[Doc]:
    best: dict[str, Doc] = {}
    reasons: list[str] = []
    for doc in sorted(calculations, key=_order):
        why = why_unusable(doc, "gap")
        if why:
            reasons.append(f"{doc['functional']} ({doc['calculation_id']}): {why}")
        elif doc.get("band_gap") is not None:
            best.setdefault(doc["functional"], doc)
    if reasons and not best:
        return [_property(structure_id, "calculation, refused") | {"refused": "; ".join(sorted(reasons))}]
    return [
        {
            **_property(structure_id, functional),
            "value": doc["band_gap"],
            "details": {
                "calculation_id": doc["calculation_id"],
                "task_type": doc["task_type"],
                "k_points": doc.get("kpoints", {}).get("count"),
                **{name: doc[name] for name in _DETAILS if doc.get(name) is not None},
            },
        }
        for functional, doc in sorted(best.items())
    ]


def _property(structure_id: str, method: str) -> Doc:
    return {
        "property_id": f"{structure_id}/band_gap/{method}",
        "structure_id": structure_id,
        "kind": "band_gap",
        "method": method,
        "basis": "calculation",
        "unit": "eV",
    }


def _order(doc: Doc) -> tuple[int, int, str]:
    task = GAP_KINDS.index(doc["task_type"])
    return task, -int(doc.get("kpoints", {}).get("count", 0)), doc["calculation_id"]
