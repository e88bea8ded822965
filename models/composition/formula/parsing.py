"""Reads formulas in bulk into arrays of atomic numbers and amounts.

Plain formulas (``Li1Fe1P1O4``, ``LiFePO4``) are read as one block of bytes; the awkward ones (brackets, decimals) go to
pymatgen one by one. Knows elements only: no charges, no isotopes, no properties.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from .elements import ATOMIC_NUMBERS, MAX_Z
from .formula_arrays import BLOCK, Formulas, concatenate, from_rows, no_entries, offsets_of
from .single_formula import MAX_DIGITS, FormulaError, checked, read_one

# A formula's place in the block, an atomic number and an amount share one 64-bit integer, so that one sort orders all.
_AMOUNT_BITS: Final = 40
_ELEMENT_BITS: Final = 7


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
    rows = [checked(str(dict(composition)), dict(composition)) for composition in compositions]
    return from_rows(rows)


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
        return _awkward(texts, range(len(texts)), no_entries(len(texts)))
    text = np.frombuffer(data, dtype=np.uint8)
    classes = _CLASSES[text]
    ends = np.flatnonzero(classes == _NEWLINE)
    if len(ends) != len(texts) + 1:  # a line break within a formula
        return _awkward(texts, range(len(texts)), no_entries(len(texts)))

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
    for place in range(min(int(ndigits.max(initial=0)), MAX_DIGITS)):
        inside = np.flatnonzero(ndigits > place)
        amounts[inside] = amounts[inside] * 10 + (text[digits_at[inside] + place] - np.int64(ord("0")))
    amounts[ndigits == 0] = 1

    awkward = np.zeros(len(texts), dtype=bool)
    pairs_ok = _PLAIN_PAIRS[classes[:-1] * np.uint8(5) + classes[1:]]
    if not pairs_ok.all():
        awkward[np.searchsorted(ends, np.flatnonzero(~pairs_ok), side="right") - 1] = True
    awkward[rows[(numbers == 0) | (amounts <= 0) | (ndigits > MAX_DIGITS)]] = True
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
    return Formulas(
        (places & ((1 << _ELEMENT_BITS) - 1)).astype(np.uint8), totals.astype(np.float64), offsets_of(counts)
    )


# --- awkward formulas, one by one ----------------------------------------------------------------------------------


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
    extra = from_rows(rows)
    counts = plain.nelements.copy()
    counts[good] = extra.nelements
    places = np.repeat(plain.offsets[good], extra.nelements)
    numbers = np.insert(plain.numbers, places, extra.numbers)
    return Formulas(numbers, np.insert(plain.amounts, places, extra.amounts), offsets_of(counts)), failures


assert MAX_Z < 1 << _ELEMENT_BITS
assert BLOCK.bit_length() + _ELEMENT_BITS + _AMOUNT_BITS < 64
assert 10**MAX_DIGITS < 1 << _AMOUNT_BITS
