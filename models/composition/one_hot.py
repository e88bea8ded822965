"""Compositions as 85 x 8 arrays of zeros and ones, the form that MatGAN reads and writes.

Cell (element, j) is 1 when the reduced formula holds j + 1 atoms of the element. Knows formulas and arrays, no
networks.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from .formula.elements import ATOMIC_NUMBERS, MAX_Z, SYMBOLS
from .formula.formula_arrays import Formulas, concatenate
from .formula.formulas import reduced_formulas
from .formula.parsing import parse

#: The elements of the representation: hydrogen to plutonium but for these.
#: Dan, Zhao, Li, Li, Hu, Hu, npj Comput. Mater. 6, 84 (2020).
_LEFT_OUT: Final = frozenset({"He", "Ne", "Ar", "Kr", "Po", "At", "Rn", "Fr", "Ra"})
ELEMENTS: Final = tuple(symbol for symbol in SYMBOLS[1 : ATOMIC_NUMBERS["Pu"] + 1] if symbol not in _LEFT_OUT)

#: The most atoms of one element that the representation holds.
MAX_AMOUNT: Final = 8

SHAPE: Final = (len(ELEMENTS), MAX_AMOUNT)

#: Reasons spelled out in the message of an error; the error itself has all.
_REASONS_SHOWN: Final = 10

#: Arrays worked through at a time, so that what is made of them stays in the processor's cache.
_BLOCK: Final = 1 << 12

_NUMBERS: Final = np.array([ATOMIC_NUMBERS[symbol] for symbol in ELEMENTS], dtype=np.uint8)
_ROWS: Final = np.full(MAX_Z + 1, -1, dtype=np.int64)
_ROWS[_NUMBERS] = np.arange(len(ELEMENTS))


class NotRepresentable(ValueError):
    """Formulas that do not fit the 85 x 8 array; ``reasons`` gives the reason of each by its index."""

    def __init__(self, reasons: dict[int, str]) -> None:
        self.reasons = reasons
        shown = "; ".join(f"number {index}: {reasons[index]}" for index in sorted(reasons)[:_REASONS_SHOWN])
        more = len(reasons) - _REASONS_SHOWN
        super().__init__(
            f"{len(reasons)} formulas have no place in the {SHAPE[0]} x {SHAPE[1]} array (`representable` sorts them "
            f"out beforehand): {shown}" + (f"; and {more} more" if more > 0 else "")
        )


class Representable(NamedTuple):
    """Which formulas fit.

    Attributes
    ----------
    mask
        Shape (n,).
    reasons
        Why the others do not, by index.
    """

    mask: NDArray[np.bool_]
    reasons: dict[int, str]


def representable(formulas: Sequence[str] | Formulas) -> Representable:
    """Tell which formulas fit the array, and why the others do not.

    Raises
    ------
    UnparsableFormula, UnknownElement
        For the first bad formula.
    """
    return _check(parse(formulas).reduced())


def _check(reduced: Formulas) -> Representable:
    bad = (_ROWS[reduced.numbers] < 0) | (reduced.amounts > MAX_AMOUNT) | (reduced.amounts % 1 != 0)
    rows = reduced.rows
    mask = reduced.nelements > 0
    reasons: dict[int, list[str]] = {index: ["it holds no atoms"] for index in np.flatnonzero(~mask).tolist()}
    for entry in np.flatnonzero(bad).tolist():
        symbol, amount = SYMBOLS[reduced.numbers[entry]], reduced.amounts[entry]
        if _ROWS[reduced.numbers[entry]] < 0:
            reason = f"{symbol} is not among the {SHAPE[0]} elements"
        else:
            reason = f"{amount:g} {symbol}, where the array holds 1 to {MAX_AMOUNT}"
        reasons.setdefault(int(rows[entry]), []).append(reason)
    mask[rows[bad]] = False
    return Representable(mask, {index: ", ".join(texts) for index, texts in sorted(reasons.items())})


def encode(formulas: Sequence[str] | Formulas, *, dtype: DTypeLike = np.uint8) -> NDArray[Any]:
    """Write the reduced formulas as arrays.

    Returns
    -------
    ndarray, shape (n, 85, 8)
        Zeros and ones, of `dtype`.

    Raises
    ------
    NotRepresentable
        With every formula that does not fit and its reason.
    UnparsableFormula, UnknownElement
        For the first bad formula.
    """
    reduced = parse(formulas).reduced()
    reasons = _check(reduced).reasons
    if reasons:
        raise NotRepresentable(reasons)
    array = np.zeros((len(reduced), *SHAPE), dtype=dtype)
    elements = reduced.rows * SHAPE[0] + _ROWS[reduced.numbers]
    array.reshape(-1)[elements * MAX_AMOUNT + reduced.amounts.astype(np.int64) - 1] = 1
    return array


def decode(array: ArrayLike, *, threshold: float = 0.5) -> list[str]:
    """Read arrays as reduced formulas, the inverse of `encode`; see `decode_parsed`.

    An array in which no element is present gives an empty text.
    """
    return reduced_formulas(decode_parsed(array, threshold=threshold))


def decode_parsed(array: ArrayLike, *, threshold: float = 0.5) -> Formulas:
    """Read arrays, a generator's probabilities included, as compositions ready for screening.

    Parameters
    ----------
    array
        Shape (n, 85, 8).
    threshold
        An element is present if one of its cells reaches this (in arrays of integers or booleans: is not zero). Its
        amount is that of its largest cell, the smaller amount if two are equally large.

    Returns
    -------
    Formulas
        Amounts as in the array, not reduced; without entries where no element is present.

    Raises
    ------
    ValueError
        For an array of another shape, or one that holds NaN.
    """
    cells = np.asarray(array)
    if cells.ndim != 3 or cells.shape[1:] != SHAPE:
        msg = f"expected an array of shape (n, {SHAPE[0]}, {SHAPE[1]}), got {cells.shape}"
        raise ValueError(msg)
    parts = [_decode_block(cells[start : start + _BLOCK], threshold) for start in range(0, len(cells), _BLOCK)]
    return concatenate(parts)


def _decode_block(cells: NDArray[Any], threshold: float) -> Formulas:
    flat = cells.reshape(-1)
    if np.isnan(flat.max()):
        msg = "the array holds NaN: what wrote it has diverged"
        raise ValueError(msg)
    present = np.flatnonzero(flat >= flat.dtype.type(threshold) if flat.dtype.kind == "f" else flat > 0)
    elements = present // MAX_AMOUNT
    repeated = elements[1:] == elements[:-1]
    if repeated.any():
        order = np.lexsort((present, -flat[present].astype(np.float64), elements))
        first = np.ones(len(order), dtype=bool)
        first[1:] = elements[order][1:] != elements[order][:-1]
        present = present[order][first]
        elements = elements[order][first]
    counts = np.bincount(elements // SHAPE[0], minlength=len(cells))
    return Formulas(
        _NUMBERS[elements % SHAPE[0]],
        (present % MAX_AMOUNT + 1).astype(np.float64),
        np.concatenate([np.zeros(1, np.int64), np.cumsum(counts, dtype=np.int64)]),
    )
