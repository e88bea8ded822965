"""How far a material that was found again lies from what it was made of: held out by composition, or by family.

A family has the same amounts of elements of the same groups: MoS2, WSe2 and CrTe2 are one. What is made by exchanging
elements of a group finds relatives; a material found from another family shows more.
"""

from __future__ import annotations

from enum import StrEnum
from functools import cache

from pymatgen.core.composition import Composition

from ..composition.stoichiometry import FAMILIES


class Origin(StrEnum):
    """What a material that was found again was made of, the nearest first."""

    ITSELF = "its own composition"
    RELATIVE = "a relative: same amounts, elements of the same groups"
    ELSEWHERE = "another family"


@cache
def family(formula: str) -> tuple[tuple[int, float], ...]:
    """Groups of the elements with their amounts in the reduced formula, sorted."""
    reduced = Composition(formula).reduced_composition
    return tuple(sorted((int(FAMILIES[element.Z]), float(amount)) for element, amount in reduced.items()))


def origin(found: str, made_of: str) -> Origin:
    """How far a material lies from what it was made of.

    Parameters
    ----------
    found, made_of
        Formulas of the two.
    """
    if Composition(found).reduced_formula == Composition(made_of).reduced_formula:
        return Origin.ITSELF
    return Origin.RELATIVE if family(found) == family(made_of) else Origin.ELSEWHERE
