"""Which calculations of a layer, or of its bulk, have the in-plane cell that a relaxation of it ended with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from ....models.calculation.run_kind import RELAXATION
from ....models.structure.layered.in_plane_cell import InPlaneCell, in_plane_strain
from ...engine.batches import Doc

RELAXED_AS: Final = 0.001
"""By how much a cell may differ from the one that a relaxation ended with."""
_CELL_RELAXED: Final = (3, 6)
"""ISIF of relaxations after which no stress is left in the plane."""


def relaxed_in_plane(calculations: Sequence[Doc], cells: Mapping[str, InPlaneCell]) -> set[str]:
    """Ids of those of one structure whose in-plane cell is what a relaxation by the same functional ended with.

    Parameters
    ----------
    calculations
        Of one structure, usable ones.
    cells
        Their in-plane cells, by id; nothing is relaxed where there are none.
    """
    relaxations = [doc for doc in calculations if _relaxes_plane(doc)] if cells else []
    return {
        doc["calculation_id"]
        for doc in calculations
        for other in relaxations
        if other["functional"] == doc["functional"]
        and in_plane_strain(cells[doc["calculation_id"]], cells[other["calculation_id"]]) <= RELAXED_AS
    }


def _relaxes_plane(calculation: Doc) -> bool:
    settings = calculation.get("settings", {})
    free = settings.get("LATTICE_CONSTRAINTS")
    within = free is None or (isinstance(free, list) and sum(map(bool, free)) >= 2)
    return calculation["task_type"] == RELAXATION and settings.get("ISIF") in _CELL_RELAXED and within
