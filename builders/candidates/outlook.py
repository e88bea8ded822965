"""What would change a verdict: which value, by how much, by which calculation. Knows verdicts, no database."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any, Final

from ...models.calculation.plan import CALCULATED_FIELDS, steps_for
from ...models.decision.chance_to_pass import Range, chance_to_pass, range_of
from ..calculations.vasp.inputs.worth import wanted_fields

Doc = dict[str, Any]

_LEAST: Final = 1e-12
_DIGITS: Final = 6


def outlook(verdict: Mapping[str, Any]) -> Doc:
    """What decides about a candidate, gate by gate, and the calculations that would.

    Parameters
    ----------
    verdict
        Of a candidate: ``status``, ``dimension`` and ``gates`` with ``value``, ``low``, ``high``, ``condition``.

    Returns
    -------
    dict
        ``gates``: of each gate that is not passed its ``name`` and ``field``, ``short_of`` (by how much the value
        misses its threshold, in the value's unit), ``settled_by`` (how far the wrong end of the interval lies beyond
        the threshold) and ``chance`` to pass; ``nearest``: of a promoted one the gate with the least to spare, ``by``;
        ``calculations``: the runs that are due.

    Examples
    --------
    >>> gate = {"name": "hull", "field": "energy_above_hull", "condition": "<= 0.1", "verdict": "failed", "value": 0.3}
    >>> outlook({"status": "rejected", "gates": [gate]})["gates"][0]["short_of"]
    0.2
    """
    gates = [gate for gate in verdict.get("gates") or () if gate["verdict"] in ("failed", "unknown")]
    told: Doc = {"gates": [_open_gate(gate) for gate in gates], "calculations": []}
    if not gates:
        told["nearest"] = _nearest(verdict.get("gates") or ())
    elif all(gate["verdict"] == "unknown" for gate in gates):
        fields, blocked_by = wanted_fields(gates)
        dimension = 2 if verdict.get("dimension") == 2 else 3
        told["calculations"] = [
            {"task": step.task, "of": step.role, "functional": step.functional}
            for step in steps_for(frozenset(fields), dimension)
        ]
        told |= {"gives": sorted(fields), "blocked_by": blocked_by}
    return told


def _open_gate(gate: Mapping[str, Any]) -> Doc:
    told: Doc = {"name": gate["name"], "field": gate["field"], "verdict": gate["verdict"]}
    told |= {"condition": gate.get("condition"), "by_calculation": gate["field"] in CALCULATED_FIELDS}
    if (known := _number_of(gate)) is None:
        return told
    wanted, value, low, high = known
    if (short := max(value - wanted.most, wanted.least - value)) > _LEAST:
        told["short_of"] = round(short, _DIGITS)
    beyond = max(high - wanted.most, wanted.least - low)
    if math.isfinite(beyond) and beyond > _LEAST:
        told["settled_by"] = round(beyond, _DIGITS)
    if gate["verdict"] == "unknown":
        told["chance"] = round(chance_to_pass(wanted, value, gate.get("low"), gate.get("high")), 3)
    return told


def _nearest(gates: Iterable[Mapping[str, Any]]) -> Doc | None:
    """The passed gate whose worse end lies nearest to its threshold, in shares of the threshold."""
    found: list[tuple[float, Doc]] = []
    for gate in gates:
        if gate["verdict"] != "passed" or (known := _number_of(gate)) is None:
            continue
        wanted, _, low, high = known
        sides = ((wanted.most - high, wanted.most), (low - wanted.least, wanted.least))
        spare, threshold = min(side for side in sides if math.isfinite(side[1]))
        told = {name: gate.get(name) for name in ("name", "field", "condition")} | {"by": round(spare, _DIGITS)}
        found.append((spare / (abs(threshold) or 1.0), told))
    return min(found, key=lambda pair: pair[0])[1] if found else None


def _number_of(gate: Mapping[str, Any]) -> tuple[Range, float, float, float] | None:
    """Range that passes, the value, and its ends, infinite where open; None of a gate that is not about a number."""
    wanted, value = range_of(str(gate.get("condition", ""))), gate.get("value")
    if wanted is None or isinstance(value, bool) or not isinstance(value, int | float):
        return None
    low, high = gate.get("low"), gate.get("high")
    if low is None and high is None:
        return wanted, value, value, value
    return wanted, value, -math.inf if low is None else low, math.inf if high is None else high
