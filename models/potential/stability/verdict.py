"""What frequencies and stiffnesses by potentials say of a structure's stability: a verdict where two of them agree.

Knows numbers only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

SOFT: Final = -0.1
"""THz. A lowest frequency above it is none that is imaginary: single precision and what is left of forces make acoustic
modes of layers that imaginary, the limit of 1 meV that databases of phonons set is 0.24 THz (C. Petretto et al., Sci.
Data 5, 180065 (2018))."""
UNSTABLE: Final = -1.2
"""THz. A lowest frequency below it is taken for imaginary; between both nothing is said: universal potentials are too
soft, so that vibrations which are real may come out imaginary by about 1 THz, by two of them alike (measured on 82
layers by tests/accuracy/measure_stability.py, docs/measured/stability.md)."""
AGREEING: Final = 2
"""Potentials that have to say the same."""


class Verdict(StrEnum):
    """What is said of a structure."""

    STABLE = "stable"
    UNSTABLE = "unstable"
    UNKNOWN = "not known"


@dataclass(frozen=True, slots=True)
class Judgement:
    """What several potentials say together.

    Attributes
    ----------
    verdict
        Stable or unstable only where at least two say so and none the opposite, or nothing.
    low, high
        Least and largest of what they say.
    reason
        Why there is no verdict; empty where there is one.
    """

    verdict: Verdict
    low: float
    high: float
    reason: str = ""


def verdict_on_frequency(lowest: float, *, soft: float = SOFT, unstable: float = UNSTABLE) -> Verdict:
    """What one potential's lowest frequency in THz says, negative where imaginary.

    Parameters
    ----------
    lowest
        The frequency.
    soft, unstable
        THz from which a structure is called stable, and below which unstable.

    Examples
    --------
    >>> [verdict_on_frequency(lowest).value for lowest in (0.0, -1.0, -4.7)]
    ['stable', 'not known', 'unstable']
    """
    if lowest >= soft:
        return Verdict.STABLE
    return Verdict.UNSTABLE if lowest < unstable else Verdict.UNKNOWN


def verdict_on_stiffness(least: float) -> Verdict:
    """What one potential's least stiffness says, GPa or N/m: a strain that costs nothing goes on by itself."""
    return Verdict.STABLE if least > 0 else Verdict.UNSTABLE


def judged(said: Mapping[str, tuple[Verdict, float]]) -> Judgement:
    """Join what potentials say.

    Parameters
    ----------
    said
        By name of a potential its verdict, and the number that came of.

    Raises
    ------
    ValueError
        When none says anything.

    Examples
    --------
    >>> judged({"a": (Verdict.STABLE, 0.0)}).reason
    'by one potential: stable (a 0.00); it takes 2 that agree'
    """
    if not said:
        raise ValueError("no potential said anything")
    numbers = [number for _, number in said.values()]
    low, high = min(numbers), max(numbers)
    verdicts = {verdict for verdict, _ in said.values()}
    each = ", ".join(f"{name} {number:.2f}" for name, (_, number) in said.items())
    if len(said) < AGREEING:
        [verdict] = verdicts
        reason = f"by one potential: {verdict} ({each}); it takes {AGREEING} that agree"
        return Judgement(Verdict.UNKNOWN, low, high, reason)
    if len(verdicts) > 1:
        words = ", ".join(f"{name}: {verdict} ({number:.2f})" for name, (verdict, number) in said.items())
        return Judgement(Verdict.UNKNOWN, low, high, f"potentials do not agree: {words}")
    [verdict] = verdicts
    reason = f"too near the limit to say: {each}" if verdict is Verdict.UNKNOWN else ""
    return Judgement(verdict, low, high, reason)
