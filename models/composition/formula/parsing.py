"""Reads formulas in bulk into arrays of atomic numbers and amounts.

Plain formulas (``Li1Fe1P1O4``, ``LiFePO4``) are read as one block of bytes; the awkward ones (brackets, decimals) go to
pymatgen one by one. Knows elements only: no charges, no isotopes, no properties.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from pymatgen.core.composition import Composition

from .elements import ATOMIC_NUMBERS, MAX_Z, SYMBOLS
from .notation import AmbiguousDot, addends

#: Amounts closer to a whole number than this count as whole (pymatgen's ``Composition.amount_tolerance``).
AMOUNT_TOLERANCE: Final = 1e-8

#: Formulas worked through at a time, so that the arrays of one block stay in the processor's cache.
BLOCK: Final = 1 << 15

# A formula's place in the block, an atomic number and an amount share one 64-bit integer, so that one sort orders all.
_AMOUNT_BITS: Final = 40
_ELEMENT_BITS: Final = 7
#: Whole amounts up to this many digits fit in the bits above; longer ones are awkward.
_MAX_DIGITS: Final = 12


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


@dataclass(frozen=True, slots=True, eq=False)
class Formulas:
    """Compositions as arrays: formula ``i`` holds the entries ``offsets[i]:offsets[i + 1]``.

    Attributes
    ----------
    numbers
        Atomic numbers, shape (entries,); ascending and without repetition within a formula.
    amounts
        Atoms of each, shape (entries,), as written (not reduced).
    offsets
        Shape (formulas + 1,).
    """

    numbers: NDArray[np.uint8]
    amounts: NDArray[np.float64]
    offsets: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def nelements(self) -> NDArray[np.int64]:
        """Different elements in each formula, shape (n,)."""
        return np.diff(self.offsets)

    @property
    def rows(self) -> NDArray[np.int64]:
        """The formula each entry belongs to, shape (entries,)."""
        return np.repeat(np.arange(len(self)), self.nelements)

    def composition(self, index: int) -> dict[str, float]:
        """Symbol and amount of one formula, by ascending atomic number."""
        part = slice(int(self.offsets[index]), int(self.offsets[index + 1]))
        return {SYMBOLS[z]: float(a) for z, a in zip(self.numbers[part], self.amounts[part], strict=True)}

    def blocks(self, size: int = BLOCK) -> Iterator[tuple[slice, Formulas]]:
        """Yield the formulas in parts of at most `size`, each with its place."""
        for start in range(0, len(self), size):
            stop = min(start + size, len(self))
            first, last = int(self.offsets[start]), int(self.offsets[stop])
            part = Formulas(
                self.numbers[first:last], self.amounts[first:last], self.offsets[start : stop + 1] - self.offsets[start]
            )
            yield slice(start, stop), part

    def whole(self) -> NDArray[np.bool_]:
        """Whether all amounts of each formula are whole numbers (within 1e-8), shape (n,)."""
        fractional = np.abs(self.amounts - np.round(self.amounts)) >= AMOUNT_TOLERANCE
        result = np.ones(len(self), dtype=bool)
        if fractional.any():
            result[self.rows[fractional]] = False
        return result

    def reduced(self) -> Formulas:
        """Divide each formula by the greatest common divisor of its amounts.

        A formula with amounts that are not whole stays as it is, as with pymatgen.
        """
        filled = np.flatnonzero(self.nelements)
        if not len(filled):
            return self
        rounded = np.round(self.amounts)
        divisors = np.ones(len(self))
        divisors[filled] = np.gcd.reduceat(rounded.astype(np.int64), self.offsets[filled])
        whole = self.whole()
        if whole.all():
            amounts = rounded / np.repeat(divisors, self.nelements)
        else:
            divided = np.where(whole, divisors, 1.0)
            amounts = np.where(np.repeat(whole, self.nelements), rounded, self.amounts) / np.repeat(
                divided, self.nelements
            )
        return Formulas(self.numbers, amounts, self.offsets)


def parse(formulas: Sequence[str] | Formulas) -> Formulas:
    """Read formulas; every one must be good.

    Brackets, decimals and spaces are taken as pymatgen's ``Composition`` takes them, hydrates as `notation` says.
    Charges are refused, as are placeholders for elements (``X2O``) that pymatgen lets pass. Deuterium and tritium are
    hydrogen; what may be one of them or an element in capitals (``TIO2``) is refused.

    Raises
    ------
    UnparsableFormula, UnknownElement
        For the first bad formula; the message counts the others. `parse_or_report` tells all of them.
    TypeError
        When given one formula instead of a sequence of them.
    """
    if isinstance(formulas, Formulas):
        return formulas
    parsed, failures = parse_or_report(formulas)
    if failures:
        index = min(failures)
        failure = failures[index]
        if len(failures) > 1:
            failure.add_note(f"{len(failures)} of {len(parsed)} formulas are bad; this is the first, number {index}")
        raise failure
    return parsed


def parse_or_report(formulas: Sequence[str]) -> tuple[Formulas, dict[int, FormulaError]]:
    """Read formulas and report the bad ones instead of raising.

    Returns
    -------
    parsed
        All formulas in order; a bad one has no elements.
    failures
        The error of each bad formula by its index.

    Raises
    ------
    TypeError
        A single text is given in place of a sequence.
    """
    if isinstance(formulas, str):
        msg = f"expected a sequence of formulas, got the single text {formulas!r}: put it in a list"
        raise TypeError(msg)
    texts = list(formulas)
    parts: list[Formulas] = []
    failures: dict[int, FormulaError] = {}
    for start in range(0, len(texts), BLOCK):
        part, bad = _parse_block(texts[start : start + BLOCK])
        parts.append(part)
        failures |= {start + index: error for index, error in bad.items()}
    return concatenate(parts), failures


def from_amounts(compositions: Sequence[Mapping[str, float]]) -> Formulas:
    """Read compositions given as symbol and amount; amounts of zero are left out.

    Raises
    ------
    UnknownElement, UnparsableFormula
        For a key that is no element, and for amounts that are negative, 1e12 or more, or all zero.
    """
    rows = [_checked(str(dict(composition)), dict(composition)) for composition in compositions]
    return _from_rows(rows)


def concatenate(parts: Sequence[Formulas]) -> Formulas:
    """Put several sets of formulas one after the other."""
    counts = np.concatenate([np.empty(0, np.int64), *(part.nelements for part in parts)])
    return Formulas(
        np.concatenate([np.empty(0, np.uint8), *(part.numbers for part in parts)]),
        np.concatenate([np.empty(0, np.float64), *(part.amounts for part in parts)]),
        _offsets(counts),
    )


def _no_entries(n: int) -> Formulas:
    return Formulas(np.empty(0, np.uint8), np.empty(0, np.float64), np.zeros(n + 1, np.int64))


def _offsets(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(counts, dtype=np.int64)])


# --- plain formulas, as one block of bytes -------------------------------------------------------------------------

_NEWLINE, _UPPER, _LOWER, _DIGIT, _OTHER = range(5)


def _character_classes() -> NDArray[np.uint8]:
    classes = np.full(256, _OTHER, dtype=np.uint8)
    classes[ord("\n")] = _NEWLINE
    classes[ord("A") : ord("Z") + 1] = _UPPER
    classes[ord("a") : ord("z") + 1] = _LOWER
    classes[ord("0") : ord("9") + 1] = _DIGIT
    return classes


_HYDROGEN_ISOTOPES: Final = frozenset("DT")


def _plain_pairs() -> NDArray[np.bool_]:
    plain = np.zeros((5, 5), dtype=bool)
    plain[_NEWLINE, _UPPER] = True
    plain[_UPPER, [_UPPER, _LOWER, _DIGIT, _NEWLINE]] = True
    plain[_LOWER, [_UPPER, _DIGIT, _NEWLINE]] = True
    plain[_DIGIT, [_UPPER, _DIGIT, _NEWLINE]] = True
    return plain.ravel()


def _symbol_table() -> NDArray[np.uint8]:
    table = np.zeros((26, 27), dtype=np.uint8)
    for symbol, number in ATOMIC_NUMBERS.items():
        if symbol in _HYDROGEN_ISOTOPES:
            continue  # awkward: TIO2 is a dioxide of titanium in capitals
        table[ord(symbol[0]) - ord("A"), ord(symbol[1]) - ord("a") + 1 if len(symbol) == 2 else 0] = number
    return table.ravel()


_CLASSES: Final = _character_classes()
_PLAIN_PAIRS: Final = _plain_pairs()
_SYMBOL_TABLE: Final = _symbol_table()


_BRACKETED: Final = re.compile(r"\(((?:[A-Z][a-z]?\d{0,9})+)\)(\d{0,9})(?!\d)")
_ENTRY: Final = re.compile(r"([A-Z][a-z]?)(\d*)")


def _opened(text: str) -> str:
    """Multiply whole numbers of simple brackets out, ``Mg(PO3)2`` to ``MgP2O6``; what is left over stays awkward."""
    return _BRACKETED.sub(
        lambda found: "".join(
            f"{symbol}{int(amount or 1) * int(found[2] or 1)}" for symbol, amount in _ENTRY.findall(found[1])
        ),
        text,
    )


def _parse_block(texts: list[str]) -> tuple[Formulas, dict[int, FormulaError]]:
    try:
        opened = [_opened(text) if "(" in text else text for text in texts]
        data = ("\n" + "\n".join(opened) + "\n").encode("ascii", errors="replace")
    except TypeError:  # something that is no text, None for instance
        return _awkward(texts, range(len(texts)), _no_entries(len(texts)))
    text = np.frombuffer(data, dtype=np.uint8)
    classes = _CLASSES[text]
    ends = np.flatnonzero(classes == _NEWLINE)
    if len(ends) != len(texts) + 1:  # a line break within a formula
        return _awkward(texts, range(len(texts)), _no_entries(len(texts)))

    starts = np.flatnonzero(classes == _UPPER)
    first = np.searchsorted(starts, ends)
    rows = np.repeat(np.arange(len(texts)), np.diff(first))
    has_lower = classes[starts + 1] == _LOWER
    letters = np.where(has_lower, text[starts + 1] - np.uint8(ord("a") - 1), np.uint8(0))
    numbers = _SYMBOL_TABLE[(text[starts] - np.uint8(ord("A"))) * np.int64(27) + letters]

    digits_at = starts + 1 + has_lower
    # An entry ends where the next begins, or at the line break in between.
    stops = np.append(starts[1:], len(text))
    lines = np.flatnonzero(np.diff(first))
    stops[first[lines + 1] - 1] = ends[lines + 1]
    ndigits = stops - digits_at
    amounts = np.zeros(len(starts), dtype=np.int64)
    for place in range(min(int(ndigits.max(initial=0)), _MAX_DIGITS)):
        inside = np.flatnonzero(ndigits > place)
        amounts[inside] = amounts[inside] * 10 + (text[digits_at[inside] + place] - np.int64(ord("0")))
    amounts[ndigits == 0] = 1

    awkward = np.zeros(len(texts), dtype=bool)
    pairs_ok = _PLAIN_PAIRS[classes[:-1] * np.uint8(5) + classes[1:]]
    if not pairs_ok.all():
        awkward[np.searchsorted(ends, np.flatnonzero(~pairs_ok), side="right") - 1] = True
    awkward[rows[(numbers == 0) | (amounts <= 0) | (ndigits > _MAX_DIGITS)]] = True
    if awkward.any():
        kept = ~awkward[rows]
        rows, numbers, amounts = rows[kept], numbers[kept], amounts[kept]
    return _awkward(texts, np.flatnonzero(awkward), _merge(rows, numbers, amounts, len(texts)))


def _merge(rows: NDArray[np.int64], numbers: NDArray[np.uint8], amounts: NDArray[np.int64], n: int) -> Formulas:
    """Sort entries by formula and element and add up the amounts of an element named twice."""
    keys = np.sort((rows << (_ELEMENT_BITS + _AMOUNT_BITS)) | (numbers.astype(np.int64) << _AMOUNT_BITS) | amounts)
    places = keys >> _AMOUNT_BITS
    totals = keys & ((1 << _AMOUNT_BITS) - 1)
    fresh = np.ones(len(keys), dtype=bool)
    fresh[1:] = places[1:] != places[:-1]
    if not fresh.all():
        heads = np.flatnonzero(fresh)
        totals = np.add.reduceat(totals, heads)
        places = places[heads]
    counts = np.bincount(places >> _ELEMENT_BITS, minlength=n)
    return Formulas((places & ((1 << _ELEMENT_BITS) - 1)).astype(np.uint8), totals.astype(np.float64), _offsets(counts))


# --- awkward formulas, one by one ----------------------------------------------------------------------------------

_SYMBOL: Final = re.compile(r"[A-Z][a-z]*")
_ISOTOPE_OR_ELEMENT: Final = re.compile(r"([DT])([A-Z])(?![a-z])")
_READABLE: Final = re.compile(r"(?:[A-Z][a-z]*|[\d.\s()\[\]{}@]|(?<=[\d.])e(?=\d))*")


def _awkward(
    texts: list[str], indices: Sequence[int] | range | NDArray[np.int64], plain: Formulas
) -> tuple[Formulas, dict[int, FormulaError]]:
    """Add the formulas at `indices`, read by pymatgen, to the plain ones (which have no elements there)."""
    if not len(indices):
        return plain, {}
    failures: dict[int, FormulaError] = {}
    good: list[int] = []
    rows: list[dict[str, float]] = []
    for index in map(int, indices):
        try:
            rows.append(read_one(texts[index]))
            good.append(index)
        except FormulaError as error:
            failures[index] = error
    extra = _from_rows(rows)
    counts = plain.nelements.copy()
    counts[good] = extra.nelements
    places = np.repeat(plain.offsets[good], extra.nelements)
    numbers = np.insert(plain.numbers, places, extra.numbers)
    return Formulas(numbers, np.insert(plain.amounts, places, extra.amounts), _offsets(counts)), failures


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
    except AmbiguousDot as error:
        raise UnparsableFormula(text, str(error)) from error
    total: dict[str, float] = {}
    for coefficient, compound in compounds:
        for symbol, amount in _read_compound(text, compound).items():
            total[symbol] = total.get(symbol, 0.0) + coefficient * amount
    return _checked(text, total)


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


def _checked(text: str, amounts: Mapping[str, float]) -> dict[str, float]:
    for symbol, amount in amounts.items():
        if symbol not in ATOMIC_NUMBERS:
            raise UnknownElement(text, symbol, max(text.find(symbol), 0))
        if not 0 <= amount < 10**_MAX_DIGITS:
            raise UnparsableFormula(text, f"the amount of {symbol} is {amount:g}, not from 0 to 1e{_MAX_DIGITS}")
    kept = {symbol: float(amount) for symbol, amount in amounts.items() if amount >= AMOUNT_TOLERANCE}
    if not kept:
        raise UnparsableFormula(text, "it holds no atoms")
    return kept


def _from_rows(rows: Sequence[Mapping[str, float]]) -> Formulas:
    totals: list[dict[int, float]] = []
    for row in rows:
        total: dict[int, float] = {}
        for symbol, amount in row.items():
            total[ATOMIC_NUMBERS[symbol]] = total.get(ATOMIC_NUMBERS[symbol], 0.0) + amount
        totals.append(dict(sorted(total.items())))
    return Formulas(
        np.array([z for total in totals for z in total], dtype=np.uint8),
        np.array([amount for total in totals for amount in total.values()], dtype=np.float64),
        _offsets(np.array([len(total) for total in totals], dtype=np.int64)),
    )


assert MAX_Z < 1 << _ELEMENT_BITS
assert BLOCK.bit_length() + _ELEMENT_BITS + _AMOUNT_BITS < 64
assert 10**_MAX_DIGITS < 1 << _AMOUNT_BITS
