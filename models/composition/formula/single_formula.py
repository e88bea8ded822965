"""Reads one formula as people write it, through pymatgen; errors say where it breaks the rules."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from pymatgen.core.composition import Composition

from .elements import ATOMIC_NUMBERS
from .formula_arrays import AMOUNT_TOLERANCE
from .notation import AmbiguousNumber, addends

#: Whole amounts up to this many digits fit in the bits above; longer ones are awkward.
MAX_DIGITS: Final = 12
_SYMBOL: Final = re.compile(r"[A-Z][a-z]*")
_ISOTOPE_OR_ELEMENT: Final = re.compile(r"([DT])([A-Z])(?![a-z])")
_READABLE: Final = re.compile(r"(?:[A-Z][a-z]*|[\d.\s()\[\]{}@]|(?<=[\d.])e(?=\d))*")


class FormulaError(ValueError):
    """A text that is not the formula of a composition."""

    def __init__(self, formula: object, reason: str) -> None:
        self.formula = formula
        self.reason = reason
        super().__init__(f"{formula!r}: {reason}")


class UnparsableFormula(FormulaError):
    """The text breaks the rules of a formula; ``position`` (from 0) is where, or None for the whole."""

    def __init__(self, formula: object, reason: str, position: int | None = None) -> None:
        self.position = position
        super().__init__(formula, reason if position is None else f"{reason} at position {position}")


class UnknownElement(FormulaError):
    """The text names something that is no element; ``symbol`` is what it names, ``position`` (from 0) where."""

    def __init__(self, formula: str, symbol: str, position: int) -> None:
        self.symbol = symbol
        self.position = position
        super().__init__(formula, f"there is no element {symbol!r} (position {position})")


def read_one(text: object) -> dict[str, float]:
    """Read one formula through pymatgen: the amount of each element, as written.

    Hydrates are read (``CuSO4·5H2O``, and with a full stop where it can't be a decimal point); see `notation`.

    Raises
    ------
    UnparsableFormula, UnknownElement
    """
    if not isinstance(text, str):
        raise UnparsableFormula(text, f"a formula is text, not {type(text).__name__}")
    if not text.strip():
        raise UnparsableFormula(text, "the text is empty")
    try:
        compounds = addends(text)
    except AmbiguousNumber as error:
        raise UnparsableFormula(text, str(error)) from error
    total: dict[str, float] = {}
    for coefficient, compound in compounds:
        for symbol, amount in _read_compound(text, compound).items():
            total[symbol] = total.get(symbol, 0.0) + coefficient * amount
    return checked(text, total)


def _read_compound(text: str, compound: str) -> dict[str, float]:
    readable = _READABLE.match(compound)
    position = readable.end() if readable else 0
    if position < len(compound):
        raise UnparsableFormula(text, f"unexpected {compound[position]!r}", text.find(compound[position]))
    for match in _SYMBOL.finditer(compound):
        if match[0] not in ATOMIC_NUMBERS:
            raise UnknownElement(text, match[0], max(text.find(match[0]), 0))
    for match in _ISOTOPE_OR_ELEMENT.finditer(compound):
        if (element := match[1] + match[2].lower()) in ATOMIC_NUMBERS:
            reason = f"{match[1] + match[2]} may be {element}, or an isotope of hydrogen and {match[2]}"
            raise UnparsableFormula(text, reason)
    try:
        return dict(Composition(compound).as_dict())
    except ValueError as error:
        raise UnparsableFormula(text, f"pymatgen does not read it ({error})") from error


def checked(text: str, amounts: Mapping[str, float]) -> dict[str, float]:
    """Amounts of a formula without those that are zero.

    Raises
    ------
    UnparsableFormula, UnknownElement
        For a key that is no element, and for amounts that are negative, 1e12 or more, or all zero.
    """
    for symbol, amount in amounts.items():
        if symbol not in ATOMIC_NUMBERS:
            raise UnknownElement(text, symbol, max(text.find(symbol), 0))
        if not 0 <= amount < 10**MAX_DIGITS:
            raise UnparsableFormula(text, f"the amount of {symbol} is {amount:g}, not from 0 to 1e{MAX_DIGITS}")
    kept = {symbol: float(amount) for symbol, amount in amounts.items() if amount >= AMOUNT_TOLERANCE}
    if not kept:
        raise UnparsableFormula(text, "it holds no atoms")
    return kept
