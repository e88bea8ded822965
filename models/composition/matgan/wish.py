"""What somebody wishes compositions to be like: that they hold elements, balance their charges, lie near a given one.

Imports no torch: campaigns are read that have such a wish.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ...structure.element_movers import distances
from ...structure.pettifor import MODIFIED_PETTIFOR_POSITION
from ..formula.elements import ATOMIC_NUMBERS, SYMBOLS
from ..formula.formula_arrays import Formulas
from ..formula.formulas import parse, reduced_formulas
from ..one_hot import ELEMENTS
from ..oxidation_states import OxidationStates
from ..screening import screen

_NUMBERS: Final = np.array([ATOMIC_NUMBERS[symbol] for symbol in ELEMENTS], dtype=np.uint8)

#: Elements so many times farther from each of a composition than this may be are not written near it.
_REACH: Final = 4.0


class BadWish(ValueError):
    """A wish that means nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What compositions are to be like.

    Attributes
    ----------
    containing
        Elements that each holds.
    only
        Elements that each may hold; any where empty.
    balanced
        Whether charges and electronegativities have to balance (`screening.screen`).
    near, within
        A formula, and the largest element mover's distance from it; any where None.
    """

    containing: tuple[str, ...] = ()
    only: tuple[str, ...] = ()
    balanced: bool = False
    near: str | None = None
    within: float = 2.0

    def __post_init__(self) -> None:
        """Refuse what no composition can meet."""
        unknown = sorted({*self.containing, *self.only} - set(ELEMENTS))
        if unknown:
            raise BadWish(f"{', '.join(unknown)}: not among the {len(ELEMENTS)} elements that are drawn")
        if self.only and (outside := sorted(set(self.containing) - set(self.only))):
            raise BadWish(f"{', '.join(outside)} is to be held and is none of the only ones: {', '.join(self.only)}")
        if self.only and len(set(self.only)) < 2:
            raise BadWish("compositions have two elements at least; give more of the only ones")
        if not self.within > 0:
            raise BadWish(f"the distance within which a composition is near is above 0, not {self.within}")
        if self.near is not None and (off := sorted(_symbols(self.near) - set(ELEMENTS))):
            raise BadWish(f"{self.near} holds {', '.join(off)}, which is not drawn")

    def __str__(self) -> str:
        """What is wished, in words."""
        words = {
            f"with {', '.join(self.containing)}": self.containing,
            f"of {', '.join(self.only)} alone": self.only,
            "balanced": self.balanced,
            f"within {self.within:g} of {self.near}": self.near is not None,
        }
        return "; ".join(said for said, wished in words.items() if wished) or "anything"

    def elements(self) -> list[str]:
        """Elements that may be written for it."""
        allowed = set(self.only or ELEMENTS)
        if self.near is not None:
            places = [MODIFIED_PETTIFOR_POSITION[symbol] for symbol in _symbols(self.near)]
            reach = _REACH * self.within
            near = {s for s in ELEMENTS if min(abs(MODIFIED_PETTIFOR_POSITION[s] - place) for place in places) <= reach}
            allowed &= near | set(self.containing)
        return [symbol for symbol in ELEMENTS if symbol in allowed]

    def met(self, amounts: NDArray[np.uint8], oxidation_states: OxidationStates) -> NDArray[np.bool_]:
        """Whether compositions, given as atoms of each element (n, 85), are as wished, shape (n,)."""
        held = amounts > 0
        columns = [ELEMENTS.index(symbol) for symbol in self.containing]
        barred = ~np.isin(np.array(ELEMENTS), self.only) if self.only else np.zeros(len(ELEMENTS), dtype=bool)
        met: NDArray[np.bool_] = held[:, columns].all(axis=1) & ~held[:, barred].any(axis=1) & (held.sum(axis=1) > 1)
        if self.near is not None and met.any():
            formulas = reduced_formulas(_formulas(amounts[met]))
            met[met] = distances(formulas, [self.near] * len(formulas)) <= self.within
        if self.balanced and met.any():
            neutral, balanced = screen(_formulas(amounts[met]), oxidation_states=oxidation_states)
            met[met] = neutral & balanced
        return met


def _symbols(formula: str) -> set[str]:
    return {SYMBOLS[number] for number in parse([formula]).numbers.tolist()}


def _formulas(amounts: NDArray[np.uint8]) -> Formulas:
    rows, columns = np.nonzero(amounts)
    counts = np.bincount(rows, minlength=len(amounts))
    offsets = np.concatenate([[0], counts.cumsum()])
    return Formulas(_NUMBERS[columns], amounts[rows, columns].astype(np.float64), offsets)
