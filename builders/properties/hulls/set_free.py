"""Which anions become elements when a compound falls apart: what its cations oxidise, in AgBrI or CoI4."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from ....models.composition.formula.single_formula import read_one

_ANIONS: Final = ("F", "Cl", "Br", "I", "S", "Se", "Te")
LEAST_BOUND: Final = -0.05
"""eV/atom from the hull of others: of 121 halides and chalcogenides of the handbook none that lies higher by CHGNet
sets an anion free, two (TiS3, FePS3) of those above -0.1."""


def set_free(products: Iterable[str]) -> list[str]:
    """Halogens and chalcogens that are left as elements, or as compounds of each other; none of what holds no others.

    Parameters
    ----------
    products
        Formulas of the phases that a compound falls into.

    Examples
    --------
    >>> set_free(["CoI2", "I2"]), set_free(["AgBr", "AgI", "IBr"]), set_free(["CrBr3", "Cr2Se3", "Cr"])
    (['I'], ['Br', 'I'], [])
    >>> set_free(["Te"])  # a layer of tellurium above its crystal: no cation is there to oxidise anything
    []
    """
    phases = [read_one(product) for product in products]
    of_anions = [amounts for amounts in phases if amounts.keys() <= set(_ANIONS)]
    if len(of_anions) == len(phases):
        return []
    left = {symbol for amounts in of_anions for symbol in amounts}
    return [symbol for symbol in _ANIONS if symbol in left]
