"""Compositions by the million from a trained generator: drawn, decoded, reduced, counted, each distinct one once.

Knows generators by the two things it asks of them and formulas as arrays; where compositions are kept is not its
business. A draw depends on the seed and its number only, so the same seed gives the same sample however it is cut, and
more draws only add to it. (On another device, or with another version of torch, a few draws in a million can differ:
numbers are rounded in another order there.)
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from ...learning.device import out_of_memory
from ...learning.loop import generator as random_numbers
from ..formula.elements import ATOMIC_NUMBERS
from ..formula.formulas import Formulas, reduced_formulas
from ..one_hot import ELEMENTS, MAX_AMOUNT, encode

#: Draws that share one generator of random numbers and pass the network together: so many in the first block and the
#: second, each further one twice as many, up to the largest. So few draws take little, and many are quick. Part of
#: what a seed means: with other numbers the same seed gives another sample.
SMALLEST_BLOCK: Final = 1 << 8
LARGEST_BLOCK: Final = 1 << 16

# An element and its amount take ten bits, so six of them fit in a 64-bit integer; the few compositions of more elements
# are kept as rows of amounts.
_AMOUNT_BITS: Final = 3
_CODE_BITS: Final = 10
_FEW: Final = 6
_SIZE: Final = len(ELEMENTS)
_GROWING: Final = (LARGEST_BLOCK // SMALLEST_BLOCK).bit_length() - 1
_NUMBERS: Final = np.array([ATOMIC_NUMBERS[symbol] for symbol in ELEMENTS], dtype=np.uint8)

assert MAX_AMOUNT <= 1 << _AMOUNT_BITS
assert (_SIZE + 1) << _AMOUNT_BITS <= 1 << _CODE_BITS


class Generator(Protocol):
    """What is asked of a trained model."""

    @property
    def latent_size(self) -> int:
        """Normal random numbers for one draw."""
        ...

    @property
    def kept_share(self) -> float:
        """Share of draws that are kept, about; one when all are."""
        ...

    def amounts(self, latent: torch.Tensor) -> torch.Tensor:
        """Atoms of each element of the draws that are kept, for normal numbers (n, latent_size).

        uint8 of shape (n, 85) or less, in the order of the numbers, not reduced.
        """
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """What a number of draws came to.

    A draw of one element alone or of no atoms is counted, but is no composition to keep.

    Attributes
    ----------
    formulas
        Reduced formulas of two or more elements, each once.
    times_drawn
        How often each was drawn, shape (n,).
    draws
        How many there were.
    single_elements, empty
        Draws of one element alone, and of none.
    """

    formulas: list[str]
    times_drawn: NDArray[np.int64]
    draws: int
    single_elements: int
    empty: int


def sample(model: Generator, draws: int, *, seed: int, first: int = 0, device: torch.device | str = "cpu") -> Sample:
    """Draw compositions and count them.

    Parameters
    ----------
    model
        A generator, on `device`.
    draws
        How many; two million take about 2 GB at most.
    seed
        The same seed gives the same sample; a larger number of draws only adds to it.
    first
        Number of the first draw, where those before it were drawn already.

    Raises
    ------
    ValueError
        For fewer than one draw.
    OutOfMemory
        The GPU has too little memory for a block.
    """
    if draws < 1:
        raise ValueError(f"{draws=}: draw at least one")
    tally = Tally()
    for amounts in drawn(model, first, first + draws, seed=seed, device=device):
        tally.add(amounts)
    return tally.sample()


def times_drawn(
    model: Generator,
    formulas: Sequence[str] | Formulas,
    draws: int,
    *,
    seed: int,
    device: torch.device | str = "cpu",
) -> NDArray[np.int64]:
    """Count how often each of some compositions comes in so many draws, shape (n,).

    Parameters
    ----------
    model, draws, seed, device
        As of `sample`.
    formulas
        Reduced formulas of two or more elements.

    Raises
    ------
    NotRepresentable, UnparsableFormula, UnknownElement
    """
    tally = Tally()
    for amounts in drawn(model, 0, draws, seed=seed, device=device):
        tally.add(amounts)
    return tally.times_drawn(formulas)


def drawn(
    model: Generator, start: int, stop: int, *, seed: int, device: torch.device | str = "cpu"
) -> Iterator[NDArray[np.uint8]]:
    """Draws numbered from `start` to before `stop`, block by block: atoms of each element, shape (n, 85).

    They are not reduced. A draw that the model refuses has no number.

    Parameters
    ----------
    model
        What draws.
    start, stop
        Numbers of the first draw and of the one after the last.
    seed
        Of all draws: the same seed and number are the same draw.
    device
        Where the model draws.
    """
    while start < stop:
        block = _block_of(start)
        first, end = _span(block)
        yield _block(model, block, end - first, seed, device)[start - first : stop - first]
        start = end


def _block(model: Generator, block: int, size: int, seed: int, device: torch.device | str) -> NDArray[np.uint8]:
    """Draw a whole block, going on until so many are kept."""
    random = random_numbers(seed, block)
    parts: list[NDArray[np.uint8]] = []
    missing = size
    while missing > 0:
        numbers = random.standard_normal((math.ceil(missing / model.kept_share), model.latent_size), dtype=np.float32)
        with torch.inference_mode(), out_of_memory("use the device cpu"):
            parts.append(model.amounts(torch.from_numpy(numbers).to(device)).cpu().numpy()[:missing])
        missing -= len(parts[-1])
    return np.concatenate(parts)


def _block_of(number: int) -> int:
    """Place of the block that holds a draw."""
    return (min(number, LARGEST_BLOCK - 1) // SMALLEST_BLOCK).bit_length() + number // LARGEST_BLOCK


def _span(block: int) -> tuple[int, int]:
    """Places of a block's first draw and of the one after its last."""
    ends = [0, *(SMALLEST_BLOCK << doubled for doubled in range(_GROWING)), LARGEST_BLOCK]
    if block <= _GROWING:
        return ends[block], ends[block + 1]
    return (block - _GROWING) * LARGEST_BLOCK, (block - _GROWING + 1) * LARGEST_BLOCK


class Tally:
    """Counts compositions as they are drawn, each distinct one kept once as an integer."""

    def __init__(self) -> None:
        self.draws = 0
        self.single_elements = 0
        self.empty = 0
        self._few = _Counts(np.empty(0, dtype=np.int64))
        self._many = _Counts(np.empty((0, _SIZE), dtype=np.uint8))

    def add(self, amounts: NDArray[np.uint8]) -> None:
        """Count draws, given as atoms of each element, shape (n, 85)."""
        keys = _keys(amounts)
        self.draws += len(amounts)
        self.empty += int(np.count_nonzero(keys.nelements == 0))
        self.single_elements += int(np.count_nonzero(keys.nelements == 1))
        if len(keys.few):
            self._few.add(keys.few)
        if len(keys.many):
            self._many.add(keys.many)

    def times_drawn(self, formulas: Sequence[str] | Formulas) -> NDArray[np.int64]:
        """Say how often each of these was drawn so far, 0 for one that was not (or is of fewer than two elements).

        Raises
        ------
        NotRepresentable, UnparsableFormula, UnknownElement
        """
        keys = _keys((encode(formulas) @ np.arange(1, MAX_AMOUNT + 1, dtype=np.uint8)).astype(np.uint8))
        times = np.zeros(len(keys.nelements), dtype=np.int64)
        few, few_times = self._few.merged()
        if len(few):
            at = np.minimum(np.searchsorted(few, keys.few), len(few) - 1)
            times[keys.is_few] = np.where(few[at] == keys.few, few_times[at], 0)
        many, many_times = self._many.merged()
        seen = {row.tobytes(): int(number) for row, number in zip(many, many_times, strict=True)}
        times[keys.nelements > _FEW] = [seen.get(row.tobytes(), 0) for row in keys.many]
        return times

    @property
    def distinct(self) -> int:
        """Distinct compositions of two or more elements so far."""
        return len(self._few.merged()[0]) + len(self._many.merged()[0])

    def compositions(self) -> tuple[Formulas, NDArray[np.int64]]:
        """Distinct compositions, reduced, in a fixed order, and how often each was drawn."""
        few, few_times = self._few.merged()
        many, many_times = self._many.merged()
        codes = few[:, None] >> (_CODE_BITS * np.arange(_FEW - 1, -1, -1)) & ((1 << _CODE_BITS) - 1)
        present = codes > 0
        rows, columns = np.nonzero(many)
        elements = np.concatenate([(codes[present] >> _AMOUNT_BITS) - 1, columns])
        amounts = np.concatenate([(codes[present] & (MAX_AMOUNT - 1)) + 1, many[rows, columns]]).astype(np.float64)
        counts = np.concatenate([present.sum(axis=1), np.bincount(rows, minlength=len(many))])
        formulas = Formulas(_NUMBERS[elements], amounts, np.concatenate([[0], np.cumsum(counts)]))
        return formulas, np.concatenate([few_times, many_times])

    def sample(self) -> Sample:
        """Sample of what was counted."""
        formulas, times = self.compositions()
        return Sample(reduced_formulas(formulas), times, self.draws, self.single_elements, self.empty)


class _Keys(NamedTuple):
    """Reduced compositions as integers, those of many elements as rows."""

    nelements: NDArray[np.int64]
    is_few: NDArray[np.bool_]
    few: NDArray[np.int64]
    many: NDArray[np.uint8]


def _keys(amounts: NDArray[np.uint8]) -> _Keys:
    rows, columns = np.nonzero(amounts)
    held = amounts[rows, columns]
    nelements = np.bincount(rows, minlength=len(amounts))
    offsets = np.cumsum(nelements) - nelements
    filled = np.flatnonzero(nelements)
    divisors = np.ones(len(amounts), dtype=np.uint8)
    if len(filled):
        divisors[filled] = np.gcd.reduceat(held, offsets[filled])
    held //= divisors[rows]

    few = (nelements >= 2) & (nelements <= _FEW)
    kept = few[rows]
    place = (np.arange(len(rows)) - offsets[rows])[kept]
    codes = ((columns[kept] + 1) << _AMOUNT_BITS | (held[kept] - 1)) << (_CODE_BITS * (_FEW - 1 - place))
    starts = np.cumsum(nelements[few]) - nelements[few]
    whole = np.bitwise_or.reduceat(codes, starts) if len(starts) else np.empty(0, dtype=np.int64)
    many = np.flatnonzero(nelements > _FEW)
    return _Keys(nelements, few, whole, amounts[many] // divisors[many, None])


class _Counts:
    """Distinct rows and how often each was added; new ones wait until they are as many as those merged already."""

    def __init__(self, none: NDArray[Any]) -> None:
        self._rows, self._times = none, np.empty(0, dtype=np.int64)
        self._waiting: list[tuple[NDArray[Any], NDArray[np.int64]]] = []
        self._waiting_rows = 0

    def add(self, rows: NDArray[Any]) -> None:
        distinct, times = np.unique(rows, axis=0, return_counts=True)
        self._waiting.append((distinct, times.astype(np.int64)))
        self._waiting_rows += len(distinct)
        if self._waiting_rows > len(self._rows):
            self.merged()

    def merged(self) -> tuple[NDArray[Any], NDArray[np.int64]]:
        if self._waiting:
            parts = [(self._rows, self._times), *self._waiting]
            self._rows, inverse = np.unique(np.concatenate([rows for rows, _ in parts]), axis=0, return_inverse=True)
            times = np.concatenate([times for _, times in parts])
            self._times = np.bincount(inverse.ravel(), weights=times, minlength=len(self._rows)).astype(np.int64)
            self._waiting, self._waiting_rows = [], 0
        return self._rows, self._times
