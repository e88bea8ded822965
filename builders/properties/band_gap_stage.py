"""Stage `band-gaps`: band gaps of proposed structures, one for each functional they were calculated with."""

from __future__ import annotations

from typing import ClassVar, Final

from ...stores.documents import Calculation, Property
from ..engine.batches import Doc, Item, Outcome
from ..engine.selection.group_members import Members
from ..engine.selection.group_stage import GroupStage

TASKS: Final = ("NSCF Uniform", "NSCF Line", "SCF Line", "Static", "Structure Optimization")
"""Kinds of run that give a gap, the densest mesh of k-points first."""


class BandGapStage(GroupStage):
    """Writes band_gap of structures from the eigenvalues of their converged calculations."""

    name = "band-gaps"
    version = 1
    members = (
        Members(
            Calculation,
            "structure_id",
            ("record", "match"),
            ("band_gap", "band_gap_direct", "cbm", "vbm", "functional", "task_type", "kpoints"),
            {"converged": True, "set_aside": {"$ne": True}, "band_gap": {"$exists": True}},
        ),
    )
    writes: ClassVar = {Property: "value"}
    writes_kinds = ("band_gap",)

    def process(self, items: list[Item]) -> list[Outcome]:
        """Take the best calculation of each functional."""
        return [{"properties": _gaps(item.key, item.content["calculations"])} for item in items]


def _gaps(structure_id: str, calculations: list[Doc]) -> list[Doc]:
    best: dict[str, Doc] = {}
    for doc in sorted(calculations, key=_order):
        if doc["task_type"] in TASKS:
            best.setdefault(doc["functional"], doc)
    return [
        {
            "property_id": f"{structure_id}/band_gap/{functional}",
            "structure_id": structure_id,
            "kind": "band_gap",
            "method": functional,
            "basis": "calculation",
            "value": doc["band_gap"],
            "unit": "eV",
            "details": {
                "calculation_id": doc["calculation_id"],
                "task_type": doc["task_type"],
                **{name: doc[name] for name in ("band_gap_direct", "cbm", "vbm") if doc.get(name) is not None},
            },
        }
        for functional, doc in sorted(best.items())
    ]


def _order(doc: Doc) -> tuple[int, int, str]:
    task = TASKS.index(doc["task_type"]) if doc["task_type"] in TASKS else len(TASKS)
    return task, -int(doc.get("kpoints", {}).get("count", 0)), doc["calculation_id"]
