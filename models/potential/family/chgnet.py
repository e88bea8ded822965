"""CHGNet, a universal interatomic potential, as one of the family: many structures at once, each as if it were alone.

It knows structures and the potential only: what the energies are compared with is decided elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from pymatgen.core.periodic_table import Element
from pymatgen.core.structure import Structure

from ...learning.threads import threads_of_torch
from .. import relaxation
from ..interface import Potential
from ..relaxation import FORCE_TOLERANCE, MAX_STEPS, Frame
from ..results import Relaxed, Static
from .bond_graph import BondGraph, bond_graph
from .chgnet_network import MODEL, REMEDY, PotentialMissing, cutoffs, evaluate_graphs, potential

__all__ = ["MODEL", "NAME", "REMEDY", "Chgnet", "PotentialMissing", "evaluate", "is_installed", "potential", "relax"]

NAME: Final = f"CHGNet {MODEL}"
HEAVIEST: Final = 94
"""Atomic number of the heaviest element CHGNet has an embedding for (Pu)."""
EDGES_AT_ONCE: Final = 12_000
"""Directed bonds in one batch on a CPU: more are no faster there, and take about 40 kB each with forces."""
EDGES_AT_ONCE_GPU: Final = 400_000

Array = NDArray[np.float64]


class Chgnet(Potential):
    """CHGNet on one thread of a CPU; `evaluate` and `relax` of this module take other settings."""

    name = NAME
    slug = "chgnet"
    version = MODEL
    elements = frozenset(element.symbol for element in Element if element.Z <= HEAVIEST)
    package = "chgnet"
    has_tabulated_scale = True
    remedy = REMEDY
    citation = "B. Deng et al., Nat. Mach. Intell. 5, 1031 (2023)"

    def evaluate(self, structures: Sequence[Structure], *, forces: bool = True) -> list[Static]:
        """As `evaluate` of this module."""
        return evaluate(structures, forces=forces)

    def relax(self, structures: Sequence[Structure], **settings: Any) -> list[Relaxed]:
        """As `relax` of this module."""
        return relax(structures, **settings)


_CHGNET: Final = Chgnet()


def is_installed() -> bool:
    """Whether CHGNet can be imported; does not import it."""
    return _CHGNET.is_installed()


def evaluate(
    structures: Sequence[Structure],
    *,
    forces: bool = True,
    device: str = "cpu",
    threads: int | None = 1,
    edges_at_once: int | None = None,
) -> list[Static]:
    """Evaluate structures as they stand, in batches of one graph each.

    Parameters
    ----------
    structures
        n ordered structures.
    forces
        Whether forces and stress are wanted; energies alone are about five times as fast.
    device
        "cpu", "cuda", as torch names it.
    threads
        Threads of torch for the duration of the call; None leaves torch's setting. One is the default, since the
        work is divided among processes.
    edges_at_once
        Directed bonds within 6 Å in one batch.

    Returns
    -------
    list of Static
        n results, in order, on a CPU the same to the last bit however the structures are split into calls and batches.
        What can't be evaluated (an unknown element, a partly occupied site, an atom without a
        neighbour within 6 Å, an energy that is not finite) has a `failure`.

    Raises
    ------
    PotentialMissing
        When CHGNet is not installed.
    """
    model = potential(device)
    results: list[Static] = [Static()] * len(structures)
    graphs: list[tuple[int, BondGraph]] = []
    for i, structure in enumerate(structures):
        reason = _CHGNET.unfit(structure)
        if reason is None:
            cell, places = structure.lattice.matrix, structure.frac_coords
            graph = bond_graph(cell, places, _atomic_numbers(structure), *cutoffs(model))
            reason = graph.lonely
            graphs.append((i, graph))
        if reason is not None:
            results[i] = Static(failure=reason)
    graphs = [(i, graph) for i, graph in graphs if results[i].failure is None]
    # Neighbours in size go together, so that a batch is neither one giant nor a thousand dwarfs.
    graphs.sort(key=lambda pair: (len(pair[1].centers), pair[0]))
    with threads_of_torch(threads):
        for batch in _batches(graphs, edges_at_once or _most_edges(device)):
            evaluated = evaluate_graphs(model, [graph for _, graph in batch], forces=forces)
            for (i, _), result in zip(batch, evaluated, strict=True):
                results[i] = result
    return results


def relax(
    structures: Sequence[Structure],
    *,
    monolayer: bool | Sequence[bool] | None = None,
    cell: bool = True,
    max_steps: int = MAX_STEPS,
    force_tolerance: float = FORCE_TOLERANCE,
    max_seconds: float | None = None,
    device: str = "cpu",
    threads: int | None = 1,
    edges_at_once: int | None = None,
) -> list[Relaxed]:
    """Relax structures, as `relaxation.relax` does, in batches of graphs.

    Parameters
    ----------
    structures
        n ordered structures.
    monolayer, cell, max_steps, force_tolerance, max_seconds
        As for `relaxation.relax`.
    device, threads, edges_at_once
        As for `evaluate`.

    Returns
    -------
    list of Relaxed
        n results, in order; on a CPU they do not depend on which structures are relaxed together.

    Raises
    ------
    ValueError
        When `monolayer` is not one per structure, or a limit is not positive.
    PotentialMissing
        When CHGNet is not installed.
    """
    with threads_of_torch(threads):
        return relaxation.relax(
            structures,
            _Graphs(potential(device), edges_at_once or _most_edges(device)),
            monolayer=monolayer,
            cell=cell,
            max_steps=max_steps,
            force_tolerance=force_tolerance,
            max_seconds=max_seconds,
        )


class _Graphs:
    """CHGNet as a relaxation asks it: a frame is a graph, and its size the number of bonds."""

    def __init__(self, model: Any, limit: int) -> None:
        self.model = model
        self.limit = limit
        self.reach = cutoffs(model)
        self.unfit = _CHGNET.unfit

    def frame(self, matrix: Array, fractional: Array, numbers: NDArray[np.int64]) -> Frame:
        graph = bond_graph(matrix, fractional, numbers, *self.reach)
        nearest = np.full(len(numbers), np.inf)
        np.minimum.at(nearest, graph.centers, _lengths(graph))
        return Frame(graph, len(graph.centers), nearest, graph.lonely)

    def evaluate(self, frames: Sequence[Frame]) -> list[Static]:
        return evaluate_graphs(self.model, [frame.content for frame in frames], forces=True)


def _lengths(graph: BondGraph) -> Array:
    shift: Any = graph.images @ graph.lattices[0]
    lengths: Array = np.linalg.norm(graph.positions[graph.centers] - graph.positions[graph.neighbors] - shift, axis=1)
    return lengths


def _atomic_numbers(structure: Structure) -> NDArray[np.int64]:
    return np.array([site.specie.Z for site in structure], dtype=np.int64)


def _most_edges(device: str) -> int:
    return EDGES_AT_ONCE if device == "cpu" else EDGES_AT_ONCE_GPU


def _batches(graphs: Sequence[tuple[int, BondGraph]], limit: int) -> Iterator[list[tuple[int, BondGraph]]]:
    batch: list[tuple[int, BondGraph]] = []
    edges = 0
    for pair in graphs:
        size = len(pair[1].centers)
        if batch and edges + size > limit:
            yield batch
            batch, edges = [], 0
        batch.append(pair)
        edges += size
    if batch:
        yield batch
