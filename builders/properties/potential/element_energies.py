"""Energies of elements by CHGNet, of crystals that come with the program, where tables of compounds have none."""

from __future__ import annotations

from functools import cache

from ....models.potential.chgnet import evaluate
from ....models.potential.reference_elements import element_crystals
from ....models.potential.relaxation import relax as relax_structures
from ...engine.batches import Doc
from .potential_stage import DIGITS


def reference_elements(system: str, *, relax: bool) -> list[Doc]:
    """Reference crystals of a chemical system's elements with their energies."""
    return [one for symbol in system.split("-") for one in _reference_crystals(symbol, relax=relax)]


@cache
def _reference_crystals(symbol: str, *, relax: bool) -> tuple[Doc, ...]:
    """Evaluate the reference crystals of an element, once per process."""
    crystals = [one for one in element_crystals() if one.symbol == symbol]
    structures = [one.structure for one in crystals]
    if relax:
        found = [result.energy_per_atom for result in relax_structures(structures, monolayer=False)]
    else:
        found = [result.energy_per_atom for result in evaluate(structures, forces=False)]
    return tuple(
        {
            "entry_id": f"chgnet-element:{one.name}",
            "chemsys": one.symbol,
            "composition": {one.symbol: 1},
            "energy_per_atom": round(energy, DIGITS),
        }
        for one, energy in zip(crystals, found, strict=True)
        if energy is not None
    )
