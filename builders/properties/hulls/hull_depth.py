"""How much deeper a potential's hull would be with known compounds that it lacks, by a method that knows all of them.

Functionals bind some anions too weakly. Whether a method's energies are corrected for that, measured enthalpies tell
(`anion_scale`); where these are too few, the difference is made both ways, and lies anywhere between.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType
from typing import Final

from ....models.calculation.methods import Level, parse_method
from ....models.composition.formula.single_formula import read_one
from ....models.energetics.reliability.missing_compounds import (
    TOO_WEAKLY_BOUND,
    hull_deeper_by,
    with_anions_corrected,
)
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
    has_corrections: Mapping[str, Mapping[str, bool]] = MappingProxyType({}),
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
    has_corrections
        By method and anion whether its energies are corrected for it, where that is known.

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
        told = has_corrections.get(method, {})
        ways = {}
        for symbols in _corrections({symbol for target in targets for symbol in target}, told, level):
            way = f"{method} with MP2020's corrections of anions" if symbols else method
            ways[way] = [with_anions_corrected(*one, symbols) for one in zip(formulas, plain, strict=True)]
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


def _corrections(elements: Collection[str], has: Mapping[str, bool], level: Level) -> list[list[str]]:
    """Anions that energies are corrected for: one choice where it is known what they lack, else two."""
    if level not in _UNCORRECTED:
        return [[]]
    present = sorted(TOO_WEAKLY_BOUND.keys() & set(elements))
    lacking = [symbol for symbol in present if has.get(symbol) is False]
    possible = [symbol for symbol in present if not has.get(symbol)]
    return [lacking] if lacking == possible else [lacking, possible]
