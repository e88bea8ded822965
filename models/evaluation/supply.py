"""How concentrated the supply of a compound's elements is on few countries: the Herfindahl-Hirschman index."""

from __future__ import annotations

from functools import cache
from typing import Final, NamedTuple

from pymatgen.analysis.hhi import HHIModel
from pymatgen.core.composition import Composition

UNCONCENTRATED: Final = 1500.0
"""Below this supply is unconcentrated: Horizontal Merger Guidelines, U.S. Department of Justice and FTC (2010)."""


class Concentration(NamedTuple):
    """Index of production and of reserves, from 0 to 10,000, where one country has all."""

    production: float
    reserves: float


@cache
def concentration(formula: str) -> Concentration | None:
    """Index of a compound: the mean of its elements', weighted by mass; None where one of them has none.

    M. W. Gaultois et al., Chem. Mater. 25, 2911 (2013), whose table pymatgen holds; a thousandth of it is the scale of
    MatterGen and of LeMat-GenBench, which weighs by atoms and takes 10 for an element without a value.
    """
    of_elements = HHIModel().symbol_hhip_hhir
    composition = Composition(formula)
    if any(element.symbol not in of_elements for element in composition):
        return None
    shares = [(composition.get_wt_fraction(element), of_elements[element.symbol]) for element in composition]
    return Concentration(*(sum(share * values[i] for share, values in shares) for i in (0, 1)))
