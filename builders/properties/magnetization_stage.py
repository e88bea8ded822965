"""Stage `magnetizations`: magnetic moments of proposed structures, one for each functional of their calculations."""

from __future__ import annotations

from typing import ClassVar, Final

from ...models.calculation.run_kind import GAP_KINDS, LINE_KINDS
from ...stores.documents import Calculation, Property
from ..engine.batches import Doc, Item, Outcome
from ..engine.selection.group_members import Members
from ..engine.selection.group_stage import GroupStage
from .hulls.usable_calculations import USABLE_FIELDS, why_unusable
from .per_atom_moment import KIND, UNIT, per_atom

_KINDS: Final = tuple(kind for kind in GAP_KINDS if kind not in LINE_KINDS)
"""Runs whose k-points stand for the whole zone, the best first: a sum over those of a path is no moment of the cell."""


class MagnetizationStage(GroupStage):
    """Writes magnetization of structures, in µB an atom and without sign, from runs in which spins were free.

    A run without spins says nothing of it: no value comes of it, not zero.
    """

    name = "magnetizations"
    version = 2
    members = (
        Members(
            Calculation,
            "structure_id",
            ("record", "match"),
            ("magnetization", "nsites", "functional", "kpoints", *USABLE_FIELDS),
            {"task_type": {"$in": list(_KINDS)}, "magnetization": {"$exists": True}},
        ),
    )
    writes: ClassVar = {Property: "value"}
    writes_kinds = (KIND,)

    def process(self, items: list[Item]) -> list[Outcome]:
        """Take the calculation of most k-points of each functional."""
        return [{"properties": _moments(item.key, item.content["calculations"])} for item in items]


def _moments(structure_id: str, calculations: list[Doc]) -> list[Doc]:
    best: dict[str, Doc] = {}
    for doc in sorted(calculations, key=_order):
        if why_unusable(doc, "gap") is None and per_atom(doc) is not None:
            best.setdefault(doc["functional"], doc)
    return [
        {
            "property_id": f"{structure_id}/{KIND}/{functional}",
            "structure_id": structure_id,
            "kind": KIND,
            "method": functional,
            "basis": "calculation",
            "value": per_atom(doc),
            "unit": UNIT,
            "details": {"calculation_id": doc["calculation_id"], "cell": doc["magnetization"], "nsites": doc["nsites"]},
        }
        for functional, doc in sorted(best.items())
    ]


def _order(doc: Doc) -> tuple[int, int, str]:
    task = _KINDS.index(doc["task_type"])
    return task, -int(doc.get("kpoints", {}).get("count", 0)), doc["calculation_id"]
