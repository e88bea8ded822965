"""Compositions as arrays of atomic numbers and amounts, many at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from .elements import ATOMIC_NUMBERS, SYMBOLS

#: Amounts closer to a whole number than this count as whole (pymatgen's ``Composition.amount_tolerance``).
AMOUNT_TOLERANCE: Final = 1e-8

#: Formulas worked through at a time, so that the arrays of one block stay in the processor's cache.
BLOCK: Final = 1 << 15


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


def concatenate(parts: Sequence[Formulas]) -> Formulas:
    """Put several sets of formulas one after the other."""
    counts = np.concatenate([np.empty(0, np.int64), *(part.nelements for part in parts)])
    return Formulas(
        np.concatenate([np.empty(0, np.uint8), *(part.numbers for part in parts)]),
        np.concatenate([np.empty(0, np.float64), *(part.amounts for part in parts)]),
        offsets_of(counts),
    )


def from_rows(rows: Sequence[Mapping[str, float]]) -> Formulas:
    """Compositions of symbol and amount as arrays."""
    totals: list[dict[int, float]] = []
    for row in rows:
        total: dict[int, float] = {}
        for symbol, amount in row.items():
            total[ATOMIC_NUMBERS[symbol]] = total.get(ATOMIC_NUMBERS[symbol], 0.0) + amount
        totals.append(dict(sorted(total.items())))
    return Formulas(
        np.array([z for total in totals for z in total], dtype=np.uint8),
        np.array([amount for total in totals for amount in total.values()], dtype=np.float64),
        offsets_of(np.array([len(total) for total in totals], dtype=np.int64)),
    )


def no_entries(n: int) -> Formulas:
    """Make so many formulas without elements."""
    return Formulas(np.empty(0, np.uint8), np.empty(0, np.float64), np.zeros(n + 1, np.int64))


def offsets_of(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Where each formula's entries begin, from how many it has; one longer than `counts`."""
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(counts, dtype=np.int64)])
