"""Gates: named conditions on fields, evaluated in order. Knows neither campaigns' files nor the database."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Verdict = Literal["passed", "failed", "unknown", "not-applicable"]


class Gate(BaseModel):
    """One condition a candidate has to meet.

    Exactly one of the conditions is given. A gate with `routes` concerns the structures of those routes only.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True, allow_inf_nan=False)

    name: str = Field(min_length=1, description="what the gate is called, in funnels and verdicts")
    field: str = Field(min_length=1, description="field of the candidate that is looked at")
    element: str | None = Field(None, description="of a field with a value for each element, the element")
    equals: bool | str | float | None = Field(None, alias="is", description="passes when the value is this")
    at_most: float | None = Field(None, description="passes when the value is this or less")
    at_least: float | None = Field(None, description="passes when the value is this or more")
    below: float | None = Field(None, description="passes when the value is less than this")
    above: float | None = Field(None, description="passes when the value is more than this")
    between: tuple[float, float] | None = Field(
        None, description="passes when the value is within these, both included"
    )
    include: tuple[str, ...] | None = Field(None, description="passes when the list holds all of these")
    exclude: tuple[str, ...] | None = Field(None, description="passes when the list holds none of these")
    only: tuple[str, ...] | None = Field(None, description="passes when the list holds nothing but these")
    routes: tuple[str, ...] | None = Field(None, description="routes it concerns; all when not given")
    waits: bool = Field(
        default=True, description="false: while the value is not known the gate concerns nobody, and keeps none waiting"
    )
    why: str = Field("", description="where the threshold comes from")

    @model_validator(mode="after")
    def _one_condition(self) -> Self:
        given = [name for name in _CONDITIONS if getattr(self, name) is not None]
        if len(given) != 1:
            names = ", ".join("is" if name == "equals" else name for name in _CONDITIONS)
            raise ValueError(f"a gate has exactly one condition of {names}; this one has {len(given)}")
        if self.between is not None and self.between[0] > self.between[1]:
            raise ValueError(f"between {list(self.between)}: the first number is the lower one")
        named = {*(self.include or ()), *(self.exclude or ()), *(self.only or ())}
        named |= set() if self.element is None else {self.element}
        if named:
            # Half a second of imports, for gates that name elements.
            from ....models.composition.formula.elements import ATOMIC_NUMBERS

            if unknown := sorted(named - ATOMIC_NUMBERS.keys()):
                raise ValueError(f"there is no element {unknown[0]!r}")
        return self

    @cached_property
    def condition(self) -> str:
        """The condition in words that go on with "has to be": ``<= 0.2``, ``0.5 to 3``, ``yes``."""
        if isinstance(self.equals, bool):
            return "yes" if self.equals else "no"
        if isinstance(self.equals, str):
            return self.equals
        if self.between is not None:
            return f"{self.between[0]:g} to {self.between[1]:g}"
        name, threshold = self.threshold
        if name in OF_LISTS:
            return f"{_CONDITIONS[name]} {', '.join(threshold)}"
        return f"{_CONDITIONS[name]} {threshold:g}"

    @cached_property
    def kind(self) -> str | None:
        """Kind of property it looks at, where that has no field of its own; None where it looks at a field."""
        return self.field.removeprefix(f"{FURTHER}.") if self.field.startswith(f"{FURTHER}.") else None

    @cached_property
    def _name_of_value(self) -> str:
        return self.kind or self.field

    def interval_of(self, candidate: Mapping[str, Any]) -> dict[str, float]:
        """Ends of the interval that the true value lies in, ``low`` and ``high``; one is left out where it is open."""
        interval: dict[str, float] = {}
        for end, ends in (("low", candidate.get("lows")), ("high", candidate.get("highs"))):
            if ends and (value := ends.get(self._name_of_value)) is not None:
                interval[end] = value
        return interval

    def value_of(self, candidate: Mapping[str, Any]) -> Any:
        """Value of the field, or of the kind of property, that the gate looks at; None where it is not known."""
        if self.kind is not None:
            return (candidate.get(FURTHER) or {}).get(self.kind)
        value = candidate.get(self.field)
        return value.get(self.element) if self.element is not None and isinstance(value, Mapping) else value

    @cached_property
    def threshold(self) -> tuple[str, Any]:
        """Name of the condition, as the field is called here, and what it compares with."""
        return next((name, value) for name in _CONDITIONS if (value := getattr(self, name)) is not None)

    def judge(self, candidate: Mapping[str, Any]) -> Verdict:
        """Judge one candidate by its fields; a field that is absent is not known yet.

        A value with an interval (`lows` and `highs` of the candidate) stands for all of it, without end where only one
        is stated: the verdict is unknown unless it is the same for every value within.
        """
        if self.routes is not None and candidate.get("route") not in self.routes:
            return "not-applicable"
        if self.field in _FROM_THE_ELEMENTS and candidate.get("nelements") == 1:
            return "not-applicable"
        value = self.value_of(candidate)
        if value is None:
            concerned = self.element is None or not self._lacks_element(candidate)
            return "unknown" if concerned and self.waits else "not-applicable"
        if interval := self.interval_of(candidate):
            verdict = self._judge_range(interval.get("low", -math.inf), interval.get("high", math.inf))
            return "not-applicable" if verdict == "unknown" and not self.waits else verdict
        return "passed" if self._holds(value) else "failed"

    def _lacks_element(self, candidate: Mapping[str, Any]) -> bool:
        return self.element not in candidate.get("elements", (self.element,))

    def _judge_range(self, low: float, high: float) -> Verdict:
        """Judge a value that lies anywhere from `low` to `high`."""
        if self._holds(low) and self._holds(high):  # and so for all between
            return "passed"
        name, threshold = self.threshold
        least, most = self.between or (threshold, threshold)
        if name in ("at_most", "below"):
            least = -math.inf
        if name in ("at_least", "above"):
            most = math.inf
        too_much = low > least and not self._holds(low)
        too_little = high < most and not self._holds(high)
        return "failed" if too_much or too_little else "unknown"

    def _holds(self, value: Any) -> bool:
        if self.equals is not None:
            return bool(value == self.equals)
        if self.include is not None:
            return set(self.include) <= set(value)
        if self.exclude is not None:
            return set(self.exclude).isdisjoint(value)
        if self.only is not None:
            return set(value) <= set(self.only)
        if self.between is not None:
            return bool(self.between[0] <= value <= self.between[1])
        if self.at_most is not None:
            return bool(value <= self.at_most)
        if self.at_least is not None:
            return bool(value >= self.at_least)
        if self.below is not None:
            return bool(value < self.below)
        return bool(self.above is not None and value > self.above)


FURTHER = "values"
"""Field of candidates with the values of kinds of property that have no field of their own."""
_FROM_THE_ELEMENTS = frozenset({"formation_energy", "predicted_formation_energy", "ion_familiarity"})
"""Of an element energies say only how far it lies above its reference, which its distance to the hull says too; and it
has no ions."""
OF_LISTS = ("include", "exclude", "only")
"""Conditions on fields that hold a list of texts."""
_CONDITIONS = {
    "equals": "=",
    "at_most": "<=",
    "at_least": ">=",
    "below": "<",
    "above": ">",
    "between": "within",
    "include": "with",
    "exclude": "without",
    "only": "of",
}


def pass_through(gates: tuple[Gate, ...], candidate: Mapping[str, Any]) -> dict[str, Any]:
    """Send a candidate through all gates.

    Returns
    -------
    dict
        ``gates`` (each with name, field, condition, value, its interval, verdict), ``status``, ``rejected_by``,
        ``waiting_for`` and ``gates_passed``. A failed gate rejects, whatever is unknown before it; every gate is judged
        all the same.
    """
    judged = []
    passed = 0
    open_so_far = True
    verdicts = [gate.judge(candidate) for gate in gates]
    for gate, verdict in zip(gates, verdicts, strict=True):
        entry: dict[str, Any] = {
            "name": gate.name,
            "field": gate.field,
            "condition": gate.condition,
            "verdict": verdict,
        }
        value = gate.value_of(candidate)
        if value is not None:
            entry |= {"value": value, **gate.interval_of(candidate)}
        judged.append(entry)
        open_so_far = open_so_far and verdict in ("passed", "not-applicable")
        passed += open_so_far
    standing = _standing(zip(gates, verdicts, strict=True))
    return {"gates": judged, **standing, "gates_passed": passed}


def standing_of(gates: tuple[Gate, ...], candidate: Mapping[str, Any]) -> dict[str, Any]:
    """``status``, ``rejected_by`` and ``waiting_for`` as of `pass_through`; none behind a failed gate is asked."""
    return _standing((gate, gate.judge(candidate)) for gate in gates)


def _standing(verdicts: Iterable[tuple[Gate, Verdict]]) -> dict[str, Any]:
    waiting_for = None
    for gate, verdict in verdicts:
        if verdict == "failed":
            return {"status": "rejected", "rejected_by": gate.name, "waiting_for": None}
        if verdict == "unknown" and waiting_for is None:
            waiting_for = gate.name
    return {"status": "waiting" if waiting_for else "promoted", "rejected_by": None, "waiting_for": waiting_for}
