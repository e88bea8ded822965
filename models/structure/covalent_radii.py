"""Covalent radii of the elements, by which bonds are told and cells rescaled. Plain numbers, no structures."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray
from pymatgen.core.periodic_table import Element

_BY_NUMBER: Final = """
0.31 0.28
1.28 0.96 0.84 0.73 0.71 0.66 0.57 0.58
1.66 1.41 1.21 1.11 1.07 1.05 1.02 1.06
2.03 1.76 1.70 1.60 1.53 1.39 1.50 1.42 1.38 1.24 1.32 1.22 1.22 1.20 1.19 1.20 1.20 1.16
2.20 1.95 1.90 1.75 1.64 1.54 1.47 1.46 1.42 1.39 1.45 1.44 1.42 1.39 1.39 1.38 1.39 1.40
2.44 2.15 2.07 2.04 2.03 2.01 1.99 1.98 1.98 1.96 1.94 1.92 1.92 1.89 1.90 1.87 1.87 1.75 1.70 1.62
1.51 1.44 1.41 1.36 1.36 1.32 1.45 1.46 1.48 1.40 1.50 1.50
2.60 2.21 2.15 2.06 2.00 1.96 1.90 1.87 1.80 1.69
"""  # by periods, H to Cm
COVALENT_RADII: Final[NDArray[np.float64]] = np.array([np.nan, *map(float, _BY_NUMBER.split())])
"""Å, by atomic number: B. Cordero et al., Dalton Trans. 2008, 2832, doi:10.1039/b801115j (C 0.73, that of sp2;
Mn 1.50, Fe 1.42, Co 1.38, the means of low and high spin)."""
LAST_RADIUS: Final = len(COVALENT_RADII) - 1
"""Atomic number of the heaviest element with a radius, Cm."""


@lru_cache(maxsize=128)
def covalent_radius(symbol: str) -> float:
    """Covalent radius of an element in Å; NaN where none is known (beyond Cm)."""
    number = Element(symbol).Z
    return float(COVALENT_RADII[number]) if number <= LAST_RADIUS else float("nan")
