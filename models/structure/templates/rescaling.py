"""The size of a crystal whose elements are replaced: bulk is scaled in all directions, a layer without its vacuum.

Knows radii, bonds and cells; which elements go where is decided elsewhere.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

BOND_TOLERANCE: Final = 0.4
"""Å beyond the sum of covalent radii up to which atoms count as bonded: the widest of 2DMatPedia's tolerances
(Zhou et al., Sci. Data 6, 86 (2019))."""

Array = NDArray[np.float64]
Integers = NDArray[np.int64]


def length_factor(old: Array, new: Array, first: Integers, second: Integers) -> float:
    """Factor by which lengths change when elements are replaced.

    The mean, over the bonds of the template, of the ratio of the new to the old sum of covalent radii (Cordero et al.,
    Dalton Trans. 2008, 2832). Being a ratio, it lets the errors of the radii and all that the template knows of its own
    bonds cancel out: within the prototypes of 980 monolayers the in-plane lengths it gives are 2.6 % off in the median,
    those of the shortest bond alone (as in pymatgen's DLSVolumePredictor) 5.8 %, without rescaling 6.1 %.

    Parameters
    ----------
    old, new
        Å, (n,): covalent radius of each site before and after, NaN where none is known.
    first, second
        (bonds,): the two sites of each of the template's bonds. Without bonds each atom counts for itself.

    Returns
    -------
    float
        1 where a radius is not known.
    """
    ratios = (new[first] + new[second]) / (old[first] + old[second]) if len(first) else new / old
    factor = float(ratios.mean())
    return factor if np.isfinite(factor) else 1.0


def scaled_layer(matrix: Array, fractional: Array, vacuum: float, factor: float) -> tuple[Array, Array]:
    """Cell and fractional coordinates of a layer whose lengths are scaled, in plane and in height, but not its vacuum.

    Parameters
    ----------
    matrix
        Å, (3, 3): rows are the cell vectors, the third along z.
    fractional
        (n, 3): the layer in the middle of the cell, as `vacuum.set_vacuum_of_arrays` puts it.
    vacuum
        Å: thickness of the vacuum, which stays.
    factor
        For lengths.

    Returns
    -------
    matrix, fractional
        Both anew.
    """
    scaled = matrix * factor
    scaled[2, 2] = factor * (matrix[2, 2] - vacuum) + vacuum
    heights = (fractional[:, 2] - 0.5) * (factor * matrix[2, 2] / scaled[2, 2])
    return scaled, np.column_stack((fractional[:, :2], heights + 0.5))
