"""How much deeper a potential's hull would be with known compounds that it lacks, by a method that knows all of them.

Functionals bind some anions too weakly; where sources give their energies without the corrections for that, the
difference is made with such as well, and lies anywhere between.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Final

from ....models.calculation.methods import Level, parse_method
from ....models.composition.formula.single_formula import read_one
from ....models.energetics.reliability.missing_compounds import hull_deeper_by, with_anions_corrected
from ...engine.batches import Doc
from .limits import Depth, is_bulk

_UNCORRECTED: Final = (Level.GGA, Level.GGA_U)
"""Of measured enthalpies, and of other functionals, anions need no such correction."""
_PREDICTED: Final = (Level.MODEL, Level.POTENTIAL, Level.RELAXED_POTENTIAL, Level.POTENTIAL_DISPERSION)
"""How far two hulls differ by such energies nobody has measured."""


def depths(
    targets: Sequence[Mapping[str, float]],
    by_method: Mapping[str, Sequence[Doc]],
    with_energy: Collection[str],
    missing: Collection[str],
    products: Sequence[Collection[str]],
) -> list[Depth | None]:
    """How much deeper the hull is at each composition once the missing compounds are on it.

    Parameters
    ----------
    targets
        Amounts of the elements, of one chemical system.
    by_method
        Known materials of the system and its parts that have a formation energy, by its method; those that a model or
        a potential predicts tell nothing.
    with_energy
        Reduced formulas of the compounds that the hull has.
    missing
        Those that it lacks.
    products
        Formulas of the phases that the hull has at each composition.

    Returns
    -------
    list
        The range of what the methods tell that know all that is missing, and what the hull has there; None where none
        does.
    """
    found: list[Depth | None] = [None] * len(targets)
    competing = [{formula for formula in each if len(read_one(formula)) > 1} for each in products]
    for method, docs in sorted(by_method.items()):
        compounds = [doc for doc in docs if "-" in doc["chemsys"] and is_bulk(doc)]
        formulas = [doc["formula_reduced"] for doc in compounds]
        level = parse_method(method).levels[0]
        if not missing or level in _PREDICTED or not set(missing) <= set(formulas):
            continue
        plain = [doc["formation_energy"] for doc in compounds]
        ways = {method: plain}
        if level in _UNCORRECTED:
            corrected = [with_anions_corrected(*one) for one in zip(formulas, plain, strict=True)]
            ways[f"{method} with MP2020's corrections of anions"] = corrected
        for way, energies in ways.items():
            for number, hull in enumerate(hull_deeper_by(targets, formulas, energies, with_energy)):
                # By how much what only the hull in question has competes with what is missing, this can't tell.
                if not competing[number] <= set(formulas):
                    continue
                deeper = Depth(hull.by, hull.by, way, hull.products)
                before = found[number] or deeper
                most = deeper if hull.by > before.most else before
                found[number] = most._replace(least=min(hull.by, before.least))
    return found
