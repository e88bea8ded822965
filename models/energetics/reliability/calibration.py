"""Error models from known values of a registry's own, and what they are without any one of these values.

Knows numbers and names of groups only. An interval for a value that is known itself is made without it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, NamedTuple

import numpy as np

from .error_intervals import COVERAGE, ErrorModel, error_model

LEAST: Final = 30
"""Known values from which a class has an error model of its own; the share of values within its intervals is 0.90 with
a standard error of 0.05 then."""
_DIGITS: Final = 2
"""Of quantiles, rounded up: a few more known values change no interval, as a rule."""


class KnownError(NamedTuple):
    """Size of the error of one value that is known.

    Attributes
    ----------
    name
        Of what it is a value.
    score
        The error over its scale.
    """

    name: str
    score: float


@dataclass(frozen=True, slots=True)
class Calibration:
    """How large errors of one class are.

    Attributes
    ----------
    errors
        Error model of all known values.
    without
        By name, its quantile without the known value of that name, where that is another one.
    """

    errors: ErrorModel
    without: Mapping[str, float] = field(default_factory=dict)

    def of(self, name: str) -> ErrorModel:
        """Error model for the value of that name, made without it."""
        return replace(self.errors, quantile=self.without.get(name, self.errors.quantile))


def calibration(known: Sequence[KnownError]) -> Calibration | None:
    """Calibration of a class; None where there are too few known values.

    Parameters
    ----------
    known
        n errors, of n different names.

    Examples
    --------
    Of forty errors of 0.01 to 0.40 and the next one, nine in ten lie below 0.37; of those without the largest, 0.36.

    >>> of_class = calibration([KnownError(f"layer {i}", i / 100) for i in range(1, 41)])
    >>> of_class.of("layer 1").quantile, of_class.of("layer 40").quantile, of_class.of("another").quantile
    (0.37, 0.36, 0.37)
    """
    if len(known) < LEAST:
        return None
    scores = np.array([one.score for one in known])
    model = error_model(scores)
    quantile = rounded_up(model.quantile)
    order = np.argsort(scores, kind="stable")
    place = math.ceil(len(known) * COVERAGE)  # of the quantile among all but one, as `conformal_quantile` counts
    without = {}
    for rank, number in enumerate(order):
        left = rounded_up(float(scores[order[place if rank < place else place - 1]]))
        if left != quantile:
            without[known[number].name] = left
    return Calibration(replace(model, quantile=quantile), without)


def rounded_up(quantile: float) -> float:
    """A quantile to two digits, no smaller than it is."""
    if quantile <= 0:
        return 0.0
    unit = 10.0 ** (math.floor(math.log10(quantile)) - _DIGITS + 1)
    return round(math.ceil(quantile / unit - 1e-9) * unit, 12)
