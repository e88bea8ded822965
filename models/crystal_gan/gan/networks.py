"""The published generator, critic and classifier, written as matrix products over rows of atoms.

Their convolutions have kernels as wide as a row (1 x 3) or of one number (1 x 1), so that each is one matrix applied
to every row: the same numbers as with convolutions, 1.5 to 1.8 times as fast on one core. Kim et al., ACS Cent. Sci.
6, 1412 (2020).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Final, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from ...structure.point_cloud import OFFSET, SCALE
from ...structure.point_cloud_layouts import CELL_ROWS, Layout
from .config import CrystalGanConfig
from .surroundings import Surroundings, filled_slots

SLOPE: Final = 0.2
"""Of LeakyReLU."""
_USUAL_DISTANCE: Final = 2.5
"""Å."""
_USUAL_LOG_VOLUME: Final = 2.45
"""Of Å^3 per atom, about those of oxides."""


def condition_size(layout: Layout) -> int:
    """Numbers that say which composition is asked for: the atoms in all, and one for each count of each element."""
    return 1 + layout.n_slots


def conditions(number: Tensor, layout: Layout) -> Tensor:
    """Write compositions, shape (n, elements), as the generator reads them: atoms over slots, then counts one-hot."""
    hot = [functional.one_hot(number[:, i] - 1, most) for i, most in enumerate(layout.slots)]
    total = number.sum(dim=1, keepdim=True) / layout.n_slots
    return torch.cat([total, *(counts.to(total.dtype) for counts in hot)], dim=1)


class Generator(nn.Module):
    """Noise and condition to a point cloud of shape (n, rows, 3)."""

    def __init__(self, config: CrystalGanConfig) -> None:
        super().__init__()
        layout = config.layout
        self.slots, self.seed_channels = layout.n_slots, config.seed_channels
        self.latent, self.layout = config.latent, layout
        first, *others = config.generator_channels
        self.first_channels = first
        self.filled_as_asked = config.neighbours > 0
        sizes = [config.latent + condition_size(layout), *config.generator_dense]
        ahead: list[nn.Module] = []
        for before, after in pairwise(sizes):
            ahead += [nn.Linear(before, after), nn.LayerNorm(after), nn.ReLU()]
        self.ahead = nn.Sequential(*ahead)
        self.dense = nn.Linear(sizes[-1], layout.n_slots * config.seed_channels)
        # One matrix makes the three columns of a row; they share the bias, as those of a transposed convolution do.
        self.columns = nn.Linear(config.seed_channels, 3 * first, bias=False)
        self.columns_bias = nn.Parameter(torch.zeros(first))
        self.columns_norm = nn.BatchNorm1d(first)
        widths = [first, *others]
        steps: list[nn.Module] = []
        for before, after in pairwise(widths):
            steps += [nn.Linear(before, after), nn.BatchNorm1d(after), nn.ReLU()]
        self.rows = nn.Sequential(*steps, nn.Linear(widths[-1], 1))
        self.cell = nn.Sequential(
            nn.Linear(3 * layout.n_slots, config.cell_hidden),
            nn.BatchNorm1d(config.cell_hidden),
            nn.ReLU(),
            nn.Linear(config.cell_hidden, 6),
        )
        self.apply(_start)

    def forward(self, noise: Tensor, number: Tensor) -> Tensor:
        """Make point clouds.

        Parameters
        ----------
        noise
            Shape (n, latent).
        number
            Atoms of each element, shape (n, elements), each from 1 to its slots.
        """
        seeds = functional.relu(self.dense(self.ahead(torch.cat([noise, conditions(number, self.layout)], dim=1))))
        numbers = self.columns(seeds.view(-1, self.seed_channels)).view(-1, self.first_channels)
        places = self.rows(functional.relu(self.columns_norm(numbers + self.columns_bias))).view(len(noise), -1)
        cell = self.cell(places)
        cells = torch.sigmoid(torch.cat([cell, places], dim=1)).view(len(noise), CELL_ROWS + self.slots, 3)
        return self._as_asked(cells, number) if self.filled_as_asked else cells

    def _as_asked(self, cells: Tensor, number: Tensor) -> Tensor:
        """Empty the slots that are to be empty, and bring atoms to where filled ones can be."""
        places = (OFFSET + SCALE * cells[:, CELL_ROWS:]) * filled_slots(number, self.layout)[:, :, None]
        return torch.cat([cells[:, :CELL_ROWS], places], dim=1)


class Critic(nn.Module):
    """Point clouds to one number each, higher the more real they look; the order of slots does not matter."""

    def __init__(self, config: CrystalGanConfig) -> None:
        super().__init__()
        self.parts = (1, 1, *config.layout.slots)
        widths = (3, *config.critic_channels)
        steps: list[nn.Module] = []
        for before, after in pairwise(widths):
            steps += [nn.Linear(before, after), nn.LeakyReLU(SLOPE)]
        self.rows = nn.Sequential(*steps)
        self.dense = _dense([widths[-1] * len(self.parts), *config.critic_dense, 1])
        self.apply(_start)

    def forward(self, cells: Tensor) -> Tensor:
        """Judge cells, shape (n, rows, 3)."""
        rows = self.rows(cells)
        parts = torch.cat([part.mean(dim=1) for part in torch.split(rows, list(self.parts), dim=1)], dim=1)
        value: Tensor = self.dense(parts)[:, 0]
        return value


class SurroundingsCritic(nn.Module):
    """Surroundings of the atoms of cells, and compositions, to one number each, higher the more real they look.

    Every atom through the same layers, the mean over each element's, then layers that also see composition and volume.
    """

    def __init__(self, config: CrystalGanConfig) -> None:
        super().__init__()
        self.layout = config.layout
        elements = len(config.layout.elements)
        names = torch.eye(elements).repeat_interleave(torch.tensor(config.layout.slots), dim=0)
        self.register_buffer("names", names, persistent=False)
        self.names: Tensor
        widths = [elements * (config.neighbours + 1), *config.critic_channels]
        steps: list[nn.Module] = []
        for before, after in pairwise(widths):
            steps += [nn.Linear(before, after), nn.LeakyReLU(SLOPE)]
        self.atoms = nn.Sequential(*steps)
        seen = elements * widths[-1] + 1 + condition_size(config.layout)
        self.dense = _dense([seen, *config.critic_dense, 1])
        self.apply(_start)

    def forward(self, around: Surroundings, number: Tensor) -> Tensor:
        """Judge n cells of compositions of shape (n, elements)."""
        seen = (around.distances - _USUAL_DISTANCE).flatten(2)
        atoms = self.atoms(torch.cat([seen, self.names.expand(len(seen), -1, -1)], dim=2))
        atoms = atoms * around.filled[:, :, None]
        means = [
            part.sum(dim=1) / number[:, i, None]
            for i, part in enumerate(torch.split(atoms, list(self.layout.slots), dim=1))
        ]
        volume = around.volume[:, None].log() - _USUAL_LOG_VOLUME
        value: Tensor = self.dense(torch.cat([*means, volume, conditions(number, self.layout)], dim=1))[:, 0]
        return value


class Classified(NamedTuple):
    """Logits, element by element: of empty and filled, shape (n, slots, 2), and of each count from 1, (n, slots)."""

    slots: list[Tensor]
    counts: list[Tensor]


class Classifier(nn.Module):
    """Point clouds to what they hold: which slots are filled, and how many atoms of each element there are."""

    def __init__(self, config: CrystalGanConfig) -> None:
        super().__init__()
        self.parts = (CELL_ROWS, *config.layout.slots)
        self.rows = nn.ModuleList()
        self.dense = nn.ModuleList()
        for most in config.layout.slots:
            widths = (3, *config.classifier_channels)
            steps: list[nn.Module] = []
            for before, after in pairwise(widths):
                steps += [nn.Linear(before, after), nn.BatchNorm1d(after), nn.LeakyReLU(SLOPE)]
            self.rows.append(nn.Sequential(*steps, nn.Linear(widths[-1], 2)))
            sizes = (2 * most, *config.classifier_dense)
            steps = []
            for before, after in pairwise(sizes):
                steps += [nn.Linear(before, after), nn.BatchNorm1d(after), nn.LeakyReLU(SLOPE)]
            self.dense.append(nn.Sequential(*steps, nn.Linear(sizes[-1], most)))
        self.apply(_start)

    def forward(self, cells: Tensor) -> Classified:
        """Classify cells, shape (n, rows, 3). Softmax is left to the loss."""
        slots, counts = [], []
        for block, rows, dense in zip(
            torch.split(cells, list(self.parts), dim=1)[1:], self.rows, self.dense, strict=True
        ):
            logits = rows(block.reshape(-1, 3)).view(len(cells), -1, 2)
            slots.append(logits)
            counts.append(dense(logits.flatten(1)))
        return Classified(slots, counts)


def _dense(sizes: Sequence[int]) -> nn.Sequential:
    steps: list[nn.Module] = []
    for before, after in pairwise(sizes):
        steps += [nn.Linear(before, after), nn.LeakyReLU(SLOPE)]
    return nn.Sequential(*steps[:-1])


def _start(module: nn.Module) -> None:
    """Start from Glorot's uniform weights and no bias, as the published code does."""
    if isinstance(module, nn.Linear):
        nn.init.xavier_uniform_(module.weight)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
