"""The element tables behind formula arithmetic: symbols, sort orders, hydrogen's isotopes.

Facts come from pymatgen; nothing here knows what a formula is.
"""

from __future__ import annotations

import math
import warnings
from types import MappingProxyType
from typing import Final

import numpy as np
from numpy.typing import NDArray
from pymatgen.core.periodic_table import Element

MAX_Z: Final = 118

#: Symbols that stand for hydrogen. Formulas here know elements, not isotopes: deuterium and tritium are read as
#: hydrogen, which is also what pymatgen's ``Composition("D2O")`` does.
HYDROGEN_ISOTOPES: Final = ("D", "T")

#: Symbol of each element by atomic number; index 0 is empty.
SYMBOLS: Final[tuple[str, ...]] = ("", *(Element.from_Z(z).symbol for z in range(1, MAX_Z + 1)))

#: Atomic number of each symbol, deuterium and tritium included (both 1).
ATOMIC_NUMBERS: Final = MappingProxyType(
    {symbol: z for z, symbol in enumerate(SYMBOLS) if z} | dict.fromkeys(HYDROGEN_ISOTOPES, 1)
)


def _pauling_electronegativities() -> NDArray[np.float64]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # pymatgen warns for each element without a value
        return np.array([math.nan, *(float(Element.from_Z(z).X) for z in range(1, MAX_Z + 1))])


def _ranks(order: list[int]) -> NDArray[np.int64]:
    ranks = np.zeros(MAX_Z + 1, dtype=np.int64)
    ranks[order] = np.arange(MAX_Z)
    return ranks


#: Pauling electronegativity by atomic number (pymatgen's); NaN where there is none (He, Ne, ...).
ELECTRONEGATIVITIES: Final = _pauling_electronegativities()

_ALL: Final = range(1, MAX_Z + 1)

#: Place of each element in pymatgen's formula order: by electronegativity, those without one last, then by symbol.
ELECTRONEGATIVITY_RANKS: Final = _ranks(
    sorted(
        _ALL,
        key=lambda z: (
            math.inf if math.isnan(ELECTRONEGATIVITIES[z]) else float(ELECTRONEGATIVITIES[z]),
            SYMBOLS[z],
        ),
    )
)

#: Place of each element in alphabetical order of the symbols (the order of a chemical system).
ALPHABETICAL_RANKS: Final = _ranks(sorted(_ALL, key=lambda z: SYMBOLS[z]))
