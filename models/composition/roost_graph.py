"""Compositions as the fully connected graphs that Roost works on, a batch at a time.

Knows how their nodes lie in arrays; not what a network makes of them, nor where compositions come from.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from .parsing import Formulas


@dataclass(frozen=True, slots=True)
class GraphBatch:
    """Graphs of a batch, those with most nodes first; the nodes of each lie together.

    Graphs of one size make up a group, so that their nodes are an array of shape (graphs, size, …): all that happens
    between the nodes of a graph needs neither padding nor scattering.

    Attributes
    ----------
    order
        The place each graph has among those asked for, shape (graphs,).
    numbers
        Atomic numbers, shape (nodes,).
    fractions
        Molar fractions, shape (nodes, 1).
    groups
        Number of graphs and nodes of each, group by group.
    """

    order: NDArray[np.int64]
    numbers: torch.Tensor
    fractions: torch.Tensor
    groups: tuple[tuple[int, int], ...]

    def __len__(self) -> int:
        return len(self.order)

    def split(self, rows: torch.Tensor) -> list[torch.Tensor]:
        """Cut rows of nodes (nodes, features) into the groups, each (graphs, size, features)."""
        parts = torch.split_with_sizes(rows, [count * size for count, size in self.groups])
        return [part.view(count, size, -1) for part, (count, size) in zip(parts, self.groups, strict=True)]


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
        entries = np.repeat(self.offsets[rows] - starts, sizes) + np.arange(sizes.sum())
        kinds, counts = np.unique(-sizes, return_counts=True)
        return GraphBatch(
            order,
            torch.from_numpy(self.numbers[entries]).to(device),
            torch.from_numpy(self.fractions[entries, None]).to(device),
            tuple(zip(counts.tolist(), (-kinds).tolist(), strict=True)),
        )
