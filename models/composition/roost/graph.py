"""Compositions as the fully connected graphs that Roost works on, a batch at a time.

Knows how their nodes lie in arrays; not what a network makes of them, nor where compositions come from.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from ..formula.formula_arrays import Formulas


@dataclass(frozen=True, slots=True)
class Step:
    """A step of attention: the first rows, each with one thing it attends to.

    Attributes
    ----------
    rows
        How many rows take part; those after have nothing left to attend to.
    sources
        The node that each attends to, shape (rows,).
    """

    rows: int
    sources: torch.Tensor


@dataclass(frozen=True, slots=True)
class GraphBatch:
    """Graphs of a batch, those with most nodes first; the nodes of each lie together.

    Thus the rows that have a further neighbour are always the first ones, and attention over neighbours is a few steps
    for all graphs at once, without padding.

    Attributes
    ----------
    order
        The place each graph has among those asked for, shape (graphs,).
    numbers
        Atomic numbers, shape (nodes,).
    fractions
        Molar fractions, shape (nodes, 1).
    messages
        Each node attends to the next one of its graph, the one after that, ..., around the graph; a node that is alone
        to itself.
    pooling
        Each graph attends to its first node, its second, ...
    """

    order: NDArray[np.int64]
    numbers: torch.Tensor
    fractions: torch.Tensor
    messages: tuple[Step, ...]
    pooling: tuple[Step, ...]

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
    def of(cls, formulas: Formulas) -> Graphs:
        """Take parsed formulas; those without elements can't be put into a batch."""
        totals = np.bincount(formulas.rows, weights=formulas.amounts, minlength=len(formulas))
        fractions = formulas.amounts / np.repeat(totals, formulas.nelements)
        return cls(formulas.numbers.astype(np.int64), fractions.astype(np.float32), formulas.offsets)

    def batch(self, rows: NDArray[np.int64], *, device: torch.device | None = None) -> GraphBatch:
        """Put the graphs `rows` into one batch.

        Raises
        ------
        ValueError
            No graph is asked for, or one of them has no nodes.
        """
        rows = np.asarray(rows, dtype=np.int64)
        order = np.argsort(-self.sizes[rows], kind="stable")
        rows = rows[order]
        sizes = self.sizes[rows]
        if not len(sizes) or sizes[-1] == 0:
            raise ValueError(f"graph {int(rows[-1])} has no nodes" if len(sizes) else "a batch has at least one graph")
        starts = np.cumsum(sizes) - sizes
        node_sizes, node_starts = np.repeat(sizes, sizes), np.repeat(starts, sizes)
        places = np.arange(len(node_sizes)) - node_starts
        entries = np.repeat(self.offsets[rows], sizes) + places
        messages, pooling = [], []
        for distance in range(1, max(int(sizes[0]), 2)):
            count = int(np.count_nonzero(node_sizes > distance)) if distance > 1 else len(node_sizes)
            sources = node_starts[:count] + (places[:count] + distance) % node_sizes[:count]
            messages.append(Step(count, torch.from_numpy(sources).to(device)))
        for place in range(int(sizes[0])):
            sources = starts[: int(np.count_nonzero(sizes > place))] + place
            pooling.append(Step(len(sources), torch.from_numpy(sources).to(device)))
        return GraphBatch(
            order,
            torch.from_numpy(self.numbers[entries]).to(device),
            torch.from_numpy(self.fractions[entries, None]).to(device),
            tuple(messages),
            tuple(pooling),
        )
