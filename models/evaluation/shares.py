"""Shares of which a part is undecided: how many are certain, how many possible, and how far chance may move them."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import Final

TWO_SIDED_95: Final = 1.959964
"""Standard deviations within which a normal variable lies with 95 %."""


@dataclass(frozen=True, slots=True)
class Share:
    """How many of a set have a property that is not known of all.

    Attributes
    ----------
    certain
        Those that have it whatever the undecided ones turn out to be.
    by_value
        Those that have it if values are taken as they are, bounds too, and what has none has not: the count that others
        publish.
    possible
        Those that are not known not to have it.
    total
        All of the set.
    """

    certain: int
    by_value: int
    possible: int
    total: int

    @property
    def standard_error(self) -> float:
        """Binomial standard error of the share by value; 0 of an empty set."""
        if not self.total:
            return 0.0
        share = self.by_value / self.total
        return sqrt(share * (1 - share) / self.total)

    @property
    def interval(self) -> tuple[float, float]:
        """Where the share of all that could be made lies with 95 %: from what is certain to what is possible."""
        return wilson(self.certain, self.total)[0], wilson(self.possible, self.total)[1]


def wilson(successes: int, trials: int) -> tuple[float, float]:
    """Interval of 95 % of a proportion: E. B. Wilson, J. Am. Stat. Assoc. 22, 209 (1927); 0 to 1 without trials."""
    if not trials:
        return 0.0, 1.0
    share, square = successes / trials, TWO_SIDED_95**2 / trials
    middle = (share + square / 2) / (1 + square)
    half = TWO_SIDED_95 / (1 + square) * sqrt(share * (1 - share) / trials + square / (4 * trials))
    return max(0.0, middle - half), min(1.0, middle + half)


def at_most(limit: float, value: float, low: float | None, high: float | None) -> bool | None:
    """Whether a value is at most a limit; None where its interval, or what it is a bound of, leaves that open.

    Parameters
    ----------
    limit, value
        In one unit.
    low, high
        Ends of the interval; with one of them it is open on the other side, with none the value stands for itself.
    """
    if low is None and high is None:
        return value <= limit
    if high is not None and high <= limit:
        return True
    return False if low is not None and low > limit else None
