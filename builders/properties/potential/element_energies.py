"""Energies of elements by a potential: of crystals that come with the program, and which at hand are believed."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from functools import cache

from ....models.potential.interface import Potential
from ....models.potential.reference_elements import TABULATED, TOO_LOW, believable, element_crystals
from ....models.potential.relaxation import FORCE_TOLERANCE, MAX_STEPS
from ...engine.batches import Doc
from .potential_stage import DIGITS


def reference_elements(
    system: str,
    potential: Potential,
    *,
    relax: bool,
    max_steps: int = MAX_STEPS,
    force_tolerance: float = FORCE_TOLERANCE,
) -> list[Doc]:
    """Reference crystals of a chemical system's elements with their energies.

    Parameters
    ----------
    system
        Symbols of the elements, joined by dashes.
    potential
        The potential.
    relax, max_steps, force_tolerance
        Whether they are relaxed, and the limits of that: steps, eV/Å.
    """
    limits = (max_steps, force_tolerance) if relax else None
    return [crystal for symbol in system.split("-") for crystal in _reference_crystals(symbol, potential, limits)]


def believed(entries: Iterable[Doc], potential: Potential) -> list[Doc]:
    """Entries without pure elements that a potential puts too low to be true: any form of an element it underrates.

    With such a one as reference all compounds of the element would come out too unstable. Only a potential whose
    energies are on the scale of the tabulated ones can be checked.
    """
    return [
        doc for doc in entries if not potential.has_tabulated_scale or len(doc["composition"]) > 1 or _is_believed(doc)
    ]


def deviations(energies: dict[str, float]) -> dict[str, float]:
    """How far the energy of each element's reference lies above the tabulated one, eV/atom."""
    return {symbol: round(energy - TABULATED[symbol], 3) for symbol, energy in energies.items() if symbol in TABULATED}


def why_none(symbols: Collection[str], entries: Iterable[Doc], potential: Potential) -> str:
    """Why elements have no reference among some entries."""
    refused = {next(iter(doc["composition"])) for doc in entries if len(doc["composition"]) == 1}
    reasons = [
        f"every crystal of {symbol} lies more than {TOO_LOW:g} eV/atom below the tabulated energy by {potential.name}"
        for symbol in symbols
        if symbol in refused
    ]
    if absent := [symbol for symbol in symbols if symbol not in refused]:
        reasons.append(f"no reference crystal of {', '.join(absent)} was evaluated by {potential.name}")
    return "; ".join(reasons)


def _is_believed(doc: Doc) -> bool:
    (symbol,) = doc["composition"]
    return believable(symbol, doc["energy_per_atom"])


@cache
def _reference_crystals(symbol: str, potential: Potential, limits: tuple[int, float] | None) -> tuple[Doc, ...]:
    """Evaluate the reference crystals of an element, relaxed within limits or as they stand, once per process."""
    crystals = [crystal for crystal in element_crystals() if crystal.symbol == symbol]
    structures = [crystal.structure for crystal in crystals]
    if limits is not None:
        steps, force = limits
        relaxed = potential.relax(structures, monolayer=False, max_steps=steps, force_tolerance=force)
        energies = [result.energy_per_atom for result in relaxed]
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
