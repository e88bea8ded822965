"""Compositions by the million from a trained generator: drawn, decoded, reduced, counted, each distinct one once.

Knows generators by the two things it asks of them and formulas as arrays; where compositions are kept is not its
business. A draw depends on the seed and its number only, so the same seed gives the same sample however it is cut.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from ..learning.device import out_of_memory
from ..learning.loop import generator as random_numbers
from .elements import ATOMIC_NUMBERS
from .formulas import Formulas, reduced_formulas
from .one_hot import ELEMENTS, MAX_AMOUNT, encode

#: Draws that share one generator of random numbers and pass the network together. Part of what a seed means: with
#: another number the same seed gives another sample.
BLOCK: Final = 1 << 14

#: Draws counted together by default.
CHUNK: Final = 100_000

# An element and its amount take ten bits, so six of them fit in a 64-bit integer; the few compositions of more elements
# are kept as rows of amounts.
_AMOUNT_BITS: Final = 3
_CODE_BITS: Final = 10
_FEW: Final = 6
_SIZE: Final = len(ELEMENTS)
_NUMBERS: Final = np.array([ATOMIC_NUMBERS[symbol] for symbol in ELEMENTS], dtype=np.uint8)

assert MAX_AMOUNT <= 1 << _AMOUNT_BITS
assert (_SIZE + 1) << _AMOUNT_BITS <= 1 << _CODE_BITS


class Generator(Protocol):
    """What is asked of a trained model."""

    @property
    def latent_size(self) -> int:
        """Normal random numbers for one draw."""
        ...

    def amounts(self, latent: torch.Tensor) -> torch.Tensor:
        """Give the atoms of each element, uint8 of shape (n, 85), not reduced, for normal numbers (n, latent_size)."""
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
    first, draws
        The number of the first draw, and how many there were.
    single_elements, empty
        Draws of one element alone, and of none.
    """

    formulas: list[str]
    times_drawn: NDArray[np.int64]
    first: int
    draws: int
    single_elements: int
    empty: int


def sample(
    model: Generator,
    draws: int,
    *,
    seed: int,
    device: torch.device | str = "cpu",
    chunk: int = CHUNK,
) -> Sample:
    """Draw compositions and count them.

    Parameters
    ----------
    model
        A generator, on `device`.
    draws
        How many; two million take about 2 GB at most, whatever the chunk.
    seed
        The same seed gives the same sample, whatever the chunk; a larger number of draws only adds to it.
    chunk
        Draws counted together; bounds the memory used on the way.

    Raises
    ------
    ValueError
        For fewer than one draw, or a chunk of fewer than one.
    OutOfMemory
        The GPU has too little memory for a block.
    """
    tally = Tally()
    for start in _starts(draws, chunk, 0):
        tally.add(draw(model, start, min(start + chunk, draws), seed=seed, device=device))
    return tally.sample(first=0)


def sample_chunks(
    model: Generator,
    draws: int,
    *,
    seed: int,
    device: torch.device | str = "cpu",
    chunk: int = CHUNK,
    first_chunk: int = 0,
) -> Iterator[Sample]:
    """Draw compositions chunk by chunk, so that each can be kept before the next is drawn.

    The same composition can occur in several chunks; its times drawn add up to what `sample` says.

    Parameters
    ----------
    first_chunk
        Begin with this one, counted from 0: where an interrupted run goes on.

    Raises
    ------
    ValueError
        For fewer than one draw, or a chunk of fewer than one.
    """
    for start in _starts(draws, chunk, first_chunk):
        tally = Tally()
        tally.add(draw(model, start, min(start + chunk, draws), seed=seed, device=device))
        yield tally.sample(first=start)


def draw(
    model: Generator, start: int, stop: int, *, seed: int, device: torch.device | str = "cpu"
) -> NDArray[np.uint8]:
    """Give the draws numbered from `start` to before `stop`: atoms of each element, shape (n, 85), not reduced."""
    parts: list[NDArray[np.uint8]] = []
    for block in range(start // BLOCK, -(-stop // BLOCK)):
        numbers = random_numbers(seed, block).standard_normal((BLOCK, model.latent_size), dtype=np.float32)
        with torch.inference_mode(), out_of_memory("use the device cpu"):
            amounts = model.amounts(torch.from_numpy(numbers).to(device)).cpu().numpy()
        parts.append(amounts[max(start - block * BLOCK, 0) : stop - block * BLOCK])
    return np.concatenate(parts)


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
        """Give the distinct compositions, reduced, in a fixed order, and how often each was drawn."""
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

    def sample(self, *, first: int) -> Sample:
        """Give what was counted as a sample that began with draw number `first`."""
        formulas, times = self.compositions()
        return Sample(reduced_formulas(formulas), times, first, self.draws, self.single_elements, self.empty)


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


def _starts(draws: int, chunk: int, first_chunk: int) -> range:
    if draws < 1:
        raise ValueError(f"{draws=}: draw at least one")
    if chunk < 1:
        raise ValueError(f"{chunk=}: at least one draw belongs to a chunk")
    return range(first_chunk * chunk, draws, chunk)
