"""Graphs of atoms and bonds as CHGNet takes them: bonds in both directions, paired, and angles between short ones.

Built with arrays alone; knows nothing of the potential that reads them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pymatgen.optimization.neighbors import find_points_in_spheres

Array = NDArray[np.float64]
Index = NDArray[np.int64]
_SAME_POINT = 1e-8
"""Å: within this a neighbour is the atom itself."""


@dataclass(frozen=True, slots=True)
class BondGraph:
    """The graph of one structure, or of several side by side.

    Attributes
    ----------
    numbers
        Atomic numbers, (n,).
    positions
        Å, (n, 3).
    lattices
        Å, (structures, 3, 3).
    owners, sizes
        Which structure each atom belongs to, (n,), and how many atoms each structure has.
    centers, neighbors, images
        The m directed bonds: from which atom, to which, in which cell (m, 3).
    to_undirected, to_directed
        The bond each directed one belongs to, (m,), and one directed bond of each, (m / 2,).
    angles
        (k, 5): atom, first bond, the same directed, second bond, the same directed.
    lonely
        Says which atom has no neighbour, or None.
    """

    numbers: Index
    positions: Array
    lattices: Array
    owners: Index
    sizes: tuple[int, ...]
    centers: Index
    neighbors: Index
    images: Index
    to_undirected: Index
    to_directed: Index
    angles: Index
    lonely: str | None = None


def bond_graph(matrix: Array, fractional: Array, numbers: Index, cutoff: float, angle_cutoff: float) -> BondGraph:
    """Build the graph of one structure.

    Parameters
    ----------
    matrix
        Å, (3, 3): rows are the cell vectors.
    fractional
        (n, 3).
    numbers
        Atomic numbers, (n,).
    cutoff
        Å: bonds are up to this long.
    angle_cutoff
        Å: both bonds of an angle are up to this long.
    """
    n = len(numbers)
    positions = fractional @ matrix
    contiguous = np.ascontiguousarray(positions, dtype=np.float64)
    neighbours = find_points_in_spheres(
        contiguous,
        contiguous,
        r=float(cutoff),
        pbc=np.ones(3, dtype=np.int64),
        lattice=np.ascontiguousarray(matrix, dtype=np.float64),
        tol=_SAME_POINT,
    )
    centers, neighbors, raw_images, distances = neighbours
    images = np.rint(raw_images).astype(np.int64)
    kept = (centers != neighbors) | (distances > _SAME_POINT)
    centers, neighbors, images, distances = centers[kept], neighbors[kept], images[kept], distances[kept]

    # A bond and its reverse get one name: that of the direction from the lower atom, or the upper half of the images.
    first = np.where(images[:, 0] != 0, images[:, 0], np.where(images[:, 1] != 0, images[:, 1], images[:, 2]))
    turned = (centers > neighbors) | ((centers == neighbors) & (first < 0))
    low, high = np.minimum(centers, neighbors), np.maximum(centers, neighbors)
    named = np.where(turned[:, None], -images, images)
    reach = int(np.abs(images).max(initial=0)) + 1
    base = 2 * reach + 1
    name = low * n + high
    for axis in range(3):
        name = name * base + named[:, axis] + reach
    _, to_directed, to_undirected, counts = np.unique(name, return_index=True, return_inverse=True, return_counts=True)
    if (counts != 2).any():  # exactly at the cutoff rounding may find only one direction; it counts for nothing there
        both = (counts == 2)[to_undirected]
        centers, neighbors, images, distances = centers[both], neighbors[both], images[both], distances[both]
        _, to_directed, to_undirected = np.unique(name[both], return_index=True, return_inverse=True)

    lonely = np.setdiff1d(np.arange(n), centers)
    return BondGraph(
        numbers=numbers,
        positions=positions,
        lattices=matrix[None],
        owners=np.zeros(n, dtype=np.int64),
        sizes=(n,),
        centers=centers,
        neighbors=neighbors,
        images=images,
        to_undirected=to_undirected,
        to_directed=to_directed,
        angles=_angles(centers, to_undirected, np.flatnonzero(distances <= angle_cutoff)),
        lonely=f"atom {lonely[0]} has no neighbour within {cutoff:g} Å" if lonely.size else None,
    )


def _angles(centers: Index, to_undirected: Index, short: Index) -> Index:
    """Every ordered pair of two short bonds that leave the same atom."""
    short = short[np.argsort(centers[short], kind="stable")]
    _, starts, counts = np.unique(centers[short], return_index=True, return_counts=True)
    per_bond = np.repeat(counts, counts)
    left = np.repeat(np.arange(len(short)), per_bond)
    within = np.arange(len(left)) - np.repeat(np.cumsum(per_bond) - per_bond, per_bond)
    right = np.repeat(np.repeat(starts, counts), per_bond) + within
    different = left != right
    one, other = short[left[different]], short[right[different]]
    return np.stack([centers[one], to_undirected[one], one, to_undirected[other], other], axis=1).astype(np.int64)


def join(graphs: Sequence[BondGraph]) -> BondGraph:
    """Put the graphs of structures side by side, as one graph without bonds between them."""
    atoms = _offsets([len(graph.numbers) for graph in graphs])
    directed = _offsets([len(graph.centers) for graph in graphs])
    undirected = _offsets([len(graph.to_directed) for graph in graphs])
    return BondGraph(
        numbers=np.concatenate([graph.numbers for graph in graphs]),
        positions=np.concatenate([graph.positions for graph in graphs]),
        lattices=np.concatenate([graph.lattices for graph in graphs]),
        owners=np.repeat(np.arange(len(graphs)), [len(graph.numbers) for graph in graphs]),
        sizes=tuple(len(graph.numbers) for graph in graphs),
        centers=np.concatenate([graph.centers + a for graph, a in zip(graphs, atoms, strict=True)]),
        neighbors=np.concatenate([graph.neighbors + a for graph, a in zip(graphs, atoms, strict=True)]),
        images=np.concatenate([graph.images for graph in graphs]),
        to_undirected=np.concatenate([graph.to_undirected + u for graph, u in zip(graphs, undirected, strict=True)]),
        to_directed=np.concatenate([graph.to_directed + d for graph, d in zip(graphs, directed, strict=True)]),
        angles=np.concatenate(
            [
                graph.angles + np.array([a, u, d, u, d])
                for graph, a, u, d in zip(graphs, atoms, undirected, directed, strict=True)
            ]
        ),
    )


def _offsets(sizes: Sequence[int]) -> list[int]:
    return [0, *np.cumsum(sizes)[:-1].tolist()]
