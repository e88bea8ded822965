"""What the ions of a composition are in company of: kinds of anions, and electrons that find no partner.

Pairs of ions say nothing of what is missing beside them: H+ and Cl- are together in many compounds, where water or
ammonia holds the proton, and in hardly any without. Knows elements and charges only.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from .formula.elements import ATOMIC_NUMBERS

_KINDS: Final = (
    ("H",),
    ("O",),
    ("F",),
    ("Cl", "Br", "I"),
    ("S", "Se", "Te"),
    ("N", "P", "As", "Sb", "Bi"),
    ("B", "C", "Si", "Ge", "Sn"),
)
_BIT: Final = {ATOMIC_NUMBERS[symbol]: 1 << bit for bit, kind in enumerate(_KINDS) for symbol in kind}
_OTHERS: Final = 1 << len(_KINDS)
_OPEN: Final = frozenset(
    ATOMIC_NUMBERS[symbol]
    for symbol in (
        *("Ti", "V", "Cr", "Mn", "Fe", "Co", "Ni", "Cu", "Zr", "Nb", "Mo", "Tc", "Ru", "Rh", "Pd"),
        *("Hf", "Ta", "W", "Re", "Os", "Ir", "Pt", "Ce", "Pr", "Nd", "Pm", "Sm", "Eu", "Gd", "Tb", "Dy", "Ho", "Er"),
        *("Tm", "Yb", "Lu", "Th", "Pa", "U", "Np", "Pu"),
    )
)
"""Elements whose common ions have open d or f shells: an odd number of electrons is nothing unusual there."""


def kinds_of_anions(ions: Sequence[tuple[int, int]]) -> int:
    """Kinds of anions among ions, as bits of a number: H, O, F, halogens, chalcogens, groups 15 and 14, others.

    Parameters
    ----------
    ions
        Atomic numbers with charges.

    Examples
    --------
    >>> kinds_of_anions([(83, 3), (52, -2), (53, -1)])  # BiTeI: halogens, and chalcogens
    24
    """
    kinds = 0
    for number, charge in ions:
        if charge < 0:
            kinds |= _BIT.get(number, _OTHERS)
    return kinds


def has_odd_electron(numbers: Sequence[int], amounts: Sequence[int]) -> bool:
    """Whether a formula unit has an odd number of electrons, and no element that may keep one to itself.

    Where like atoms pair, as in GaS and HgCl, the crystal has an even number all the same.

    Parameters
    ----------
    numbers, amounts
        Atomic numbers, and whole amounts of each.
    """
    if not _OPEN.isdisjoint(numbers):
        return False
    units = math.gcd(*amounts)
    return sum(number * amount // units for number, amount in zip(numbers, amounts, strict=True)) % 2 == 1
