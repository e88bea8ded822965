"""Compositions worth asking for: counts within a layout for which an element's oxidation state is within limits.

Kim et al., ACS Cent. Sci. 6, 1412 (2020) ask for 2 <= oxidation state of Mn <= 4. Knows numbers only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from math import gcd
from typing import Final

from ...structure.point_cloud_layouts import BadLayout, Layout

MOST_ATOMS: Final = 28
"""Of a cell of two formula units: what the layout of Kim et al. holds."""


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


def layout_of(amounts: Sequence[Mapping[str, int]]) -> tuple[Layout, list[tuple[int, ...]]]:
    """Make a layout that some compositions of one chemical system fit into, and say which cells they ask for.

    Parameters
    ----------
    amounts
        Atoms of each element in each formula unit.

    Returns
    -------
    layout, cells
        Slots for two formula units of each; cells of one, and of two where these hold at most `MOST_ATOMS` atoms.

    Raises
    ------
    BadLayout
        There are none, or they are of several chemical systems.

    Examples
    --------
    >>> layout, cells = layout_of([{"Li": 1, "Mn": 2, "O": 4}])
    >>> layout.slots, cells
    ((2, 4, 8), [(1, 2, 4), (2, 4, 8)])
    """
    systems = sorted({"-".join(sorted(one)) for one in amounts})
    if len(systems) != 1:
        told = f"they are of {len(systems)}: {', '.join(systems[:4])}" if systems else "there are none"
        raise BadLayout(f"one model generates crystals of one chemical system, and {told}")
    elements = tuple(systems[0].split("-"))
    units = [tuple(one[element] for element in elements) for one in amounts]
    slots = tuple(2 * most for most in map(max, zip(*units, strict=True)))
    twice = [tuple(2 * n for n in unit) for unit in units]
    cells = sorted({*units, *(cell for cell in twice if sum(cell) <= MOST_ATOMS)})
    return Layout(systems[0].lower(), elements, slots), cells


def family(number: tuple[int, ...]) -> tuple[int, ...]:
    """Reduced composition: (2, 4, 8) belongs to (1, 2, 4)."""
    divisor = gcd(*number)
    return tuple(n // divisor for n in number)
