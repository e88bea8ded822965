"""What the atoms of point clouds have around them: distances to the nearest atoms of each element, differentiable.

The same for every setting of a crystal: origin, axes and order of atoms make no difference, so that a critic who looks
at them need not learn that. Of each pair the nearest 27 images are looked at, enough but for very oblique cells.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import Final, NamedTuple

import torch
from torch import Tensor

from ..structure.layouts import CELL_ROWS, Layout
from ..structure.point_cloud import OFFSET, SCALE
from .distances import cell_vectors, least_distances

FARTHEST: Final = 7.0
"""Å; what is farther counts as that far."""
_LEAST_SQUARE: Final = 1e-3
_LEAST_VARIANCE: Final = 1e-6  # Å^2; the root of 0 has no slope
_NOWHERE: Final = 1e3  # Å^2, of images that are no neighbours


class Environments(NamedTuple):
    """Surroundings of the atoms of n cells, in slots that are shared out to the elements by `slots`.

    Attributes
    ----------
    distances
        Å, ascending, shape (n, slots, elements, neighbours).
    filled
        Whether there is an atom, shape (n, slots).
    volume
        Å^3 per atom, shape (n,).
    slots
        Slots of each element: the most that any of these cells fills.
    """

    distances: Tensor
    filled: Tensor
    volume: Tensor
    slots: tuple[int, ...]


def environments(
    cells: Tensor, number: Tensor, layout: Layout, neighbours: int, *, slots: Sequence[int] | None = None
) -> Environments:
    """Look around every atom.

    Parameters
    ----------
    cells
        Shape (n, rows, 3); each element's atoms are in its first slots.
    number
        Atoms of each element, shape (n, elements).
    layout
        Of the cells.
    neighbours
        How many of each element, at most 26; the images of an atom itself are among them.
    slots
        Of each element; None: as many as these cells need.
    """
    slots = tuple(number.amax(dim=0).tolist() if slots is None else slots)
    places = _places(layout, slots).to(cells.device)
    filled = _filled(number, slots)
    vectors = cell_vectors(cells, layout.longest)
    fractional = (cells[:, CELL_ROWS:][:, places] - OFFSET) / SCALE
    apart = fractional[:, :, None] - fractional[:, None]
    apart = (apart - apart.detach().round()).flatten(1, 2) @ vectors
    shifts = torch.tensor(list(product((-1.0, 0.0, 1.0), repeat=3)), dtype=cells.dtype, device=cells.device)
    images = shifts @ vectors
    squares = torch.baddbmm((images**2).sum(dim=2)[:, None], apart, images.transpose(1, 2), alpha=2)
    squares = (squares + (apart**2).sum(dim=2, keepdim=True)).view(len(cells), len(places), len(places), len(shifts))
    nobody = (~filled)[:, None, :, None].expand_as(squares).clone()
    nobody[:, range(len(places)), range(len(places)), len(shifts) // 2] = True
    squares = squares.masked_fill(nobody, _NOWHERE)
    nearest = [
        block.flatten(2).topk(neighbours, dim=2, largest=False).values
        for block in torch.split(squares, list(slots), dim=2)
    ]
    distances = torch.stack(nearest, dim=2).clamp(_LEAST_SQUARE, FARTHEST**2).sqrt()
    volume = torch.linalg.det(vectors).abs() / number.sum(dim=1)
    return Environments(distances, filled, volume, slots)


def crowding(around: Environments, layout: Layout, *, reach: float = 1.1) -> Tensor:
    """Penalty on atoms closer than `reach` times the least allowed distance (`distances.least_distances`).

    Returns
    -------
    Tensor
        Mean over cells of the sum over atoms of squared missing shares of that distance.
    """
    least = torch.tensor(least_distances(layout), dtype=around.distances.dtype, device=around.distances.device)
    owner = torch.cat([least[i : i + 1].expand(most, -1) for i, most in enumerate(around.slots)])
    short = (reach - around.distances / owner[None, :, :, None]).clamp_min(0) ** 2
    penalty: Tensor = (short.sum(dim=(2, 3)) * around.filled).sum(dim=1).mean()
    return penalty


def spread(around: Environments, number: Tensor, pack: int) -> Tensor:
    """Say how much the cells of each pack differ: in Å, over the mean surroundings of each element, mean over packs.

    Parameters
    ----------
    around
        Of n cells, each `pack` in a row of one composition.
    number
        Their compositions, shape (n, elements).
    pack
        2 or more.
    """
    kept = around.distances * around.filled[:, :, None, None]
    means = [
        part.sum(dim=1) / number[:, i, None, None]
        for i, part in enumerate(torch.split(kept, list(around.slots), dim=1))
    ]
    packs = torch.stack(means, dim=1).flatten(1).view(len(number) // pack, pack, -1)
    root = (packs.var(dim=1, unbiased=False).mean(dim=1) + _LEAST_VARIANCE).sqrt()
    return root.mean()


def cut(distances: Tensor, volume: Tensor, number: Tensor, layout: Layout) -> Environments:
    """Make environments of distances kept for all slots of a layout, cut to those that these cells need."""
    slots = tuple(number.amax(dim=0).tolist())
    return Environments(
        distances[:, _places(layout, slots).to(distances.device)], _filled(number, slots), volume, slots
    )


def _places(layout: Layout, slots: Sequence[int]) -> Tensor:
    return torch.cat([torch.arange(start, start + most) for start, most in zip(layout.starts, slots, strict=False)])


def _filled(number: Tensor, slots: Sequence[int]) -> Tensor:
    return torch.cat(
        [torch.arange(most, device=number.device)[None] < number[:, i, None] for i, most in enumerate(slots)], dim=1
    )
