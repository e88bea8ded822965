"""Solids of a Pourbaix diagram: formation energies by one method, and the Gibbs energies they become.

Knows the fields of documents and `models.energetics`; reads no database.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from ...models.calculation.methods import without_settings
from ...models.composition.formula.single_formula import read_one
from ...models.energetics.aqueous import gibbs_energies
from ...models.energetics.corrections.schemes import Scheme
from ...models.energetics.formation import element_references, formation_energies
from ...models.energetics.pourbaix_entries import OPEN
from ..engine.batches import Doc
from .hulls.hull_entries import UNCORRECTED
from .hulls.phase import Phase

WATER: Final = "H2O"
"""Its formation energy says how a method errs in hydrogen that is bound to oxygen."""


def solids_of_materials(known: list[Doc], elements: list[str]) -> dict[str, float]:
    """Lowest formation energy (eV/atom) of each formula of known materials, elements at zero."""
    pure = ((element, 0.0) for element in elements if element not in OPEN)
    return lowest_of_each([*pure, *((doc["formula_reduced"], doc["formation_energy"]) for doc in known)])


def solids_of_entries(references: list[Phase]) -> dict[str, float]:
    """Lowest formation energy (eV/atom) of each formula of corrected reference entries."""
    entries = [phase.entry for phase in references if phase.entry]
    elements = element_references(entries).keys()
    usable = [phase for phase in references if phase.entry and phase.doc["composition"].keys() <= elements]
    energies = formation_energies([phase.entry for phase in usable if phase.entry], entries).tolist() if usable else []
    return lowest_of_each(zip((phase.doc["formula_reduced"] for phase in usable), energies, strict=True))


def lowest_of_each(pairs: Iterable[tuple[str, float]]) -> dict[str, float]:
    """Lowest energy of each formula."""
    lowest: dict[str, float] = {}
    for formula, energy in pairs:
        lowest[formula] = min(energy, lowest.get(formula, energy))
    return lowest


def why_not_in_water(method: str) -> str | None:
    """Why formation energies by a method can't become Gibbs energies; None where they can."""
    method = without_settings(method)
    if method.endswith(UNCORRECTED):
        return (
            f"formation energies by {method} are no enthalpies of formation, which ions and water go with: choose a "
            f"correction scheme, such as {Scheme.MP2020.value}"
        )
    return None


def solids_in_water(solids: Mapping[str, float]) -> dict[str, float]:
    """Gibbs energies of formation by formula, from formation energies; solids that have none are left out."""
    energies = gibbs_energies(list(solids), list(solids.values()), water=solids.get(WATER))
    return {
        formula: energy.energy for formula, energy in zip(solids, energies, strict=True) if energy.energy is not None
    }


def hydrogen_warning(solids: Mapping[str, float], *, measured: bool) -> str | None:
    """What is to be said of the hydrogen in solids that a value rests on; None where there is nothing.

    Parameters
    ----------
    solids
        Formation energies by formula.
    measured
        Whether these are measured ones, which have no error in water.
    """
    hydroxides = [formula for formula in solids if formula != WATER and {"H", "O"} < read_one(formula).keys()]
    if not hydroxides:
        return "no hydroxide or the like is known by this method: where one forms, decomposition energies are too low"
    if WATER not in solids and not measured:
        return "H2O is not known by this method: its hydroxides may be too stable, decomposition energies too high"
    return None
