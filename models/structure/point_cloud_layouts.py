"""Layouts of point clouds: which elements of a chemical system have how many rows. Plain data, no structures.

A new chemical system is a few lines: ``Layout.from_dict({"name": "ca-ti-o", "slots": {"Ca": 8, "Ti": 8, "O": 24}})``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any, Final

from pymatgen.core.periodic_table import Element

CELL_ROWS: Final = 2
"""Rows before the atoms': lengths, then angles."""
LONGEST: Final = 30.0
"""Å by which lengths are divided. Kim et al., ACS Cent. Sci. 6, 1412 (2020), as the slots of `mg-mn-o`."""
MAX_SLOTS: Final = 400
"""More rows than this are taken for a mistake: networks grow with them."""


class BadLayout(ValueError):
    """A layout that is not known, or does not say what it must."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Which atoms have which rows of the point cloud.

    Attributes
    ----------
    name
        By which people know it.
    elements
        Symbols, in the order of their rows.
    slots
        Rows of each element: the most atoms of it that a cell can hold.
    longest
        Å that stand for 1 in the row of lengths; longer cells don't fit.
    """

    name: str
    elements: tuple[str, ...]
    slots: tuple[int, ...]
    longest: float = LONGEST

    def __post_init__(self) -> None:
        if not self.elements or len(self.elements) != len(self.slots):
            raise BadLayout(
                f"layout {self.name!r}: {len(self.elements)} elements and {len(self.slots)} numbers of slots"
            )
        if len(set(self.elements)) != len(self.elements):
            raise BadLayout(f"layout {self.name!r}: an element stands twice in {', '.join(self.elements)}")
        unknown = [element for element in self.elements if not Element.is_valid_symbol(element)]
        if unknown:
            raise BadLayout(f"layout {self.name!r}: {unknown[0]!r} is no element; write symbols, such as Mg")
        if any(isinstance(n, bool) or not isinstance(n, int) or n < 1 for n in self.slots):
            raise BadLayout(f"layout {self.name!r}: slots are whole numbers from 1 on, not {self.slots}")
        if self.n_slots > MAX_SLOTS:
            raise BadLayout(f"layout {self.name!r}: {self.n_slots} slots are more than {MAX_SLOTS}")
        if not (isfinite(self.longest) and self.longest > 0):
            raise BadLayout(f"layout {self.name!r}: the longest cell is {self.longest} Å; give a positive number")

    @property
    def n_slots(self) -> int:
        """Atoms that a cell can hold."""
        return sum(self.slots)

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of an array: two rows of the cell, one for each slot; three columns."""
        return CELL_ROWS + self.n_slots, 3

    @property
    def starts(self) -> tuple[int, ...]:
        """The first slot of each element, counted without the rows of the cell, and the number of slots."""
        starts = [0]
        for n in self.slots:
            starts.append(starts[-1] + n)
        return tuple(starts)

    @property
    def chemical_system(self) -> str:
        """Elements in alphabetical order, such as ``Mg-Mn-O``."""
        return "-".join(sorted(self.elements))

    def to_dict(self) -> dict[str, Any]:
        """Plain data, as `from_dict` reads it."""
        return {
            "name": self.name,
            "slots": dict(zip(self.elements, self.slots, strict=True)),
            "longest": self.longest,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Layout:
        """Make a layout from plain data: ``name``, ``slots`` (element to number, in order), ``longest`` (Å).

        Raises
        ------
        BadLayout
            Something is missing, unknown or no number; says what.
        """
        slots = data.get("slots")
        if not isinstance(slots, Mapping) or not isinstance(data.get("name"), str):
            raise BadLayout("a layout needs a 'name' and 'slots', such as {Mg: 8, Mn: 8, O: 12}")
        unknown = sorted(set(data) - {"name", "slots", "longest"})
        if unknown:
            raise BadLayout(f"layout {data['name']!r} has {unknown[0]!r}; known are name, slots, longest")
        longest = data.get("longest", LONGEST)
        if isinstance(longest, bool) or not isinstance(longest, int | float):
            raise BadLayout(f"layout {data['name']!r}: the longest cell is {longest!r}; give a number of Å")
        return cls(data["name"], tuple(map(str, slots)), tuple(slots.values()), float(longest))

    def counts(self, amounts: Mapping[str, int] | Sequence[int]) -> tuple[int, ...]:
        """Atoms of each element in the layout's order, checked.

        Parameters
        ----------
        amounts
            Atoms per cell by element; elements left out have none. Or a number for each element of the layout.

        Raises
        ------
        BadLayout
            An element or a number has no place here.
        """
        if isinstance(amounts, Mapping):
            foreign = sorted(set(amounts) - set(self.elements))
            if foreign:
                raise BadLayout(f"layout {self.name!r} has no {foreign[0]}; it has {', '.join(self.elements)}")
            amounts = [amounts.get(element, 0) for element in self.elements]
        counts = [int(n) for n in amounts]
        if len(counts) != len(self.elements) or any(n != given for n, given in zip(counts, amounts, strict=True)):
            raise BadLayout(f"layout {self.name!r} needs {len(self.elements)} whole numbers, not {list(amounts)}")
        for element, n, most in zip(self.elements, counts, self.slots, strict=True):
            if not 0 <= n <= most:
                raise BadLayout(f"{n} atoms of {element} don't fit: layout {self.name!r} has {most} slots for it")
        return tuple(counts)


MG_MN_O: Final = Layout("mg-mn-o", ("Mg", "Mn", "O"), (8, 8, 12))
"""That of Kim et al., ACS Cent. Sci. 6, 1412 (2020)."""
LAYOUTS: Final[Mapping[str, Layout]] = {MG_MN_O.name: MG_MN_O}


def find_layout(layout: str | Mapping[str, Any] | Layout) -> Layout:
    """Find a layout by its name, or make it from plain data.

    Raises
    ------
    BadLayout
        No layout has that name, or the data are none.
    """
    if isinstance(layout, Layout):
        return layout
    if isinstance(layout, Mapping):
        return Layout.from_dict(layout)
    if layout not in LAYOUTS:
        raise BadLayout(
            f"no layout is called {layout!r}; there are: {', '.join(LAYOUTS)}. Or give its data: name and slots"
        )
    return LAYOUTS[layout]
