"""Intervals of values from the errors that their method was measured to have: split conformal prediction.

Knows numbers only. V. Vovk, A. Gammerman, G. Shafer, Algorithmic Learning in a Random World (Springer, 2005); errors
are scaled as by J. Lei et al., J. Am. Stat. Assoc. 113, 1094 (2018), section 5.2.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

COVERAGE: Final = 0.9
"""Share of true values that intervals hold."""
FLOOR: Final = 0.1
"""eV/atom added to an exfoliation energy for the size of its error: errors grow with the value, and don't vanish where
that does. Of 0.05, 0.1 and none this one decides most at 0.2 eV/atom."""
SPREAD_WEIGHT: Final = 5.0
"""How much the distance between potentials counts beside: where they are 10 meV/atom apart, errors are a third larger
at 0.05 eV/atom than where they agree."""

_SPLITS: Final = 200
_SEED: Final = 0


@dataclass(frozen=True, slots=True)
class ErrorModel:
    """How large the errors of a method are.

    Attributes
    ----------
    quantile
        Of errors over their scale, which `COVERAGE` of them stay below; eV/atom where they have none.
    size
        How many known values it was measured on.
    covered
        Share of known values that intervals held when the other half of them was left to measure the errors on, the
        mean of many splits.
    deviation
        Standard error of that share.
    """

    quantile: float
    size: int
    covered: float
    deviation: float

    def interval(self, value: float, spread: float = 0.0) -> tuple[float, float]:
        """Ends of the interval of a value, eV/atom; nothing binds less than not at all.

        Parameters
        ----------
        value
            eV/atom.
        spread
            Between the potentials that it is the mean of, eV/atom.
        """
        width = self.quantile * float(scale(value, spread))
        return max(value - width, min(value, 0.0)), value + width

    def around(self, value: float) -> tuple[float, float]:
        """Ends of the interval of a value where errors were measured as they are: alike at every size, eV/atom."""
        return value - self.quantile, value + self.quantile


class Measured(NamedTuple):
    """Values by a method beside those that are known.

    values, spreads, known
        eV/atom, (n,) each.
    """

    values: NDArray[np.float64]
    spreads: NDArray[np.float64]
    known: NDArray[np.float64]

    @property
    def scores(self) -> NDArray[np.float64]:
        """Errors over their scale."""
        scores: NDArray[np.float64] = np.abs(self.known - self.values) / scale(self.values, self.spreads)
        return scores


def scale(value: ArrayLike, spread: ArrayLike = 0.0) -> NDArray[np.float64]:
    """How large errors of values are beside each other, eV/atom."""
    sizes: NDArray[np.float64] = np.abs(np.asarray(value)) + FLOOR + SPREAD_WEIGHT * np.asarray(spread)
    return sizes


def error_model(scores: NDArray[np.float64]) -> ErrorModel:
    """Error model of a method, from the errors of its values beside known ones.

    Parameters
    ----------
    scores
        (n,) sizes of errors, over their scale where they have one.

    Raises
    ------
    ValueError
        There are too few for the coverage: half of them have to show it.

    Examples
    --------
    Errors of a tenth of the scale or less, in steps of a hundredth of that:

    >>> values = np.full(100, 0.1)
    >>> known = values + 0.2 * np.arange(1, 101) / 1000
    >>> round(error_model(Measured(values, np.zeros(100), known).scores).quantile, 3)
    0.091
    """
    rng = np.random.default_rng(_SEED)
    shares = []
    for _ in range(_SPLITS):
        order = rng.permutation(len(scores))
        half = len(scores) // 2
        shares.append(float((scores[order[half:]] <= conformal_quantile(scores[order[:half]])).mean()))
    covered = float(np.mean(shares))
    left = len(scores) - len(scores) // 2
    return ErrorModel(conformal_quantile(scores), len(scores), covered, math.sqrt(covered * (1 - covered) / left))


def conformal_quantile(scores: NDArray[np.float64]) -> float:
    """The smallest score that `COVERAGE` of scores stay below, the next one counted in."""
    place = math.ceil((len(scores) + 1) * COVERAGE)
    if place > len(scores):
        raise ValueError(f"{len(scores)} known values are too few for a coverage of {COVERAGE:g}")
    return float(np.sort(scores)[place - 1])
