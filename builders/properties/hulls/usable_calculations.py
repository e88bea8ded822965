"""Which calculations a property may rest on, by what the calculation says of itself.

Knows fields of `calculations`; what makes a run usable is decided where it is read.
"""

from __future__ import annotations

from typing import Final

from ....models.calculation.run_kind import ENERGY_KINDS, GAP_KINDS
from ....models.calculation.usability import Purpose
from ...engine.batches import Doc

USABLE_FIELDS: Final = ("task_type", "converged", "set_aside", "warnings", "usable_for", "unusable_for")
"""Fields that `why_unusable` looks at."""
_KINDS: Final = {"energy": ENERGY_KINDS, "exfoliation": ENERGY_KINDS, "gap": GAP_KINDS}


def why_unusable(calculation: Doc, purpose: Purpose = "energy") -> str | None:
    """Why a calculation is never used for a purpose; None when it may be."""
    if "usable_for" in calculation:
        if purpose in calculation["usable_for"]:
            return None
        return "; ".join(calculation.get("unusable_for", {}).get(purpose, [])) or f"it is not usable for {purpose}"
    # Calculations of other programs' stages say no more than this.
    if calculation.get("set_aside"):
        return "custodian set the calculation aside as failed"
    if not calculation.get("converged"):
        notes = [note for note in calculation.get("warnings", []) if "converged" in note]
        return "the calculation is not converged" + (f": {'; '.join(notes)}" if notes else "")
    if calculation.get("task_type") not in _KINDS[purpose]:
        return f"a calculation of the kind {calculation.get('task_type')!r} gives no {purpose} to compare"
    return None
