"""How much deeper a hull would be with the known compounds that it lacks, by a method that knows the energies of all.

Energies of two methods never meet: what is taken from the other method is the difference between two of its own hulls,
one of the compounds that the method in question has an energy for, one of these and those that it lacks. Functionals
bind some anions too weakly; where sources give their energies without the corrections for that, the difference is made
with such as well, and the larger one counts.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from math import isnan
from typing import Final

from ....models.calculation.methods import Level, parse_method
from ....models.composition.formula.elements import ATOMIC_NUMBERS
from ....models.composition.formula.single_formula import read_one
from ....models.composition.oxidation_states import SMACT_ELECTRONEGATIVITIES
from ....models.energetics.entry import Entry
from ....models.energetics.hull import hull_positions
from ...engine.batches import Doc
from .limits import Depth, is_bulk

TOO_WEAKLY_BOUND: Final = {"Br": 0.534, "I": 0.379, "Se": 0.472, "Te": 0.422, "Sb": 0.192}
"""eV per atom of an anion by which MP2020 lowers energies (A. Wang et al., Sci. Rep. 11, 15496 (2021)), of those that
uncorrected energies of the Materials Project lack: in the median these lie above measured enthalpies by 0.49 for
bromides, 0.29 for iodides, 0.44 for selenides, 0.35 for tellurides (22, 18, 7, 11 binary ones); those of chlorides,
oxides and sulfides don't."""


def depths(
    targets: Sequence[Mapping[str, float]],
    by_method: Mapping[str, Sequence[Doc]],
    with_energy: Collection[str],
    missing: Collection[str],
) -> list[Depth | None]:
    """How much deeper the hull is at each composition once the missing compounds are on it.

    Parameters
    ----------
    targets
        Amounts of the elements, of one chemical system.
    by_method
        Known materials of the system and its parts that have a formation energy, by its method.
    with_energy
        Reduced formulas of the compounds that the hull has.
    missing
        Those that it lacks.

    Returns
    -------
    list
        The largest of what the methods tell that know all that is missing; None where none does.
    """
    found: list[Depth | None] = [None] * len(targets)
    for method, docs in sorted(by_method.items()):
        corrected = Level.CORRECTED_GGA in parse_method(method).levels
        compounds = [doc for doc in docs if "-" in doc["chemsys"] and is_bulk(doc)]
        if not missing or not set(missing) <= {doc["formula_reduced"] for doc in compounds}:
            continue
        for way in (method,) if corrected else (method, f"{method} with MP2020's corrections of anions"):
            entries = [_entry(doc, way, with_corrections=way != method) for doc in compounds]
            for number, energy in enumerate(_differences(targets, entries, with_energy, way)):
                before = found[number]
                if before is None or energy > before.energy:
                    found[number] = Depth(energy, way)
    return found


def _differences(
    targets: Sequence[Mapping[str, float]], compounds: Sequence[Entry], with_energy: Collection[str], method: str
) -> list[float]:
    """How much deeper the hull of all compounds is than that of those with an energy, at each composition."""
    elements = [Entry({symbol: 1}, 0.0, symbol, method) for symbol in sorted({s for one in targets for s in one})]
    there = [entry for entry in compounds if entry.entry_id in with_energy]
    asked = [Entry(target, 0.0, str(number), method) for number, target in enumerate(targets)]
    deep, shallow = (hull_positions(asked, [*elements, *entries]) for entries in (compounds, there))
    return [max(0.0, one.energy - other.energy) for one, other in zip(deep, shallow, strict=True)]


def _entry(doc: Doc, method: str, *, with_corrections: bool) -> Entry:
    amounts = read_one(doc["formula_reduced"])
    energy = doc["formation_energy"]
    if with_corrections:
        attractions = {symbol: _attraction(symbol) for symbol in amounts}
        least = min(attractions.values())
        anions = (symbol for symbol in TOO_WEAKLY_BOUND.keys() & amounts.keys() if attractions[symbol] > least)
        energy -= sum(TOO_WEAKLY_BOUND[symbol] * amounts[symbol] for symbol in anions) / sum(amounts.values())
    return Entry(amounts, energy, doc["formula_reduced"], method)


def _attraction(symbol: str) -> float:
    """Electronegativity; an element without one attracts nothing."""
    value = float(SMACT_ELECTRONEGATIVITIES[ATOMIC_NUMBERS[symbol]])
    return 0.0 if isnan(value) else value
