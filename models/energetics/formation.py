"""Formation energies from total energies and the elements' reference phases of the same method.

It knows entries only; corrections have been made before (`corrections`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from .convex_hull.composition_table import composition_table
from .entry import EnergyError, Entry, MissingReferenceError, checked_energies, require_one_method

__all__ = ["EnergyError", "Entry", "MissingReferenceError", "element_references", "formation_energies"]


def element_references(references: Sequence[Entry]) -> dict[str, Entry]:
    """Lowest entry of each element among the references.

    Parameters
    ----------
    references
        Entries of any composition; those of more than one element are passed over.

    Raises
    ------
    MixedMethodsError
        When they are not all of one method.
    EnergyError
        When an energy is not finite.
    FormulaError
        When a composition cannot be read.
    """
    require_one_method(references)
    table = composition_table([entry.composition for entry in references])
    energies = checked_energies(references, [entry.energy_per_atom for entry in references])
    lowest: dict[str, int] = {}
    for i, system in enumerate(table.systems):
        if system.bit_count() == 1:
            symbol = table.elements[system.bit_length() - 1]
            if symbol not in lowest or energies[i] < energies[lowest[symbol]]:
                lowest[symbol] = i
    return {symbol: references[i] for symbol, i in lowest.items()}


def formation_energies(entries: Sequence[Entry], references: Sequence[Entry]) -> NDArray[np.float64]:
    """Energy of formation of each entry, ``E_f = (E_tot - sum n_i mu_i) / N``.

    Parameters
    ----------
    entries
        n phases.
    references
        Entries of the same method that hold, among others, every element of the entries; the lowest of each element
        gives mu.

    Returns
    -------
    ndarray
        (n,) eV/atom.

    Raises
    ------
    MissingReferenceError
        When an element has no reference.
    MixedMethodsError
        When entries and references are not all of one method.
    EnergyError
        When an energy is not finite.
    FormulaError
        When a composition cannot be read.

    Examples
    --------
    >>> formation_energies([Entry("MgO", -6.0)], [Entry("Mg", -1.5), Entry("O2", -4.9)]).round(3)
    array([-2.8])
    """
    require_one_method([*entries, *references])
    of_elements = element_references(references)
    return against_elements(entries, {symbol: entry.energy_per_atom for symbol, entry in of_elements.items()})


def against_elements(entries: Sequence[Entry], potentials: Mapping[str, float]) -> NDArray[np.float64]:
    """Energy of each entry against given energies of the elements, eV/atom.

    Raises
    ------
    MissingReferenceError
        When an element has none.
    EnergyError
        When an energy is not finite.
    FormulaError
        When a composition cannot be read.
    """
    table = composition_table([entry.composition for entry in entries])
    missing = [symbol for symbol in table.elements if symbol not in potentials]
    if missing:
        message = f"no reference energy for {', '.join(missing)}: add entries of these elements by the same method"
        raise MissingReferenceError(message)
    energies = checked_energies(entries, [entry.energy_per_atom for entry in entries])
    mu = np.array([potentials[symbol] for symbol in table.elements], dtype=np.float64)
    formation: NDArray[np.float64] = energies - table.fractions @ mu
    return formation
