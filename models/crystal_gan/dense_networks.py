"""The networks of the profile `improved`: dense layers, the composition forced, and an encoder to start the generator.

The slots that hold atoms are those the composition asks for: what is decoded has the composition asked for by
construction, not by learning. The encoder makes the generator the decoder of an autoencoder as well (Larsen et al.,
ICML 48, 1558 (2016)), so that it knows real crystals before the critic begins. Cells are in their canonical setting.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import pi
from typing import Final, NamedTuple

import torch
from torch import Tensor, nn

from ..structure.layouts import CELL_ROWS
from ..structure.point_cloud import OFFSET, SCALE
from .config import CrystalGanConfig
from .environments import Environments
from .networks import SLOPE, condition_size, conditions, filled_slots

_CENTRE: Final = 0.4
_SPREAD: Final = 0.25
"""About what the numbers of canonical cells have; they are brought to 0 and 1 for the layers."""
_CENTRE_DISTANCE: Final = 2.5
"""Å."""
_CENTRE_VOLUME: Final = 11.5
_SPREAD_VOLUME: Final = 2.0
"""Å^3 per atom, about those of oxides."""
_LEAST_VARIANCE: Final = 1e-4  # the root of 0 has no slope
_LOG_DEVIATION: Final = (-8.0, 2.0)
_FIRST_LOG_DEVIATION: Final = -2.0


class DenseGenerator(nn.Module):
    """Noise and condition to a point cloud of shape (n, rows, 3), with exactly the atoms asked for."""

    def __init__(self, config: CrystalGanConfig) -> None:
        super().__init__()
        self.layout = config.layout
        size = config.latent + condition_size(config.layout) + config.layout.n_slots
        self.layers = _normalised([size, *config.generator_channels, 3 * config.layout.shape[0]])

    def forward(self, noise: Tensor, number: Tensor) -> Tensor:
        """Make point clouds of compositions, shape (n, elements), each number from 1 to the element's slots."""
        filled = filled_slots(number, self.layout)
        cells = self.layers(torch.cat([noise, conditions(number, self.layout), filled], dim=1))
        cells = torch.sigmoid(cells).view(len(noise), *self.layout.shape)
        return torch.cat([cells[:, :CELL_ROWS], cells[:, CELL_ROWS:] * filled[:, :, None]], dim=1)


class EnvironmentCritic(nn.Module):
    """Surroundings of the atoms of cells and their compositions to one number each, higher the more real they look.

    Every atom through the same layers, the mean over each element's, then dense layers that also see composition,
    volume per atom, and how much the cells of a pack differ from each other.
    """

    def __init__(self, config: CrystalGanConfig) -> None:
        super().__init__()
        self.layout = config.layout
        elements = len(config.layout.elements)
        width = config.critic_channels[-1]
        self.atoms = _leaky([elements * config.neighbours + elements, *config.critic_channels], last=True)
        self.pack = config.pack
        seen = (elements * width + 1) * (1 if config.pack == 1 else 2)
        self.cells = _leaky([seen + condition_size(config.layout), *config.critic_dense, 1], last=False)

    def forward(self, around: Environments, number: Tensor) -> Tensor:
        """Judge cells by the surroundings of their atoms; compositions, shape (n, elements), are alike in each pack."""
        distances = around.distances
        names = torch.eye(len(around.slots), dtype=distances.dtype, device=distances.device)
        owner = names.repeat_interleave(torch.tensor(around.slots, device=distances.device), dim=0)
        seen = (distances - _CENTRE_DISTANCE).flatten(2)
        atoms = self.atoms(torch.cat([seen, owner.expand(len(distances), -1, -1)], dim=2))
        atoms = atoms * around.filled[:, :, None]
        means = [
            part.sum(dim=1) / number[:, i, None] for i, part in enumerate(torch.split(atoms, list(around.slots), dim=1))
        ]
        volume = (around.volume[:, None] - _CENTRE_VOLUME) / _SPREAD_VOLUME
        seen = torch.cat([*means, volume], dim=1)
        if self.pack > 1:
            packs = seen.view(-1, self.pack, seen.shape[1])
            spread = (packs.var(dim=1, unbiased=False, keepdim=True) + _LEAST_VARIANCE).sqrt()
            seen = torch.cat([seen, spread.expand_as(packs).reshape(seen.shape)], dim=1)
        value: Tensor = self.cells(torch.cat([seen, conditions(number, self.layout)], dim=1))[:, 0]
        return value


class Code(NamedTuple):
    """Normal distributions of noise, each of shape (n, latent)."""

    mean: Tensor
    log_deviation: Tensor

    def draw(self) -> Tensor:
        """Draw noise, differentiably."""
        return self.mean + self.log_deviation.exp() * torch.randn_like(self.mean)

    def divergence(self) -> Tensor:
        """Kullback-Leibler divergence from the standard normal distribution, summed over the noise, mean over cells."""
        each = 0.5 * (self.mean**2 + (2 * self.log_deviation).exp() - 1) - self.log_deviation
        return each.sum(dim=1).mean()


class Encoder(nn.Module):
    """Real cells to the noise they come from."""

    def __init__(self, config: CrystalGanConfig) -> None:
        super().__init__()
        self.layout = config.layout
        self.layers = _normalised([_seen_size(config), *config.encoder_channels, 2 * config.latent])

    def forward(self, cells: Tensor, number: Tensor) -> Code:
        """Give the distribution of each cell's noise."""
        mean, log_deviation = self.layers(_seen(cells, filled_slots(number, self.layout))).chunk(2, dim=1)
        return Code(mean, (log_deviation + _FIRST_LOG_DEVIATION).clamp(*_LOG_DEVIATION))


def _seen(cells: Tensor, filled: Tensor) -> Tensor:
    """Give what the encoder sees of a cell: numbers, filled slots, and places on circles, which have no edge."""
    turns = (cells[:, CELL_ROWS:] - OFFSET) * (2 * pi / SCALE)
    circles = torch.cat([turns.sin(), turns.cos()], dim=2) * filled[:, :, None]
    return torch.cat([(cells.flatten(1) - _CENTRE) / _SPREAD, filled, circles.flatten(1)], dim=1)


def _seen_size(config: CrystalGanConfig) -> int:
    return 3 * config.layout.shape[0] + 7 * config.layout.n_slots


def _normalised(sizes: Sequence[int]) -> nn.Sequential:
    steps: list[nn.Module] = []
    for before, after in pairwise(sizes[:-1]):
        steps += [nn.Linear(before, after), nn.LayerNorm(after), nn.ReLU()]
    return nn.Sequential(*steps, nn.Linear(sizes[-2], sizes[-1]))


def _leaky(sizes: Sequence[int], *, last: bool) -> nn.Sequential:
    steps: list[nn.Module] = []
    for before, after in pairwise(sizes):
        steps += [nn.Linear(before, after), nn.LeakyReLU(SLOPE)]
    return nn.Sequential(*(steps if last else steps[:-1]))
