"""How much deeper a hull would be with the known compounds that it lacks, by a method that knows the energies of all.

Energies of two methods never meet: what is taken from the other method is the difference between two of its own hulls,
one of the compounds that the method in question has an energy for, one of these and those that it lacks.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from ....models.composition.formula.single_formula import read_one
from ....models.energetics.entry import Entry
from ....models.energetics.hull import hull_positions
from ...engine.batches import Doc
from .limits import Depth, is_bulk


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
        compounds = [doc for doc in docs if "-" in doc["chemsys"] and is_bulk(doc)]
        if not missing or not set(missing) <= {doc["formula_reduced"] for doc in compounds}:
            continue
        elements = [Entry({symbol: 1}, 0.0, symbol, method) for symbol in sorted({s for one in targets for s in one})]
        whole = [*elements, *(_entry(doc, method) for doc in compounds)]
        there = [*elements, *(_entry(doc, method) for doc in compounds if doc["formula_reduced"] in with_energy)]
        asked = [Entry(target, 0.0, str(number), method) for number, target in enumerate(targets)]
        positions = zip(hull_positions(asked, whole), hull_positions(asked, there), strict=True)
        for number, (deep, shallow) in enumerate(positions):
            energy = max(0.0, deep.energy - shallow.energy)
            before = found[number]
            if before is None or energy > before.energy:
                found[number] = Depth(energy, method)
    return found


def _entry(doc: Doc, method: str) -> Entry:
    return Entry(read_one(doc["formula_reduced"]), doc["formation_energy"], doc["formula_reduced"], method)
