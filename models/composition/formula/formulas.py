"""Formulas in bulk: read into arrays, reduced, and written as reduced formula, anonymous formula, chemical system.

The texts are pymatgen's, character by character, so that they serve as keys beside those of other programs.
Reading is in `parsing`; here is the writing, and the one place to import either from.
"""

from __future__ import annotations

import math
import string
from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pymatgen.core.composition import Composition

from .elements import ALPHABETICAL_RANKS, ATOMIC_NUMBERS, ELECTRONEGATIVITIES, ELECTRONEGATIVITY_RANKS, MAX_Z, SYMBOLS
from .formula_arrays import Formulas, concatenate
from .parsing import from_amounts, parse, parse_or_report
from .single_formula import FormulaError, UnknownElement, UnparsableFormula, read_one

__all__ = [
    "FormulaError",
    "FormulaFacts",
    "Formulas",
    "UnknownElement",
    "UnparsableFormula",
    "anonymous_formulas",
    "chemical_systems",
    "concatenate",
    "describe",
    "describe_all",
    "from_amounts",
    "parse",
    "parse_or_report",
    "read_one",
    "reduced_formulas",
]

#: The last two elements are written as a group, ``(PO4)3``, when their electronegativities differ by less
#: (pymatgen's ``reduce_formula``).
_GROUP_DIFFERENCE: Final = 1.65

#: Amounts from here on do not fit beside the sort keys and are written by pymatgen.
_MAX_AMOUNT: Final = 1 << 40

#: Up to so many formulas pymatgen is faster than arrays are.
_FEW: Final = 8

_AMOUNT_BITS: Final = 40
_RANK_BITS: Final = 7


class FormulaFacts(NamedTuple):
    """What a formula says: the fields that every document with a composition carries."""

    reduced: str
    anonymous: str
    chemsys: str
    elements: list[str]
    nelements: int


def describe(formula: str) -> FormulaFacts:
    """Say what one formula says; for many, `describe_all` costs far less each.

    Raises
    ------
    UnparsableFormula, UnknownElement

    Examples
    --------
    >>> describe("Mn2O4")
    FormulaFacts(reduced='MnO2', anonymous='AB2', chemsys='Mn-O', elements=['Mn', 'O'], nelements=2)
    """
    return _facts(Composition(read_one(formula)))


def _facts(composition: Composition) -> FormulaFacts:
    elements = sorted(composition.as_dict())
    return FormulaFacts(
        str(composition.reduced_formula),
        str(composition.anonymized_formula),
        "-".join(elements),
        elements,
        len(elements),
    )


def describe_all(formulas: Sequence[str] | Formulas) -> list[FormulaFacts]:
    """Say what each formula says, in order.

    Raises
    ------
    UnparsableFormula, UnknownElement
        For the first bad formula.
    """
    parsed = parse(formulas)
    if len(parsed) <= _FEW:
        return [_facts(Composition(parsed.composition(index))) for index in range(len(parsed))]
    facts = []
    for reduced, anonymous, chemsys in zip(
        reduced_formulas(parsed), anonymous_formulas(parsed), chemical_systems(parsed), strict=True
    ):
        elements = chemsys.split("-") if chemsys else []
        facts.append(FormulaFacts(reduced, anonymous, chemsys, elements, len(elements)))
    return facts


def reduced_formulas(formulas: Sequence[str] | Formulas) -> list[str]:
    """Write each formula as pymatgen's ``Composition(f).reduced_formula``.

    Elements by electronegativity, amounts divided by their common divisor, polyanions in brackets, ``O2`` and
    ``Li2O2`` rather than ``O`` and ``LiO``; amounts that are not whole stay as they are.

    Raises
    ------
    UnparsableFormula, UnknownElement
        For the first bad formula.
    """
    return _write(parse(formulas), _reduced_block, lambda composition: str(composition.reduced_formula))


def anonymous_formulas(formulas: Sequence[str] | Formulas) -> list[str]:
    """Write each formula as pymatgen's ``Composition(f).anonymized_formula`` (``ABC3`` for every perovskite).

    An amount within 1e-8 of a whole number counts as whole here, where pymatgen writes ``AB1`` for ``Li1.0000000001O``.

    Raises
    ------
    UnparsableFormula, UnknownElement
        For the first bad formula.
    """
    return _write(parse(formulas), _anonymous_block, lambda composition: str(composition.anonymized_formula))


def chemical_systems(formulas: Sequence[str] | Formulas) -> list[str]:
    """Write the elements of each formula in alphabetical order, joined by dashes (``Mn-O``).

    Raises
    ------
    UnparsableFormula, UnknownElement
        For the first bad formula.
    """
    parsed = parse(formulas)
    texts: list[str] = []
    for _, block in parsed.blocks():
        numbers, _ = _ordered(block, ALPHABETICAL_RANKS[block.numbers])
        last = _last_entries(block)
        columns = np.zeros((len(numbers), 3), dtype=np.uint8)
        columns[:, :2] = _SYMBOL_BYTES[numbers]
        columns[:, 2] = np.where(last, ord("\n"), ord("-"))
        texts += _lines(columns, block)
    return texts


def _write(
    parsed: Formulas,
    write_block: Callable[[Formulas], list[str]],
    write_one: Callable[[Composition], str],
) -> list[str]:
    """Write block by block; formulas with amounts that are not whole (or huge) are left to pymatgen."""
    texts: list[str] = []
    for _, block in parsed.blocks():
        odd = ~block.whole()
        odd[block.rows[block.amounts >= _MAX_AMOUNT]] = True
        odd |= block.nelements > len(string.ascii_uppercase)
        if odd.any():
            kept = ~odd[block.rows]
            counts = np.where(odd, 0, block.nelements)
            plain = Formulas(block.numbers[kept], block.amounts[kept], np.concatenate([[0], np.cumsum(counts)]))
            written = write_block(plain.reduced())
            for index in np.flatnonzero(odd).tolist():
                written[index] = write_one(Composition(block.composition(index)))
            texts += written
        else:
            texts += write_block(block.reduced())
    return texts


# --- blocks of whole amounts, already reduced ------------------------------------------------------------------------


def _symbol_bytes() -> NDArray[np.uint8]:
    table = np.zeros((MAX_Z + 1, 2), dtype=np.uint8)
    for number, symbol in enumerate(SYMBOLS):
        table[number, : len(symbol)] = list(symbol.encode())
    return table


def _doubled_formulas() -> NDArray[np.bool_]:
    """Pairs of atomic numbers that pymatgen writes doubled (Li2O2), the same number twice for an element (O2)."""
    table = np.zeros((MAX_Z + 1, MAX_Z + 1), dtype=bool)
    for simple, written in Composition.special_formulas.items():
        composition: Mapping[str, float] = Composition(simple).as_dict()
        if Composition(written) != 2 * Composition(simple) or set(composition.values()) != {1.0}:
            msg = f"pymatgen writes {simple} as {written}, which is not its double: this module has to learn that"
            raise NotImplementedError(msg)
        numbers = sorted(ATOMIC_NUMBERS[symbol] for symbol in composition)
        table[numbers[0], numbers[-1]] = True
    return table


_SYMBOL_BYTES: Final = _symbol_bytes()
_DOUBLED: Final = _doubled_formulas()


def _reduced_block(block: Formulas) -> list[str]:
    filled = np.flatnonzero(block.nelements)
    if not len(filled):
        return [""] * len(block)
    amounts = block.amounts.astype(np.int64)
    first, final = block.offsets[filled], block.offsets[filled + 1] - 1

    # Entries are in order of atomic number here, as the table of doubled formulas wants them.
    small = np.add.reduceat(amounts, first) == final - first + 1
    doubled = small & (final - first < 2) & _DOUBLED[block.numbers[first], block.numbers[final]]
    if doubled.any():
        amounts = amounts << np.repeat(doubled, block.nelements[filled])

    numbers, amounts = _ordered(block, ELECTRONEGATIVITY_RANKS[block.numbers], amounts)
    group = np.zeros(len(numbers), dtype=np.int64)  # how often the group is taken, at its last entry
    candidates = final[final - first >= 2]
    with np.errstate(invalid="ignore"):
        close = ELECTRONEGATIVITIES[numbers[candidates]] - ELECTRONEGATIVITIES[numbers[candidates - 1]]
        candidates = candidates[close < _GROUP_DIFFERENCE]
    times = np.gcd(amounts[candidates], amounts[candidates - 1])
    candidates, times = candidates[times > 1], times[times > 1]
    amounts[candidates] //= times
    amounts[candidates - 1] //= times
    group[candidates] = times

    digits, group_digits = _digits(amounts), _digits(group)
    columns = np.zeros((len(numbers), 5 + digits.shape[1] + group_digits.shape[1]), dtype=np.uint8)
    columns[candidates - 1, 0] = ord("(")
    columns[:, 1:3] = _SYMBOL_BYTES[numbers]
    columns[:, 3 : 3 + digits.shape[1]] = digits
    columns[candidates, 3 + digits.shape[1]] = ord(")")
    columns[:, 4 + digits.shape[1] : -1] = group_digits
    columns[final, -1] = ord("\n")
    return _lines(columns, block)


def _anonymous_block(block: Formulas) -> list[str]:
    _, amounts = _ordered(block, np.zeros(len(block.numbers), dtype=np.int64))
    digits = _digits(amounts)
    columns = np.zeros((len(amounts), 2 + digits.shape[1]), dtype=np.uint8)
    columns[:, 0] = ord("A") + np.arange(len(amounts)) - np.repeat(block.offsets[:-1], block.nelements)
    columns[:, 1:-1] = digits
    columns[_last_entries(block), -1] = ord("\n")
    return _lines(columns, block)


def _ordered(
    block: Formulas, ranks: NDArray[np.int64], amounts: NDArray[np.int64] | None = None
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Atomic numbers and amounts with the entries of each formula in order of `ranks`, then of amount."""
    if amounts is None:
        amounts = block.amounts.astype(np.int64)
    keys = np.sort((block.rows << (_RANK_BITS + _AMOUNT_BITS)) | (ranks << _AMOUNT_BITS) | amounts)
    sorted_ranks = (keys >> _AMOUNT_BITS) & ((1 << _RANK_BITS) - 1)
    by_rank = np.zeros(1 << _RANK_BITS, dtype=np.uint8)
    by_rank[ranks] = block.numbers
    return by_rank[sorted_ranks], keys & (_MAX_AMOUNT - 1)


def _last_entries(block: Formulas) -> NDArray[np.bool_]:
    last = np.zeros(len(block.numbers), dtype=bool)
    last[block.offsets[1:][block.nelements > 0] - 1] = True
    return last


def _digits(amounts: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Decimal digits of each amount as characters, shape (entries, places); zeros in front of it, and for 0 and 1."""
    places = max(1, math.ceil(math.log10(int(amounts.max(initial=1)) + 1)))
    digits = np.zeros((len(amounts), places), dtype=np.uint8)
    for place in range(places):
        scale = 10**place
        digits[:, places - 1 - place] = np.where(
            (amounts >= scale) & (amounts > 1), amounts // scale % 10 + ord("0"), 0
        )
    return digits


def _lines(columns: NDArray[np.uint8], block: Formulas) -> list[str]:
    """Read the characters row by row, zeros left out, as one text for each formula; an empty one for none."""
    written: list[str] = columns[columns != 0].tobytes().decode("ascii").split("\n")[:-1]
    if len(written) == len(block):
        return written
    texts = [""] * len(block)
    for index, text in zip(np.flatnonzero(block.nelements).tolist(), written, strict=True):
        texts[index] = text
    return texts
