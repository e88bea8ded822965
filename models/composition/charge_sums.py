"""Which charges a composition can add up to, for many compositions at once, as sets of bits.

Bit ``c`` of a set says that the charge ``c`` can be reached. Adding an element shifts the set by its charge, once for
each of its states, and unites the results; what is shifted out at the top could never come back to zero. Knows
charges and amounts, no names of elements.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

#: Charges that one word of a set holds.
WORD: Final = 64

#: Stands for "no such charge" where a table is padded: out of any set's reach.
NO_CHARGE: Final = 1 << 32

Bits: TypeAlias = NDArray[np.uint64]  # (words, n): n sets, the lowest charges in word 0


class Charges:
    """The charges, none negative, that one atom of each element can have.

    Parameters
    ----------
    choices
        For each element, its charges.
    """

    def __init__(self, choices: Sequence[Sequence[int]]) -> None:
        self.most = max((len(row) for row in choices), default=0)
        self._table = np.full((self.most, len(choices)), NO_CHARGE, dtype=np.uint64)
        # One word for each element and amount below 64; from there on only the charge 0 is within one word.
        self._words = np.zeros((len(choices), WORD + 1), dtype=np.uint64)
        for element, row in enumerate(choices):
            self._table[: len(row), element] = sorted(row)
            for amount in range(WORD + 1):
                self._words[element, amount] = sum({1 << q * amount for q in row if q * amount < WORD})

    def alone(self, elements: NDArray[np.intp], amounts: NDArray[np.int64], words: int) -> Bits:
        """Make the sets of one element each: `amounts` times its charges; both arguments of shape (n,)."""
        if words > 1:
            return self.added(only_zero(words, len(elements)), elements, amounts)
        return np.take(self._words.ravel(), elements * (WORD + 1) + np.minimum(amounts, WORD), mode="clip")[None]

    def added(self, sets: Bits, elements: NDArray[np.intp], amounts: NDArray[np.int64]) -> Bits:
        """Add to each set an element, `amounts` times one of its charges."""
        # Larger amounts shift everything out as well, and their products might not fit.
        factors = np.minimum(amounts, WORD * len(sets)).astype(np.uint64)
        united = np.zeros_like(sets)
        charges = np.empty_like(factors)
        for row in self._table:
            np.take(row, elements, mode="clip", out=charges)  # in range; checking that would take most of the time
            charges *= factors
            united |= _shifted(sets, charges)
        return united


def only_zero(words: int, n: int) -> Bits:
    """Make `n` sets that hold the charge 0 alone."""
    sets = np.zeros((words, n), dtype=np.uint64)
    sets[0] = 1
    return sets


def _shifted(sets: Bits, by: NDArray[np.uint64]) -> Bits:
    if len(sets) == 1:
        return sets << by  # numpy shifts by 64 and more to zero
    result = np.zeros_like(sets)
    for word, target in enumerate(result):
        for source in range(word + 1):
            # A distance below zero wraps to a huge one, which shifts everything out: one of the two terms is zero,
            # or both are the same.
            distance = by - np.uint64(WORD * (word - source))
            target |= sets[source] << distance
            if source < word:
                target |= sets[source] >> (np.uint64(0) - distance)
    return result


def share_a_charge(some: Bits, others: Bits) -> NDArray[np.bool_]:
    """Whether two sets have a charge in common, shape (n,)."""
    common: NDArray[np.bool_] = ((some & others) != 0).any(axis=0) if len(some) > 1 else (some[0] & others[0]) != 0
    return common


def holds(sets: Bits, charges: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Whether each set holds its charge, shape (n,); a charge below zero or beyond the words is in none."""
    inside = (charges >= 0) & (charges < WORD * len(sets))
    charges = np.where(inside, charges, 0)
    word = sets[charges // WORD, np.arange(sets.shape[1])] if len(sets) > 1 else sets[0]
    held: NDArray[np.bool_] = (word >> (charges % WORD).astype(np.uint64) & np.uint64(1)) != 0
    return held & inside
