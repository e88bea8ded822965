"""Covalent radii of the elements, by which bonds are told and cells rescaled. Plain numbers, no structures."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray
from pymatgen.analysis.local_env import CovalentRadius
from pymatgen.core.periodic_table import Element

LAST_RADIUS: Final = 96
"""Atomic number of the heaviest element with a radius, Cm."""
COVALENT_RADII: Final[NDArray[np.float64]] = np.array(
    [np.nan] + [CovalentRadius.radius.get(Element.from_Z(z).symbol, np.nan) for z in range(1, LAST_RADIUS + 1)]
)
"""Å, by atomic number, H to Cm: B. Cordero et al., Dalton Trans. 2008, 2832 (sp3 to sp averages as in pymatgen's
`CovalentRadius`: C 0.73; Mn 1.50, Fe 1.42, Co 1.38, the means of low and high spin)."""


@lru_cache(maxsize=128)
def covalent_radius(symbol: str) -> float:
    """Covalent radius of an element in Å; NaN where none is known (beyond Cm)."""
    number = Element(symbol).Z
    return float(COVALENT_RADII[number]) if number <= LAST_RADIUS else float("nan")
