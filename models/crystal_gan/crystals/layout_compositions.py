"""Compositions worth asking for: counts within a layout for which an element's oxidation state is within limits.

Kim et al., ACS Cent. Sci. 6, 1412 (2020) ask for 2 <= oxidation state of Mn <= 4. Knows numbers only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from math import gcd

from ...structure.point_cloud_layouts import BadLayout, Layout


@dataclass(frozen=True)
class OxidationRule:
    """Which compositions are charge neutral with one element's state free within limits.

    Attributes
    ----------
    element
        The one whose state follows from the others'.
    least, most
        Its limits, included.
    states
        States of all other elements.
    """

    element: str
    least: float
    most: float
    states: Mapping[str, float]

    def state(self, number: Mapping[str, int]) -> float:
        """Mean oxidation state of the element in a composition.

        Raises
        ------
        ValueError
            It holds none of the element, or an element of unknown state.
        """
        unknown = sorted(set(number) - set(self.states) - {self.element})
        if unknown:
            raise ValueError(f"no oxidation state is given for {unknown[0]}; given are {dict(self.states)}")
        if not number.get(self.element):
            raise ValueError(f"{dict(number)} holds no {self.element}")
        charge = sum(self.states[symbol] * n for symbol, n in number.items() if symbol != self.element)
        return -charge / number[self.element]


def compositions(layout: Layout, rule: OxidationRule | None = None, *, reduced: bool = False) -> list[tuple[int, ...]]:
    """List the atoms per cell of every composition within a layout that passes the rule.

    Parameters
    ----------
    layout
        At least one atom of each of its elements, at most its slots.
    rule
        Which pass; None: all.
    reduced
        Only those whose counts have no common divisor.

    Raises
    ------
    BadLayout
        The rule has no state for an element of the layout, or is about one it lacks.
    """
    if rule is not None:
        if rule.element not in layout.elements:
            raise BadLayout(f"layout {layout.name!r} has no {rule.element}, whose oxidation state is limited")
        missing = [element for element in layout.elements if element != rule.element and element not in rule.states]
        if missing:
            raise BadLayout(f"the rule has no oxidation state for {missing[0]} of layout {layout.name!r}")
    passing = []
    for number in product(*(range(1, most + 1) for most in layout.slots)):
        if reduced and gcd(*number) > 1:
            continue
        if rule is None or rule.least <= rule.state(dict(zip(layout.elements, number, strict=True))) <= rule.most:
            passing.append(number)
    return passing


def family(number: tuple[int, ...]) -> tuple[int, ...]:
    """Reduced composition: (2, 4, 8) belongs to (1, 2, 4)."""
    divisor = gcd(*number)
    return tuple(n // divisor for n in number)
