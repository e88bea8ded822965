"""Compositions as the fully connected graphs that Roost works on, a batch at a time.

Knows which node looks at which; not what a network makes of it, nor where compositions come from.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

from .parsing import Formulas

#: Edges worked through at a time, so that their hidden features stay in the processor's cache.
EDGES_PER_CHUNK: Final = 768


@dataclass(frozen=True, slots=True)
class Chunk:
    """A run of rows that attend, and what they attend to, as steps over prefixes of these rows.

    Step ``k`` pairs the first ``counts[k]`` rows with as many sources: where graphs are sorted by falling size, the
    rows that have a further neighbour are always the first ones, so that no padding and no scatter is needed.

    Attributes
    ----------
    start, stop
        The rows.
    counts
        Rows that take part in each step, falling.
    sources
        The node attended to, for all steps one after the other, shape (sum of counts,).
    """

    start: int
    stop: int
    counts: tuple[int, ...]
    sources: torch.Tensor


@dataclass(frozen=True, slots=True)
class GraphBatch:
    """Graphs of a batch, those with most elements first; the nodes of each lie together.

    Attributes
    ----------
    order
        The place each graph has among those asked for, shape (graphs,).
    numbers
        Atomic numbers, shape (nodes,).
    fractions
        Molar fractions, shape (nodes, 1).
    messages
        Nodes attending to the other nodes of their graph (to itself, where a graph has one node).
    pooling
        Graphs attending to their nodes.
    """

    order: NDArray[np.int64]
    numbers: torch.Tensor
    fractions: torch.Tensor
    messages: tuple[Chunk, ...]
    pooling: tuple[Chunk, ...]

    def __len__(self) -> int:
        return len(self.order)


@dataclass(frozen=True, slots=True, eq=False)
class Graphs:
    """Compositions ready to be put into batches: atomic numbers and molar fractions in compressed rows."""

    numbers: NDArray[np.int64]
    fractions: NDArray[np.float32]
    offsets: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def sizes(self) -> NDArray[np.int64]:
        """Nodes of each graph, shape (n,)."""
        return np.diff(self.offsets)

    @classmethod
    def of(cls, formulas: Formulas, *, allow_empty: bool = False) -> Graphs:
        """Take parsed formulas, of which every one has elements."""
        sizes = formulas.nelements
        if len(sizes) and sizes.min() == 0 and not allow_empty:
            msg = f"formula {int(np.argmin(sizes))} holds no elements: sort the unreadable ones out beforehand"
            raise ValueError(msg)
        totals = np.bincount(formulas.rows, weights=formulas.amounts, minlength=len(formulas))
        fractions = formulas.amounts / np.repeat(totals, sizes)
        return cls(formulas.numbers.astype(np.int64), fractions.astype(np.float32), formulas.offsets)

    def batch(self, rows: NDArray[np.int64], *, device: torch.device | None = None) -> GraphBatch:
        """Put the graphs `rows` into one batch."""
        rows = np.asarray(rows, dtype=np.int64)
        order = np.argsort(-self.sizes[rows], kind="stable")
        rows = rows[order]
        sizes = self.sizes[rows]
        starts = np.concatenate([[0], np.cumsum(sizes)])
        node_sizes = np.repeat(sizes, sizes)
        node_starts = np.repeat(starts[:-1], sizes)
        places = np.arange(starts[-1]) - node_starts
        entries = np.repeat(self.offsets[rows], sizes) + places
        messages, pooling = [], []
        for first, last in _spans(sizes):
            begin, end = int(starts[first]), int(starts[last])
            shape = node_sizes[begin:end], node_starts[begin:end], places[begin:end]
            messages.append(_message_chunk(begin, *shape, device=device))
            pooling.append(_pooling_chunk(first, sizes[first:last], starts[first:last], device=device))
        return GraphBatch(
            order,
            torch.from_numpy(self.numbers[entries]).to(device),
            torch.from_numpy(self.fractions[entries, None]).to(device),
            tuple(messages),
            tuple(pooling),
        )


def _spans(sizes: NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    """Cut graphs into runs of about `EDGES_PER_CHUNK` edges."""
    edges = np.cumsum(sizes * np.maximum(sizes - 1, 1))
    first = 0
    while first < len(sizes):
        done = int(edges[first - 1]) if first else 0
        last = max(int(np.searchsorted(edges, done + EDGES_PER_CHUNK, side="right")), first + 1)
        yield first, last
        first = last


def _message_chunk(
    start: int,
    sizes: NDArray[np.int64],
    starts: NDArray[np.int64],
    places: NDArray[np.int64],
    *,
    device: torch.device | None,
) -> Chunk:
    counts, sources = [], []
    for shift in range(1, max(int(sizes[0]), 2)):
        # Every node goes through the first step: one that is alone comes back to itself.
        count = len(sizes) if shift == 1 else int(np.count_nonzero(sizes > shift))
        counts.append(count)
        sources.append(starts[:count] + (places[:count] + shift) % sizes[:count])
    indices = torch.from_numpy(np.concatenate(sources)).to(device)
    return Chunk(start, start + len(sizes), tuple(counts), indices)


def _pooling_chunk(
    start: int, sizes: NDArray[np.int64], starts: NDArray[np.int64], *, device: torch.device | None
) -> Chunk:
    counts = [int(np.count_nonzero(sizes > place)) for place in range(int(sizes[0]))]
    indices = torch.from_numpy(np.concatenate([starts[:count] + place for place, count in enumerate(counts)]))
    return Chunk(start, start + len(sizes), tuple(counts), indices.to(device))
