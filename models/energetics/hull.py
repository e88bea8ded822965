"""Distances to the convex hull of formation energies: decomposition energies, energies above the hull, what competes.

It knows compositions and energies only: where they came from, how they were corrected and where they are kept is
decided elsewhere. All energies are in eV/atom.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .convex_hull.competition import Phases, Product, elements_of, sub_systems
from .convex_hull.composition_table import CompositionTable, composition_table
from .entry import (
    EnergyError,
    Entry,
    MissingReferenceError,
    MixedMethodsError,
    checked_energies,
    require_one_method,
)

__all__ = [
    "EnergyError",
    "Entry",
    "HullPosition",
    "MissingReferenceError",
    "MixedMethodsError",
    "Product",
    "decomposition_energies",
    "energy_above_hull",
    "hull_positions",
]


class HullPosition(NamedTuple):
    """Where a phase lies: eV/atom above (below, when negative) the cheapest mixture of the others, and that mixture."""

    energy: float
    products: tuple[Product, ...]


def decomposition_energies(
    formulas: Sequence[str | Mapping[str, float]], formation_energies: ArrayLike
) -> NDArray[np.float64]:
    """Energy of each composition against the cheapest mixture of all others.

    The competing phases of a composition are all others in its chemical system and the parts of it, and the elements;
    other entries of the same composition are no competitors, so that polymorphs are each compared with the same
    mixture, and only the lowest of them competes elsewhere. Negative: stable by that much. An element is compared with
    its own reference state (formation energy 0, or its lowest listed one where that is below).

    Parameters
    ----------
    formulas
        n formulas (any order of elements, need not be reduced) or mappings from element to amount.
    formation_energies
        (n,) formation energies against the elements, eV/atom.

    Returns
    -------
    ndarray
        (n,) decomposition energies, eV/atom.

    Raises
    ------
    EnergyError
        When lengths differ or an energy is not finite.
    FormulaError
        When a formula cannot be read.

    Notes
    -----
    The decomposition enthalpy of Bartel et al., npj Comput. Mater. 6, 97 (2020). Systems are done from small to large:
    a phase that is unstable in its own system is never needed in a larger one, since its own products are cheaper.

    Examples
    --------
    >>> decomposition_energies(["MgO", "MnO", "MgMnO2"], [-3.0, -2.0, -2.6]).round(3)
    array([-3. , -2. , -0.1])
    """
    phases = Phases(composition_table(formulas), checked_energies(formulas, formation_energies))
    hull = np.empty(len(phases.energies))
    for block in phases.sweep():
        hull[block.targets] = block.mixtures.costs
    return phases.given - hull[phases.table.identity]


def energy_above_hull(
    entries: Sequence[Entry],
    references: Sequence[Entry],
    *,
    against: Literal["known", "known and ours"] = "known",
    allow_negative: bool = True,
) -> NDArray[np.float64]:
    """Distance of each entry to the hull of the references.

    Parameters
    ----------
    entries
        n phases asked about.
    references
        Phases that make the hull; every element of the entries must be among them. Those of other chemical systems
        are left out, so any superset gives the same.
    against
        "known": the hull is made of the references alone, and an entry that is not among them may lie below it.
        "known and ours": the entries are part of the hull too, so that none lies below.
    allow_negative
        False gives 0 for an entry below the hull.

    Returns
    -------
    ndarray
        (n,) eV/atom.

    Raises
    ------
    MissingReferenceError
        When an element has no reference energy.
    MixedMethodsError
        When the entries are not all of one method.
    EnergyError
        When an energy is not finite.
    FormulaError
        When a composition cannot be read.

    Notes
    -----
    Ong et al., Chem. Mater. 20, 1798 (2008).
    """
    distances, _ = _positions(entries, references, against=against, described=False)
    return distances if allow_negative else np.maximum(distances, 0.0)


def hull_positions(
    entries: Sequence[Entry],
    references: Sequence[Entry],
    *,
    against: Literal["known", "known and ours"] = "known",
) -> list[HullPosition]:
    """As `energy_above_hull`, with the competing phases and their amounts.

    `Product.phase` counts the references, then (against "known and ours") the entries. An entry on the hull is its own
    product.

    Raises
    ------
    MissingReferenceError, MixedMethodsError, EnergyError, FormulaError
        As `energy_above_hull`.
    """
    distances, products = _positions(entries, references, against=against, described=True)
    return [HullPosition(float(d), p) for d, p in zip(distances, products, strict=True)]


def _positions(
    entries: Sequence[Entry], references: Sequence[Entry], *, against: str, described: bool
) -> tuple[NDArray[np.float64], list[tuple[Product, ...]]]:
    """Distances, and products when asked for."""
    if against not in {"known", "known and ours"}:
        message = f"{against=}: give 'known' or 'known and ours'"
        raise EnergyError(message)
    ours = list(entries) if against == "known and ours" else []
    competitors = [*references, *ours]
    everything = [*competitors, *entries]
    require_one_method(everything)
    table = composition_table([entry.composition for entry in everything])
    energies = checked_energies(everything, [entry.energy_per_atom for entry in everything])

    n = len(competitors)
    elements = _element_energies(table, energies, n, asked=range(n, len(everything)))
    known = np.isfinite(elements)
    present = set(table.systems[:n])
    needed = {sub for system in set(table.systems[n:]) for sub in sub_systems(system, present)}
    usable = [i for i in range(n) if table.systems[i] in needed]
    formation = energies - table.fractions @ np.where(known, elements, 0.0)

    kept = table.subset(usable)
    phases = Phases(kept, formation[usable])
    for _ in phases.sweep():
        pass
    distances = np.empty(len(entries))
    products: list[tuple[Product, ...]] = [()] * len(entries)
    names = [everything[i].name for i in usable]
    # An element's own phase stands for its reference state.
    pure = {
        int(np.argmax(table.fractions[i])): position
        for position, i in sorted(enumerate(usable), key=lambda pair: -energies[pair[1]])
        if table.systems[i].bit_count() == 1
    }
    for block in phases.project(table.fractions[n:], table.systems[n:]):
        distances[block.targets] = formation[n:][block.targets] - block.mixtures.costs
        if described:
            for target, parts in phases.describe(block, names, pure).items():
                products[target] = tuple(part._replace(phase=usable[part.phase]) for part in parts)
    return distances, products


def _element_energies(
    table: CompositionTable, energies: NDArray[np.float64], count: int, *, asked: range
) -> NDArray[np.float64]:
    """Lowest energy of each element among the first `count` rows; infinite where it has none."""
    lowest = np.full(len(table.elements), np.inf)
    for i in range(count):
        if table.systems[i].bit_count() == 1:
            j = table.systems[i].bit_length() - 1
            lowest[j] = min(lowest[j], energies[i])
    asked_elements = 0
    for i in asked:
        asked_elements |= table.systems[i]
    missing = [table.elements[j] for j in elements_of(asked_elements) if not np.isfinite(lowest[j])]
    if missing:
        message = f"no reference energy for {', '.join(missing)}: the references must hold every element of the entries"
        raise MissingReferenceError(message)
    return lowest
