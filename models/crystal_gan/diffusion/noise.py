"""Putting noise on crystals, and taking it off again step by step until a new crystal is left.

Noise on atoms spreads with its deviation (Song et al., ICLR 2021, "variance exploding"), round the cell, so that with
much of it atoms lie anywhere; cells are strained in proportion. Tensors in, tensors out; the network is given.
"""

from __future__ import annotations

from math import log, sqrt
from typing import NamedTuple

import torch
from torch import Tensor

from .config import DiffusionConfig
from .denoiser import Denoiser

_MOST_STRAIN = 4.0
"""Deviations: no step believes in more."""


class Noised(NamedTuple):
    """Crystals with noise, and the noise as the network is to tell it (`Denoiser.forward`)."""

    fractional: Tensor
    vectors: Tensor
    on_atoms: Tensor
    on_cell: Tensor


def levels(n: int, config: DiffusionConfig) -> Tensor:
    """Draw deviations of noise in Å, evenly by their logarithm, shape (n,)."""
    low, high = log(config.least_noise), log(config.most_noise)
    return (low + (high - low) * torch.rand(n)).exp()


def noised(fractional: Tensor, vectors: Tensor, noise: Tensor, config: DiffusionConfig) -> Noised:
    """Put noise on crystals of one size.

    Parameters
    ----------
    fractional
        Shape (n, atoms, 3).
    vectors
        Cell vectors as rows in Å, shape (n, 3, 3).
    noise
        Å, shape (n,).
    """
    strain = _symmetric(torch.randn(vectors.shape)).to(vectors.device)
    unity = torch.eye(3, device=vectors.device)
    deviation = (config.strain * noise).clamp_max(config.most_strain)
    strained = vectors @ (unity + deviation[:, None, None] * strain)
    moved = torch.randn(fractional.shape).to(vectors.device)
    shifted = fractional + _fractional(noise[:, None, None] * moved, strained)
    return Noised(shifted, strained, moved - moved.mean(dim=1, keepdim=True), strain)


@torch.inference_mode()
def denoised(
    network: Denoiser, vectors: Tensor, kinds: Tensor, config: DiffusionConfig, seed: int, *, at_once: int
) -> tuple[Tensor, Tensor]:
    """Make crystals of one size from atoms anywhere in given cells.

    Parameters
    ----------
    network
        A trained one.
    vectors
        Cell vectors as rows in Å, shape (n, 3, 3).
    kinds
        Number of each atom's element, shape (n, atoms).
    config
        Of the network.
    seed
        The same seed gives the same ones.
    at_once
        Random numbers are drawn for so many, so that the first crystals do not depend on how many are wanted.

    Returns
    -------
    Tensor, Tensor
        Fractional coordinates within the cell, and cell vectors.
    """
    random = torch.Generator().manual_seed(seed)
    device = vectors.device
    unity = torch.eye(3, device=device)

    def draw(like: Tensor) -> Tensor:
        return torch.randn((at_once, *like.shape[1:]), generator=random)[: len(like)].to(device)

    fractional = torch.rand((at_once, kinds.shape[1], 3), generator=random)[: len(kinds)].to(device)
    # What a cell of another crystal is strained by already counts as half of the first noise.
    vectors = vectors @ (unity + config.most_strain / sqrt(2) * _symmetric(draw(vectors)))
    ladder = torch.linspace(log(config.most_noise), log(config.least_noise), config.steps).exp().tolist()
    for now, following in zip(ladder, [*ladder[1:], 0.0], strict=True):
        on_atoms, on_cell = network(fractional, vectors, kinds, torch.full((len(kinds),), now, device=device))
        change, anew = _ancestral(now, following)
        step = change * on_atoms + anew * draw(fractional)
        fractional = torch.remainder(fractional + _fractional(step, vectors), 1.0)
        change, anew = _ancestral(*(min(config.strain * level, config.most_strain) for level in (now, following)))
        strain = change * on_cell.clamp(-_MOST_STRAIN, _MOST_STRAIN) + anew * _symmetric(draw(vectors))
        vectors = vectors @ (unity + strain)
    return fractional, vectors


def _ancestral(now: float, following: float) -> tuple[float, float]:
    """Say by how much noise changes from one level to the next, and how much is put on anew after it was taken off."""
    anew = following * sqrt(1 - (following / now) ** 2)
    return sqrt(following**2 - anew**2) - now, anew


def _symmetric(matrices: Tensor) -> Tensor:
    return (matrices + matrices.transpose(1, 2)) / sqrt(2)


def _fractional(cartesian: Tensor, vectors: Tensor) -> Tensor:
    solved: Tensor = torch.linalg.solve(vectors.transpose(1, 2), cartesian.transpose(1, 2)).transpose(1, 2)
    return solved
