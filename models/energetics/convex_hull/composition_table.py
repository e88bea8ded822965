"""Compositions as rows of atomic fractions, with their chemical systems and which of them are equal.

The form in which hulls take compositions. It knows no energies; formulas are read by `models.composition`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...composition.formula.elements import SYMBOLS
from ...composition.formula.formula_arrays import Formulas
from ...composition.formula.parsing import from_amounts, parse
from ...composition.formula.single_formula import read_one

DECIMALS = 8
"""Fractions that agree to this many decimals are one composition, as in pymatgen (Composition.amount_tolerance)."""


@dataclass(frozen=True, slots=True)
class CompositionTable:
    """Compositions as rows of atomic fractions.

    Attributes
    ----------
    elements
        Symbols of the columns, by atomic number.
    fractions
        (n, e) atomic fractions; each row sums to one.
    systems
        Chemical system of each row as a bit set: bit j is set when the row holds ``elements[j]``.
    identity
        (n,) number of the composition: equal for equal compositions, counted from 0 in order of appearance.
    """

    elements: tuple[str, ...]
    fractions: NDArray[np.float64]
    systems: list[int]
    identity: NDArray[np.intp]

    def subset(self, rows: Sequence[int]) -> CompositionTable:
        """Table of these rows, with the same columns and identities counted anew."""
        _, identity = np.unique(self.identity[rows], return_inverse=True)
        return CompositionTable(
            self.elements, self.fractions[rows], [self.systems[i] for i in rows], identity.astype(np.intp)
        )


def composition_table(formulas: Sequence[str | Mapping[str, float]]) -> CompositionTable:
    """Atomic fractions of many compositions.

    Parameters
    ----------
    formulas
        Formulas, or mappings from element symbol to amount.

    Raises
    ------
    FormulaError
        When a composition cannot be read or holds no atoms.
    """
    parsed = _parsed(formulas)
    rows, lengths = parsed.rows, parsed.nelements
    present = np.unique(parsed.numbers)
    columns = np.searchsorted(present, parsed.numbers)
    parts = parsed.amounts / np.bincount(rows, weights=parsed.amounts, minlength=len(parsed))[rows]
    fractions = np.zeros((len(parsed), len(present)))
    fractions[rows, columns] = parts

    # A composition is told by the bytes of its (element, rounded fraction) pairs.
    pairs = np.empty(len(parts), dtype=[("element", "<i4"), ("part", "<f8")])
    pairs["element"], pairs["part"] = columns, np.round(parts, DECIMALS)
    packed, size = pairs.tobytes(), pairs.itemsize
    identity = np.empty(len(parsed), dtype=np.intp)
    seen: dict[bytes, int] = {}
    systems: list[int] = []
    bits = [1 << j for j in range(len(present))]
    held = columns.tolist()
    start = 0
    for i, end in enumerate(np.cumsum(lengths).tolist()):
        identity[i] = seen.setdefault(packed[start * size : end * size], len(seen))
        systems.append(sum([bits[j] for j in held[start:end]]))
        start = end
    return CompositionTable(tuple(SYMBOLS[z] for z in present), fractions, systems, identity)


def _parsed(formulas: Sequence[str | Mapping[str, float]]) -> Formulas:
    texts = [formula for formula in formulas if isinstance(formula, str)]
    if len(texts) == len(formulas):
        return parse(texts)
    return from_amounts([read_one(formula) if isinstance(formula, str) else formula for formula in formulas])
