"""What the atoms of point clouds have around them: distances to the nearest atoms of each element, differentiable.

The same for every setting of a crystal: origin, axes and order of atoms make no difference, so that a critic that sees
them need not learn that. Of each pair the 27 images about the nearest one are looked at.
"""

from __future__ import annotations

from itertools import product
from math import pi
from typing import Final, NamedTuple

import torch
from torch import Tensor

from ...structure.point_cloud import OFFSET, SCALE
from ...structure.point_cloud_layouts import CELL_ROWS, Layout

FARTHEST: Final = 7.0
"""Å; what is farther counts as that far."""
_LEAST_SQUARE: Final = 1e-3  # Å^2: the root of 0 has no slope
_NOWHERE: Final = 1e3  # Å^2, of images that are no neighbours
_LEAST_SINE: Final = 1e-3
_IMAGES: Final = tuple(product((-1.0, 0.0, 1.0), repeat=3))


class Surroundings(NamedTuple):
    """Surroundings of the atoms of n cells.

    Attributes
    ----------
    distances
        Å, ascending, shape (n, slots, elements, neighbours).
    filled
        Whether there is an atom, shape (n, slots).
    volume
        Å^3 per atom, shape (n,).
    """

    distances: Tensor
    filled: Tensor
    volume: Tensor


def cell_vectors(cells: Tensor, longest: float) -> Tensor:
    """Cell vectors as rows in Å, shape (n, 3, 3), of point clouds, shape (n, rows, 3): a along x, b in the xy plane."""
    a, b, c = (cells[:, 0] * longest).unbind(dim=1)
    cos_alpha, cos_beta, cos_gamma = (cells[:, 1] * pi).cos().unbind(dim=1)
    sin_gamma = (1 - cos_gamma**2).clamp_min(_LEAST_SINE**2).sqrt()
    y = (cos_alpha - cos_beta * cos_gamma) / sin_gamma
    z = (1 - cos_beta**2 - y**2).clamp_min(_LEAST_SINE**2).sqrt()
    zero = torch.zeros_like(a)
    rows = (a, zero, zero, b * cos_gamma, b * sin_gamma, zero, c * cos_beta, c * y, c * z)
    return torch.stack(rows, dim=1).view(-1, 3, 3)


def filled_slots(number: Tensor, layout: Layout) -> Tensor:
    """Whether the slots of cells of these compositions, shape (n, elements), hold atoms: shape (n, slots)."""
    return torch.cat(
        [
            torch.arange(most, device=number.device)[None] < number[:, i, None]
            for i, most in enumerate(layout.slots)
        ],
        dim=1,
    )  # fmt: skip


def surroundings(cells: Tensor, number: Tensor, layout: Layout, neighbours: int) -> Surroundings:
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
    """
    filled = filled_slots(number, layout)
    vectors = cell_vectors(cells, layout.longest)
    fractional = (cells[:, CELL_ROWS:] - OFFSET) / SCALE
    apart = fractional[:, :, None] - fractional[:, None]
    apart = (apart - apart.detach().round()).flatten(1, 2) @ vectors
    images = torch.tensor(_IMAGES, dtype=cells.dtype, device=cells.device) @ vectors
    squares = torch.baddbmm((images**2).sum(dim=2)[:, None], apart, images.transpose(1, 2), alpha=2)
    slots, itself = layout.n_slots, len(_IMAGES) // 2
    squares = (squares + (apart**2).sum(dim=2, keepdim=True)).view(len(cells), slots, slots, len(_IMAGES))
    nobody = (~filled)[:, None, :, None].expand_as(squares).clone()
    nobody[:, range(slots), range(slots), itself] = True
    squares = squares.masked_fill(nobody, _NOWHERE)
    nearest = [
        block.flatten(2).topk(neighbours, dim=2, largest=False).values
        for block in torch.split(squares, list(layout.slots), dim=2)
    ]
    distances = torch.stack(nearest, dim=2).clamp(_LEAST_SQUARE, FARTHEST**2).sqrt()
    return Surroundings(distances, filled, torch.linalg.det(vectors).abs() / number.sum(dim=1))


def crowding(around: Surroundings, least: Tensor, layout: Layout, *, reach: float = 1.1) -> Tensor:
    """Penalty on atoms closer than `reach` times the least distances of their elements.

    Parameters
    ----------
    around
        Of n cells.
    least
        Å, shape (elements, elements).
    layout
        Of the cells.

    Returns
    -------
    Tensor
        Mean over cells of the sum over atoms and neighbours of squared missing shares of that distance.
    """
    owner = least.repeat_interleave(torch.tensor(layout.slots, device=least.device), dim=0)
    short = (reach - around.distances / owner[None, :, :, None]).clamp_min(0) ** 2
    penalty: Tensor = (short.sum(dim=(2, 3)) * around.filled).sum(dim=1).mean()
    return penalty
