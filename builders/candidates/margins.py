"""How far candidates that pass lie from failing: what a shortlist is ordered by. Knows gates and no database."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any, Final

from ...stores.documents import Candidate
from .campaigns.gates import Gate

_COMPARED: Final = "eV/atom"
"""Unit of the values whose margins are compared; how far a probability is from its threshold is another matter."""
_NO_MERIT_BELOW: Final = {"energy_above_hull": 0.0}
"""What is below the hull of known phases is on the hull once these are all known, and no better than others there."""


def least_margin(gates: Iterable[Gate], candidate: Mapping[str, Any]) -> float:
    """The least margin to the thresholds of gates on energies, eV/atom; infinite where none concerns the candidate.

    The end of a value's interval that lies nearer to failing is what counts.

    Examples
    --------
    >>> gate = Gate(name="stable", field="energy_above_hull", at_most=0.2)
    >>> near = {"energy_above_hull": 0.05, "highs": {"energy_above_hull": 0.12}}
    >>> below = {"energy_above_hull": -0.15, "highs": {"energy_above_hull": 0.05}}
    >>> [round(least_margin([gate], candidate), 3) for candidate in (near, below)]
    [0.08, 0.0]
    """
    return min((margin for gate in gates if (margin := _margin(gate, candidate)) is not None), default=math.inf)


def _margin(gate: Gate, candidate: Mapping[str, Any]) -> float | None:
    field = Candidate._fields.get(gate.field)
    if getattr(field, "unit", None) != _COMPARED or gate.judge(candidate) == "not-applicable":
        return None
    value = gate.value_of(candidate)
    if value is None:
        return None
    interval = gate.interval_of(candidate)
    low, high = (interval.get("low", -math.inf), interval.get("high", math.inf)) if interval else (value, value)
    shift = max(_NO_MERIT_BELOW.get(gate.field, -math.inf) - value, 0.0)
    name, threshold = gate.threshold
    least, most = gate.between or (threshold, threshold)
    from_most = most - high - shift
    from_least = low + shift - least
    if name in ("at_most", "below"):
        return float(from_most)
    if name in ("at_least", "above"):
        return float(from_least)
    return float(min(from_most, from_least)) if name == "between" else None
