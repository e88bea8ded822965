"""Finds the terms of MP2020 that pymatgen could not decide for an entry: is this element an anion, that O a peroxide.

Where oxidation states can't be guessed pymatgen corrects the most electronegative element alone, and without a
structure it takes sulfur for sulfide and nearly all oxygen for oxide; what the other answers would be worth is told
here. It knows pymatgen's entries; how a correction is made is `corrections`' matter.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

from pymatgen.core.entries import ComputedEntry, ComputedStructureEntry
from pymatgen.core.periodic_table import Element
from pymatgen.core.structure import Structure

from .corrected_energy import Doubt

ANIONS: Final = ("Br", "I", "Se", "Si", "Sb", "Te", "H", "N", "F", "Cl")
"""Elements that are corrected where they are anions; O and S have kinds of their own."""
OXIDE_TYPES: Final = ("oxide", "peroxide", "superoxide", "ozonide", "hydroxide")
_SHELL: Final = 0.4
"""Å beyond the nearest neighbour that count as its shell, as pymatgen's `sulfide_type` has it."""


def doubts(entry: ComputedEntry, terms: Mapping[str, float], applied: Collection[str]) -> tuple[Doubt, ...]:
    """Terms that were left open for an entry, given what pymatgen noted in its data.

    Parameters
    ----------
    entry
        Entry that MP2020 has corrected, with ``oxidation_states`` in the data (empty where they can't be guessed).
    terms
        Correction of each kind of anion, eV per atom of it.
    applied
        Kinds that were corrected.

    Examples
    --------
    Two Cl, 0.614 eV each, among 51 atoms:

    >>> entry = ComputedEntry("Li10B14Cl2O25", 0.0, data={"oxidation_states": {}, "oxide_type": "oxide"})
    >>> [(doubt.about, round(doubt.energy, 3)) for doubt in doubts(entry, {"Cl": -0.614}, {"oxide"})]
    [('Cl', -1.228)]
    """
    composition = entry.composition
    if len(composition) == 1 or entry.data.get("oxidation_states"):
        return ()
    found = []
    structure = entry.structure if isinstance(entry, ComputedStructureEntry) else None
    for symbol in ANIONS:
        element = Element(symbol)
        if element not in composition or symbol in applied or symbol not in terms:
            continue
        if structure is not None and _is_surely_a_cation(structure, symbol):
            continue
        reason = f"oxidation states of {entry.reduced_formula} can't be guessed: {symbol} may be an anion"
        found.append(Doubt(symbol, reason, terms[symbol] * composition[element]))
    if structure is None:
        found += _of_kinds(entry, terms, applied)
    return tuple(found)


def _of_kinds(entry: ComputedEntry, terms: Mapping[str, float], applied: Collection[str]) -> list[Doubt]:
    """Doubts about S and O of an entry without a structure, which would tell their kinds."""
    found = []
    why = f"neither structure nor oxidation states of {entry.reduced_formula} are known:"
    if "S" in applied and "sulfide_type" not in entry.data and max(e.X for e in entry.elements) > Element("S").X:
        found.append(Doubt("S", f"{why} S may be no sulfide", -terms["S"] * entry.composition["S"]))
    if "oxide" in applied and "oxide_type" not in entry.data:
        other = terms["superoxide"] - terms["oxide"]
        found.append(Doubt("O", f"{why} O may be peroxide or superoxide", other * entry.composition["O"]))
    return found


def _is_surely_a_cation(structure: Structure, symbol: str) -> bool:
    """Whether all neighbours of all atoms of an element attract electrons more strongly than it does."""
    own = Element(symbol).X
    for number, site in enumerate(structure):
        if any(element.symbol == symbol for element in site.species.elements):
            shell = _shell(structure, number)
            if not shell or any(own >= element.X for element in shell):
                return False
    return True


def _shell(structure: Structure, number: int) -> list[Element]:
    neighbours = sorted(structure.get_neighbors(structure[number], 4.0), key=lambda site: site.nn_distance)
    near = [site for site in neighbours if site.nn_distance <= neighbours[0].nn_distance + _SHELL]
    return [Element(element.symbol) for site in near for element in site.species.elements]
