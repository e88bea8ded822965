"""Pourbaix entries as pymatgen's, so that its diagrams can be compared with ours."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from exfolio.models.energetics.pourbaix_entries import CONCENTRATION, PourbaixEntry
from pymatgen.analysis.pourbaix_diagram import IonEntry
from pymatgen.analysis.pourbaix_diagram import PourbaixEntry as PymatgenEntry
from pymatgen.core.composition import Composition
from pymatgen.core.entries import ComputedEntry
from pymatgen.core.ion import Ion


def to_pymatgen(entries: Sequence[PourbaixEntry]) -> list[Any]:
    """The entries as ``PourbaixDiagram`` takes them."""
    converted = []
    for entry in entries:
        composition = Composition(entry.composition)
        if entry.phase == "solid":
            inner = ComputedEntry(composition, entry.energy, entry_id=entry.entry_id or None)
        else:
            inner = IonEntry(Ion(composition, entry.charge), entry.energy, name=entry.name)
        converted.append(PymatgenEntry(inner, entry_id=entry.entry_id or None, concentration=CONCENTRATION))
    return converted
