"""What it is worth to calculate a candidate: chance to pass, times what is learnt, per cost. Knows numbers only.

A chance of gain by its cost, as expected improvement per second (J. Snoek, H. Larochelle, R. P. Adams, Adv. Neural Inf.
Process. Syst. 25 (2012)); what is learnt is the entropy of the verdict (C. E. Shannon, Bell Syst. Tech. J. 27, 379
(1948)).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray


def information(chance: ArrayLike) -> NDArray[np.float64]:
    """What a calculation tells, in bits: the entropy of a verdict with a chance to be good, (n,).

    Examples
    --------
    >>> information([0.5, 1.0, 0.0]).tolist()
    [1.0, 0.0, 0.0]
    """
    passed = np.asarray(chance, dtype=np.float64)
    failed = 1 - passed
    bits = [share * np.log2(np.where(share > 0, share, 1.0)) for share in (passed, failed)]
    return np.asarray(np.abs(bits[0] + bits[1]))


def worth(chance: ArrayLike, cost: ArrayLike) -> NDArray[np.float64]:
    """Worth of calculations, (n,): P H(P) / cost, with H the `information`; the higher, the sooner.

    Of equal costs it is highest for a chance of 0.70: what passes surely is known without a calculation, and what is
    likely to fail is not worth one.

    Parameters
    ----------
    chance
        (n,), P: that a candidate passes all its open gates.
    cost
        (n,), of all calculations that are due for it, in any one unit.
    """
    passed = np.asarray(chance, dtype=np.float64)
    return np.asarray(passed * information(passed) / np.asarray(cost, dtype=np.float64))
