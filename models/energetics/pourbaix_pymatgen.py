"""Pourbaix entries as pymatgen's, for its diagrams and plots.

Apart from `pourbaix` because importing pymatgen's module costs seconds and its plotting libraries.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pymatgen.analysis.pourbaix_diagram import IonEntry
from pymatgen.analysis.pourbaix_diagram import PourbaixEntry as PymatgenEntry
from pymatgen.core.composition import Composition
from pymatgen.core.entries import ComputedEntry
from pymatgen.core.ion import Ion

from .pourbaix_entries import CONCENTRATION, PourbaixEntry, concentration_of


def to_pymatgen(
    entries: Sequence[PourbaixEntry], *, concentration: float | Mapping[str, float] = CONCENTRATION
) -> list[Any]:
    """Give the entries as pymatgen's, for its ``PourbaixDiagram`` and ``PourbaixPlotter``.

    Raises
    ------
    PourbaixError
        When a concentration is not above zero.
    """
    converted = []
    for entry in entries:
        composition = Composition(entry.composition)
        if entry.phase == "solid":
            inner = ComputedEntry(composition, entry.energy, entry_id=entry.entry_id or None)
        else:
            inner = IonEntry(Ion(composition, entry.charge), entry.energy, name=entry.name)
        converted.append(
            PymatgenEntry(inner, entry_id=entry.entry_id or None, concentration=concentration_of(entry, concentration))
        )
    return converted
