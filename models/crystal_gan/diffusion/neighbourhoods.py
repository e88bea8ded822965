"""The nearest atoms around each atom of crystals of one size, many crystals at once, as tensors without gradients.

Of each pair the 27 images about the nearest one are looked at, enough for cells that are about Niggli-reduced.
"""

from __future__ import annotations

from itertools import product
from math import sqrt
from typing import Final, NamedTuple

import torch
from torch import Tensor

_ITSELF: Final = 1e6  # Å^2: an atom is no neighbour of itself, its images are
_LEAST_SQUARE: Final = 1e-4  # Å^2: directions stay finite
_IMAGES: Final = tuple(product((-1.0, 0.0, 1.0), repeat=3))


class Neighbourhoods(NamedTuple):
    """What m atoms have around them, k neighbours each.

    Attributes
    ----------
    atoms
        Which atoms they are, counted through all crystals, shape (m, k).
    distances
        Å, ascending, shape (m, k).
    directions
        Unit vectors towards them as columns, shape (m, 3, k).
    tensors
        Their outer products with themselves, in Mandel's notation xx, yy, zz, √2 xy, √2 yz, √2 xz: shape (m, 6, k).
    """

    atoms: Tensor
    distances: Tensor
    directions: Tensor
    tensors: Tensor


@torch.no_grad()
def neighbourhoods(fractional: Tensor, vectors: Tensor, k: int) -> Neighbourhoods:
    """Find the k nearest atoms of every atom.

    Parameters
    ----------
    fractional
        Shape (crystals, atoms, 3).
    vectors
        Cell vectors as rows in Å, shape (crystals, 3, 3).
    k
        At most 26, which every crystal has.
    """
    crystals, atoms, _ = fractional.shape
    apart = fractional[:, None] - fractional[:, :, None]
    apart = (apart - apart.round()).flatten(1, 2) @ vectors
    images = torch.tensor(_IMAGES, dtype=vectors.dtype, device=vectors.device) @ vectors
    squares = torch.baddbmm((images**2).sum(dim=2)[:, None], apart, images.transpose(1, 2), alpha=2)
    squares = (squares + (apart**2).sum(dim=2, keepdim=True)).view(crystals, atoms, atoms, len(_IMAGES))
    each = torch.arange(atoms, device=vectors.device)
    squares[:, each, each, len(_IMAGES) // 2] = _ITSELF
    nearest, place = squares.view(crystals, atoms, -1).topk(k, dim=2, largest=False)
    neighbour, image = place // len(_IMAGES), place % len(_IMAGES)
    crystal = torch.arange(crystals, device=vectors.device)[:, None, None]
    towards = apart.view(crystals, atoms, atoms, 3)[crystal, each[None, :, None], neighbour] + images[crystal, image]
    distances = nearest.clamp_min(_LEAST_SQUARE).sqrt()
    unit = (towards / distances[..., None]).flatten(0, 1)
    x, y, z = unit.unbind(dim=2)
    tensors = torch.stack([x * x, y * y, z * z, sqrt(2) * x * y, sqrt(2) * y * z, sqrt(2) * x * z], dim=1)
    counted = (neighbour + atoms * crystal).flatten(0, 1)
    return Neighbourhoods(counted, distances.flatten(0, 1), unit.transpose(1, 2), tensors)


def symmetric(mandel: Tensor) -> Tensor:
    """Symmetric matrices, shape (n, 3, 3), from Mandel's notation, shape (n, 6)."""
    xx, yy, zz, xy, yz, xz = (
        mandel / torch.tensor([1, 1, 1, *[sqrt(2)] * 3], dtype=mandel.dtype, device=mandel.device)
    ).unbind(dim=1)
    return torch.stack([xx, xy, xz, xy, yy, yz, xz, yz, zz], dim=1).view(-1, 3, 3)
