"""The modified Pettifor scale: one number per element, near for elements that replace each other in crystals.

Knows elements and their order; knows neither formulas nor structures.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

_ORDER: Final = (
    "He Ne Ar Kr Xe Rn Fr Cs Rb K Na Li Ra Ba Sr Ca Eu Yb Lu Tm Y Er Ho Dy Tb Gd Sm Pm Nd Pr Ce La Ac Th Pa U Np Pu "
    "Am Cm Bk Cf Es Fm Md No Lr Sc Zr Hf Ti Ta Nb V Cr Mo W Re Tc Os Ru Ir Rh Pt Pd Au Ag Cu Ni Co Fe Mn Mg Zn Cd "
    "Hg Be Al Ga In Tl Pb Sn Ge Si B C N P As Sb Bi Po Te Se S O At I Br Cl F H "
)

MODIFIED_PETTIFOR_ORDER: Final[tuple[str, ...]] = tuple(_ORDER.split())
"""The 103 elements in the order found from the Inorganic Crystal Structure Database by Glawe, Sanna, Gross, Marques,
"The optimal one dimensional periodic table", New J. Phys. 18, 093011 (2016); neighbours are one step apart."""

MODIFIED_PETTIFOR_POSITION: Final[Mapping[str, int]] = MappingProxyType(
    {symbol: position for position, symbol in enumerate(MODIFIED_PETTIFOR_ORDER)}
)
"""Place of each element on the scale, counted from 0 (He) to 102 (H)."""


class ElementOffScaleError(ValueError):
    """An element that the modified Pettifor scale does not hold."""

    def __init__(self, symbol: str, context: str = "") -> None:
        where = f" in {context!r}" if context else ""
        super().__init__(
            f"{symbol!r}{where} is not on the modified Pettifor scale, which holds the elements H to Lr; "
            f"check the symbol, and leave out what is heavier"
        )
        self.symbol = symbol


def position(symbol: str) -> int:
    """Place of an element on the modified Pettifor scale.

    Parameters
    ----------
    symbol
        Chemical symbol, such as ``"Sr"``.

    Returns
    -------
    int
        From 0 (He) to 102 (H).

    Raises
    ------
    ElementOffScaleError
        For anything but the 103 elements H to Lr (deuterium, element 104 and above, misspelt symbols).

    Examples
    --------
    >>> position("Ca") - position("Sr")
    1
    """
    try:
        return MODIFIED_PETTIFOR_POSITION[symbol]
    except KeyError:
        raise ElementOffScaleError(symbol) from None
