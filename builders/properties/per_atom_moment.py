"""What a magnetic moment of a cell is for each atom: the only form in which cells of different sizes compare."""

from __future__ import annotations

from typing import Final

from ..engine.batches import Doc

KIND: Final = "magnetization"
UNIT: Final = "µB/atom"


def per_atom(doc: Doc) -> float | None:
    """Total moment of a document's cell for each atom, µB, without sign; None where it is not known.

    The sign says which way is up, which nothing decides without spin-orbit coupling.
    """
    total, atoms = doc.get(KIND), doc.get("nsites")
    return None if total is None or not atoms else round(abs(float(total)) / int(atoms), 6)
