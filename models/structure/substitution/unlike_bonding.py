"""Which templates a composition can't take because its atoms hold together in another way.

By the periodic table a carbonyl is like lead oxide, ammonia like lithium phosphide, an alloy of zinc and copper like
zinc sulphide: their elements are near each other. Knows formulas and what a crystal's fragments are; no structures.
"""

from __future__ import annotations

from enum import IntFlag
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray
from pymatgen.core.composition import Composition
from pymatgen.core.periodic_table import Element

from ..cells.fragments import NETWORK
from ..sizes.roles import roles_of

NONMETALS: Final = frozenset(
    ("H", "C", "N", "O", "F", "P", "S", "Cl", "Se", "Br", "I", "He", "Ne", "Ar", "Kr", "Xe", "Rn")
)
METALLOIDS: Final = frozenset(["B", "Si", "Ge", "As", "Sb", "Te", "At"])
HALOGENS: Final = frozenset(["F", "Cl", "Br", "I"])
SALT_FORMERS: Final = frozenset(["H", "N", "O", "S", "Se", "Te"])
"""Beside halogens: what makes networks and layers of salts and semiconductors with metals. Carbon, phosphorus, arsenic
and antimony make alloys as well."""
MOLECULAR_CHARGE: Final = 4.0
"""Of a metal, from which on its compounds may be molecules, as TiCl4, SnI4, OsO4, WCl6 and UF6 are."""
_MOLECULES: Final = 0
_ZINC: Final = 12
"""Group from which on d electrons take no part."""


class Bonding(IntFlag):
    """What a template is made of, as far as it matters here."""

    OTHER = 0
    MOLECULES_OF_NONMETALS = 1
    MOLECULES_WITH_METALLOIDS = 2
    NETWORK_WITH_METAL = 4
    HALIDE = 8
    SALT = 16
    CARBIDE = 32
    PNICTIDE = 64


def bonding(formula: str, dimension: int | None) -> Bonding:
    """Bonding of a template, by its formula and the dimension of its fragments, None where that is not known."""
    elements = _elements(formula)
    kind = Bonding.OTHER
    if elements & HALOGENS:
        kind |= Bonding.HALIDE
    if elements & SALT_FORMERS:
        kind |= Bonding.SALT
    if "C" in elements:
        kind |= Bonding.CARBIDE
    if elements & {"P", "As", "Sb"}:
        kind |= Bonding.PNICTIDE
    if elements <= NONMETALS | METALLOIDS:
        if dimension == _MOLECULES:
            molecules = elements <= NONMETALS
            kind |= Bonding.MOLECULES_OF_NONMETALS if molecules else Bonding.MOLECULES_WITH_METALLOIDS
    elif dimension == NETWORK:
        kind |= Bonding.NETWORK_WITH_METAL
    return kind


def unlike(formula: str, bondings: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Whether a composition can't take each of n templates, given their `Bonding`.

    Compounds of metals take no molecules of nonmetals, unless the metal is highly charged; those of electropositive
    metals none at all; and compounds of nonmetals alone take no network with a metal. Alloys take no salts, nor do
    borides and the silicides and germanides of transition metals; arsenides and antimonides of these take no halides.
    Transition metals alone take none of their phosphides, arsenides and antimonides.

    Examples
    --------
    >>> molecules = np.array([Bonding.MOLECULES_OF_NONMETALS])
    >>> [bool(unlike(formula, molecules)[0]) for formula in ("PbO", "Li3P", "SnI4", "NO")]
    [True, True, False, False]
    """
    forbidden: NDArray[np.bool_] = (bondings & int(_unlike(formula))) != 0
    return forbidden


@lru_cache(maxsize=4096)
def _unlike(formula: str) -> Bonding:
    elements = _elements(formula)
    metals = elements - NONMETALS - METALLOIDS
    if not metals:
        alone = elements <= NONMETALS and len(elements) > 1  # noble gases crystallise as copper does
        return Bonding.NETWORK_WITH_METAL if alone else Bonding.OTHER
    metallic = _unlike_alloys(elements)
    if any(_is_electropositive(Element(metal)) for metal in metals):
        return metallic | Bonding.MOLECULES_OF_NONMETALS | Bonding.MOLECULES_WITH_METALLOIDS
    roles = roles_of(formula)
    if all(roles[metal].kind == "cation" and roles[metal].charge >= MOLECULAR_CHARGE for metal in metals):
        return metallic
    return metallic | Bonding.MOLECULES_OF_NONMETALS


def _unlike_alloys(elements: frozenset[str]) -> Bonding:
    """What can't be lent to these elements, metals among them, where they hold together as metals do."""
    if len(elements) == 1 or elements & (NONMETALS | {"Te", "At"}):
        return Bonding.OTHER
    salts = Bonding.HALIDE | Bonding.SALT
    if "B" in elements:
        return salts
    among = [Element(symbol) for symbol in elements]
    if any(_is_electropositive(one) for one in among) and any(_takes_electrons(one) for one in among):
        return Bonding.OTHER  # as Mg2Si and CsAu, which are salts of a kind
    if not any(one.is_transition_metal and one.group < _ZINC for one in among):
        return salts if elements.isdisjoint(METALLOIDS) else Bonding.OTHER  # as GaAs and ZnGeAs2
    if elements & {"As", "Sb"}:
        return Bonding.HALIDE
    if all(one.is_transition_metal for one in among):
        return salts | Bonding.CARBIDE | Bonding.PNICTIDE
    return salts if elements & METALLOIDS else salts | Bonding.CARBIDE


def _takes_electrons(element: Element) -> bool:
    return bool(element.group > _ZINC or element.symbol == "Au")


def _is_electropositive(element: Element) -> bool:
    return bool(element.is_alkali or element.is_alkaline or element.is_rare_earth or element.is_actinoid)


@lru_cache(maxsize=65536)
def _elements(formula: str) -> frozenset[str]:
    return frozenset(element.symbol for element in Composition(formula).elements)
