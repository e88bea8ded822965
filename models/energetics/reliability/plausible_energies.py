"""Tells energies that no phase can have, and such as are likelier an error than a discovery.

One energy that is far too low makes every compound of its system look unstable, so that each is looked at before a
hull is made of them. It knows entries only; what becomes of them is decided where the hull is made.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from ...composition.formula.elements import ATOMIC_NUMBERS
from ..convex_hull.competition import elements_of
from ..convex_hull.composition_table import CompositionTable, composition_table
from ..entry import Entry
from ..formation import against_elements
from ..hull import decomposition_energies

FORMATION_RANGE: Final = (-5.0, 10.0)
"""eV/atom. The lowest of the 132,752 formation energies of the Materials Project in Matbench (A. Dunn et al., npj
Comput. Mater. 6, 138 (2020)) is -4.61, La2Th8O19; ThF4 has -4.52 and LaF3 -4.51 there. Free atoms lie 8.9 above the
element that binds most, tungsten: C. Kittel, Introduction to Solid State Physics, table of cohesive energies."""

ELEMENT_TOLERANCE: Final = 0.5
"""eV/atom that an element may lie below its tabulated energy: other pseudopotentials and lattices change some 0.01."""
ELEMENT_TOLERANCE_OF_F: Final = 12.0
"""The same where f electrons may be frozen or not: Gd has -14.08 with, -4.6 without them in the valence."""
_WITH_F: Final = frozenset(element for element, number in ATOMIC_NUMBERS.items() if 57 <= number <= 71 or number >= 89)

DEEP: Final = 1.0
"""eV/atom below all else from which an entry is doubted. Of 13,845 compositions that Matbench has several bound forms
of, the lowest lies so deep below the next in 33 (0.2 %); of the 8,400 stable compounds of three elements and 1,596 of
four in Bartel et al., npj Comput. Mater. 6, 97 (2020), two others of whose elements are known, none lies so deep below
the hull of all others. Of binary ones 1 % do: MgO, beside a peroxide, is rightly 3 eV below."""
_MANY: Final = 3
"""Elements, and compositions of these elements, from which on an entry's depth below other compositions tells."""


def element_fault(symbol: str, energy: float, tabulated: Mapping[str, float]) -> str | None:
    """Why an energy of an element can't be, beside tabulated ones of its ground states by the same method, eV/atom."""
    tolerance = ELEMENT_TOLERANCE_OF_F if symbol in _WITH_F else ELEMENT_TOLERANCE
    if symbol not in tabulated or energy >= tabulated[symbol] - tolerance:
        return None
    return f"{energy:.4g} eV/atom, and the ground state of {symbol} has {tabulated[symbol]:.4g} by this method"


def formation_faults(entries: Sequence[Entry], elements: Mapping[str, Entry]) -> dict[int, str]:
    """Entries with a formation energy that no phase has, by number, and why.

    Parameters
    ----------
    entries
        Phases with finite energies. Those of which an element has no reference are passed over.
    elements
        Reference of each element, by the same method.

    Raises
    ------
    FormulaError
        When a composition cannot be read.

    Examples
    --------
    >>> formation_faults([Entry("MgO", -600.0)], {"Mg": Entry("Mg", -1.6, "a"), "O": Entry("O2", -4.95, "b")})
    {0: 'a formation energy of -596.7 eV/atom against a, b, and none is known beyond -5 to 10'}
    """
    table = composition_table([entry.composition for entry in entries])
    asked = [i for i in range(len(entries)) if all(symbol in elements for symbol in _symbols(table, i))]
    potentials = {symbol: entry.energy_per_atom for symbol, entry in elements.items()}
    energies = against_elements([entries[i] for i in asked], potentials)
    low, high = FORMATION_RANGE
    return {
        asked[k]: f"a formation energy of {energies[k]:.4g} eV/atom against "
        f"{', '.join(elements[symbol].name for symbol in _symbols(table, asked[k]))}, and none is known beyond "
        f"{low:g} to {high:g}"
        for k in np.flatnonzero((energies < low) | (energies > high))
    }


def doubts(entries: Sequence[Entry], elements: Mapping[str, Entry]) -> dict[int, str]:
    """Entries so far below all others that they are likelier wrong than true, by number, and why.

    Parameters
    ----------
    entries
        Known phases with finite energies, elements among them.
    elements
        Reference of each element among the entries, by the same method.

    Raises
    ------
    FormulaError
        When a composition cannot be read.
    """
    table = composition_table([entry.composition for entry in entries])
    known = [i for i in range(len(entries)) if all(symbol in elements for symbol in _symbols(table, i))]
    if not known:
        return {}
    table = table.subset(known)
    potentials = {symbol: entry.energy_per_atom for symbol, entry in elements.items()}
    formation = against_elements([entries[i] for i in known], potentials)
    forms: dict[int, list[int]] = {}
    for i in np.argsort(formation, kind="stable").tolist():
        forms.setdefault(int(table.identity[i]), []).append(i)
    found: dict[int, str] = {}
    for i, *others in forms.values():
        # A second form that is not even bound tells nothing: it is a hypothetical one.
        is_element = table.systems[i].bit_count() == 1
        if others and formation[others[0]] - formation[i] > DEEP and (is_element or formation[others[0]] < 0):
            below = formation[others[0]] - formation[i]
            found[known[i]] = f"{below:.2f} eV/atom below every other entry of its composition"
    lowest = [members[0] for members in forms.values()]
    compositions = Counter(table.systems[i] for i in lowest)
    deep = [
        i
        for i in lowest
        if formation[i] < -DEEP and table.systems[i].bit_count() >= _MANY and compositions[table.systems[i]] >= _MANY
    ]
    if deep and any(len(forms[int(table.identity[i])]) == 1 for i in deep):
        distances = decomposition_energies([entries[known[i]].composition for i in lowest], formation[lowest])
        for i, distance in zip(lowest, distances.tolist(), strict=True):
            if i in deep and len(forms[int(table.identity[i])]) == 1 and distance < -DEEP:
                found[known[i]] = f"{-distance:.2f} eV/atom below the hull of all other compositions"
    return found


def finite(energy: float | None) -> bool:
    """Whether an energy is a number at all."""
    return energy is not None and math.isfinite(energy)


def _symbols(table: CompositionTable, row: int) -> list[str]:
    return sorted(table.elements[j] for j in elements_of(table.systems[row]))
