"""Energies of elements by CHGNet: of crystals that come with the program, and which of all at hand are believed."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from functools import cache

from ....models.potential.chgnet import NAME, evaluate
from ....models.potential.reference_elements import TABULATED, TOO_LOW, believable, element_crystals
from ....models.potential.relaxation import relax as relax_structures
from ...engine.batches import Doc
from .potential_stage import DIGITS


def reference_elements(system: str, *, relax: bool) -> list[Doc]:
    """Reference crystals of a chemical system's elements with their energies."""
    return [crystal for symbol in system.split("-") for crystal in _reference_crystals(symbol, relax=relax)]


def believed(entries: Iterable[Doc]) -> list[Doc]:
    """Entries without pure elements that CHGNet puts too low to be true: any form of an element that it underrates.

    With such a one as reference all compounds of the element would come out too unstable.
    """
    return [doc for doc in entries if len(doc["composition"]) > 1 or _is_believed(doc)]


def deviations(energies: dict[str, float]) -> dict[str, float]:
    """How far the energy of each element's reference lies above the tabulated one, eV/atom."""
    return {symbol: round(energy - TABULATED[symbol], 3) for symbol, energy in energies.items() if symbol in TABULATED}


def why_none(symbols: Collection[str], entries: Iterable[Doc]) -> str:
    """Why elements have no reference among some entries."""
    refused = {next(iter(doc["composition"])) for doc in entries if len(doc["composition"]) == 1}
    reasons = [
        f"every crystal of {symbol} lies more than {TOO_LOW:g} eV/atom below the tabulated energy by {NAME}"
        for symbol in symbols
        if symbol in refused
    ]
    if absent := [symbol for symbol in symbols if symbol not in refused]:
        reasons.append(f"no reference crystal of {', '.join(absent)} was evaluated by {NAME}")
    return "; ".join(reasons)


def _is_believed(doc: Doc) -> bool:
    (symbol,) = doc["composition"]
    return believable(symbol, doc["energy_per_atom"])


@cache
def _reference_crystals(symbol: str, *, relax: bool) -> tuple[Doc, ...]:
    """Evaluate the reference crystals of an element, once per process."""
    crystals = [crystal for crystal in element_crystals() if crystal.symbol == symbol]
    structures = [crystal.structure for crystal in crystals]
    if relax:
        energies = [result.energy_per_atom for result in relax_structures(structures, monolayer=False)]
    else:
        energies = [result.energy_per_atom for result in evaluate(structures, forces=False)]
    return tuple(
        {
            "entry_id": f"chgnet-element:{crystal.name}",
            "chemsys": crystal.symbol,
            "composition": {crystal.symbol: 1},
            "energy_per_atom": round(energy, DIGITS),
        }
        for crystal, energy in zip(crystals, energies, strict=True)
        if energy is not None
    )
