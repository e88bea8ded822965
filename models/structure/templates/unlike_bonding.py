"""Which templates a composition can't take because one is molecules and the other is not.

By the periodic table a carbonyl is like lead oxide, ammonia like lithium phosphide: their elements are of one group
each. Knows formulas and what a crystal's fragments are; no structures.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray
from pymatgen.core.composition import Composition
from pymatgen.core.periodic_table import Element

from ..sizes.roles import roles_of
from .fragments import NETWORK

NONMETALS: Final = frozenset(
    ("H", "C", "N", "O", "F", "P", "S", "Cl", "Se", "Br", "I", "He", "Ne", "Ar", "Kr", "Xe", "Rn")
)
METALLOIDS: Final = frozenset(["B", "Si", "Ge", "As", "Sb", "Te", "At"])
MOLECULAR_CHARGE: Final = 4.0
"""Of a metal, from which on its compounds may be molecules, as TiCl4, SnI4, OsO4, WCl6 and UF6 are."""
_MOLECULES: Final = 0


class Bonding(IntEnum):
    """What a template is made of, as far as it matters here."""

    OTHER = 0
    MOLECULES_OF_NONMETALS = 1
    MOLECULES_WITH_METALLOIDS = 2
    NETWORK_WITH_METAL = 3


def bonding(formula: str, dimension: int | None) -> Bonding:
    """Bonding of a template, by its formula and the dimension of its fragments, None where that is not known."""
    if dimension not in (_MOLECULES, NETWORK):
        return Bonding.OTHER
    elements = _elements(formula)
    if not elements <= NONMETALS | METALLOIDS:
        return Bonding.NETWORK_WITH_METAL if dimension == NETWORK else Bonding.OTHER
    if dimension == NETWORK:
        return Bonding.OTHER
    return Bonding.MOLECULES_OF_NONMETALS if elements <= NONMETALS else Bonding.MOLECULES_WITH_METALLOIDS


def unlike(formula: str, bondings: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Whether a composition can't take each of n templates, given their `Bonding`.

    Compounds of metals take no molecules of nonmetals, unless the metal is highly charged; those of electropositive
    metals none at all; and compounds of nonmetals alone take no network with a metal. Among 2,162 crystals of the
    bundled handbook, AFLOW's prototypes and Petretto et al. (Sci. Data 5, 180065 (2018)) none has a prototype it could
    not take.

    Examples
    --------
    >>> molecules = np.array([Bonding.MOLECULES_OF_NONMETALS])
    >>> [bool(unlike(formula, molecules)[0]) for formula in ("PbO", "Li3P", "SnI4", "NO")]
    [True, True, False, False]
    """
    return np.isin(bondings, _unlike(formula))


@lru_cache(maxsize=4096)
def _unlike(formula: str) -> Sequence[Bonding]:
    elements = _elements(formula)
    metals = elements - NONMETALS - METALLOIDS
    if not metals:
        alone = elements <= NONMETALS and len(elements) > 1  # noble gases crystallise as copper does
        return (Bonding.NETWORK_WITH_METAL,) if alone else ()
    if any(_is_electropositive(Element(metal)) for metal in metals):
        return (Bonding.MOLECULES_OF_NONMETALS, Bonding.MOLECULES_WITH_METALLOIDS)
    roles = roles_of(formula)
    if all(roles[metal].kind == "cation" and roles[metal].charge >= MOLECULAR_CHARGE for metal in metals):
        return ()
    return (Bonding.MOLECULES_OF_NONMETALS,)


def _is_electropositive(element: Element) -> bool:
    return bool(element.is_alkali or element.is_alkaline or element.is_rare_earth or element.is_actinoid)


@lru_cache(maxsize=65536)
def _elements(formula: str) -> frozenset[str]:
    return frozenset(element.symbol for element in Composition(formula).elements)
