"""The size of a crystal from relatives, crystals of its prototype: where the volume a composition takes is put right.

Ordinary regression by Gaussian processes: the logarithm of a size less that of the volume the composition takes is
alike for all of a prototype, more so for those whose elements are alike, slot by slot. Knows arrays of numbers.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

PROTOTYPE_SPREAD: Final = 0.12
"""By which a prototype's volumes differ from those expected of compositions."""
LENGTH_SPREAD: Final = 1.0
"""The same of lengths of layers, chains and molecules, which say little of volumes."""
WHOLE_SPREAD: Final = 0.07
WHOLE_RANGE: Final = 9.0
"""How much of what is left is common to two crystals, and up to which sum of costs of substitution."""
SLOT_SPREAD: Final = 0.055
SLOT_RANGE: Final = 1.2
"""How much is common to those with like elements in one slot, and up to which cost."""
NOISE: Final = 0.01
"""All by maximum likelihood, each of 556 crystals of the bundled handbook left out with its formula; those of 1,066
crystals of the Materials Project are alike (``tests/learnt/fit_volumes.py``)."""

Array = NDArray[np.float64]


def suggested_excess(excess: Array, to_target: Array, among: Array, *, of_volumes: bool) -> float:
    """What the logarithm of a size exceeds that of the expected volume by, as its relatives suggest.

    Parameters
    ----------
    excess
        (n,) of each relative: logarithm of its size, as a volume, less that of the volume its composition takes.
    to_target
        (slots, n) cost of putting the target's element in the place of the relative's.
    among
        (slots, n, n) cost of putting one relative's element in the place of another's.
    of_volumes
        Whether these are volumes per atom; lengths else, of what is held together by bonds, to the third power.
    """
    spread = PROTOTYPE_SPREAD if of_volumes else LENGTH_SPREAD
    if len(excess) == 1:  # as most have
        own = spread**2 + WHOLE_SPREAD**2 + SLOT_SPREAD**2 + NOISE**2
        return float(excess[0] * _covariance(to_target, spread)[0] / own)
    covariance = _covariance(among, spread) + NOISE**2 * np.eye(len(excess))
    weights = np.linalg.solve(covariance, _covariance(to_target, spread))
    return float(weights @ excess)


def _covariance(costs: Array, prototype_spread: float) -> Array:
    whole: Array = WHOLE_SPREAD**2 * np.exp(-costs.sum(axis=0) / WHOLE_RANGE)
    slots: Array = SLOT_SPREAD**2 * np.exp(-costs / SLOT_RANGE).mean(axis=0)
    return prototype_spread**2 + whole + slots
