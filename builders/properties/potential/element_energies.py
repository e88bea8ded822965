"""Energies of elements by a potential, of crystals that come with the program, where tables of compounds have none."""

from __future__ import annotations

from functools import cache

from ....models.potential.interface import Potential
from ....models.potential.reference_elements import element_crystals
from ...engine.batches import Doc
from .potential_stage import DIGITS


def reference_elements(system: str, potential: Potential, *, relax: bool) -> list[Doc]:
    """Reference crystals of a chemical system's elements with their energies."""
    return [crystal for symbol in system.split("-") for crystal in _reference_crystals(symbol, potential, relax=relax)]


@cache
def _reference_crystals(symbol: str, potential: Potential, *, relax: bool) -> tuple[Doc, ...]:
    """Evaluate the reference crystals of an element, once per process."""
    crystals = [crystal for crystal in element_crystals() if crystal.symbol == symbol]
    structures = [crystal.structure for crystal in crystals]
    if relax:
        energies = [result.energy_per_atom for result in potential.relax(structures, monolayer=False)]
    else:
        energies = [result.energy_per_atom for result in potential.evaluate(structures, forces=False)]
    return tuple(
        {
            "entry_id": f"{potential.slug}-element:{crystal.name}",
            "chemsys": crystal.symbol,
            "composition": {crystal.symbol: 1},
            "energy_per_atom": round(energy, DIGITS),
        }
        for crystal, energy in zip(crystals, energies, strict=True)
        if energy is not None
    )
