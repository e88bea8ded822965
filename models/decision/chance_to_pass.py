"""Chances that values which are not known exactly meet a condition. Knows numbers and conditions in words only."""

from __future__ import annotations

import math
import re
from functools import cache
from statistics import NormalDist
from typing import Final, NamedTuple

COVERAGE: Final = 0.9
"""Share of true values that an interval holds; half of the others lie beyond each end."""
BOUND_SCALE: Final = 0.2
"""How far beyond a bound a value lies on the average, where the threshold is zero and sets no scale: eV/atom, the
threshold of binding in 2DMatPedia (J. Zhou et al., Sci. Data 6, 86 (2019))."""
_Z: Final = NormalDist().inv_cdf((1 + COVERAGE) / 2)
_NUMBER: Final = r"([+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?)"
_ONE_SIDED: Final = re.compile(rf"(<=|>=|<|>) {_NUMBER}")
_WITHIN: Final = re.compile(rf"{_NUMBER} to {_NUMBER}")


class Range(NamedTuple):
    """Values that meet a condition, from `least` to `most`; infinite where it has one side."""

    least: float
    most: float


@cache
def range_of(condition: str) -> Range | None:
    """Values that meet a condition as gates state it; None of one that is not about a number.

    Examples
    --------
    >>> range_of("<= 0.2"), range_of("0.5 to 3"), range_of("yes")
    (Range(least=-inf, most=0.2), Range(least=0.5, most=3.0), None)
    """
    if one_sided := _ONE_SIDED.fullmatch(condition):
        number = float(one_sided[2])
        return Range(-math.inf, number) if one_sided[1].startswith("<") else Range(number, math.inf)
    if within := _WITHIN.fullmatch(condition):
        return Range(float(within[1]), float(within[2]))
    return None


def chance_to_pass(wanted: Range, value: float, low: float | None, high: float | None) -> float:
    """Chance that the true value lies in a range.

    - Value within its interval: on each side of it half a normal distribution, of which the interval holds `COVERAGE`.
    - Value at an end, as where one more energy is to be added, and it is known how much at most: anywhere in the
      interval alike.
    - A bound: beyond it, at a distance distributed exponentially. Its mean is the size of the threshold, `BOUND_SCALE`
      where that is zero: of all distributions with a mean the one that says least else (E. T. Jaynes, Phys. Rev. 106,
      620 (1957)).
    - Neither: the value stands for itself.

    Parameters
    ----------
    wanted
        Values that pass.
    value, low, high
        The value with the ends of its interval, in one unit with the range; None where an end is open.

    Examples
    --------
    Half of the values lie below the middle of an interval, 95 % below its end, and of those above a bound by a layer's
    threshold a share of 1 - 1/e lies within as much again:

    >>> at_most = Range(-math.inf, 0.2)
    >>> round(chance_to_pass(at_most, 0.2, 0.1, 0.3), 3), round(chance_to_pass(at_most, 0.1, 0.0, 0.2), 3)
    (0.5, 0.95)
    >>> round(chance_to_pass(at_most, 0.0, 0.0, None), 3)
    0.632
    """
    if low is None and high is None:
        return float(wanted.least <= value <= wanted.most)
    scale = min((abs(end) for end in wanted if math.isfinite(end) and end), default=BOUND_SCALE)

    def below(end: float) -> float:
        if math.isinf(end):
            return float(end > 0)
        if high is None and low is not None:
            return -math.expm1(-max(0.0, end - low) / scale)
        if low is None and high is not None:
            return math.exp(-max(0.0, high - end) / scale)
        return _below(end, value, float(low or 0.0), float(high or 0.0))

    return below(wanted.most) - below(wanted.least)


def _below(end: float, value: float, low: float, high: float) -> float:
    """Share of the true values of an interval that are at most `end`."""
    if low >= high:
        return float(value <= end)
    if not low < value < high:
        return min(1.0, max(0.0, (end - low) / (high - low)))
    half = value - low if end < value else high - value
    return NormalDist().cdf(_Z * (end - value) / half)


def chance_by_others(passed: int, failed: int) -> float:
    """Chance of a candidate of whose value nothing is known, by how many others passed: Laplace's rule of succession.

    Examples
    --------
    >>> chance_by_others(0, 0), chance_by_others(8, 0)
    (0.5, 0.9)
    """
    return (passed + 1) / (passed + failed + 2)
