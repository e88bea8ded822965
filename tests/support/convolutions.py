"""The published networks written with convolutions, as the paper describes them, with the weights of ours put in."""

from itertools import pairwise

import torch
from exfolio.models.crystal_gan.gan.config import CrystalGanConfig
from exfolio.models.crystal_gan.gan.networks import SLOPE, Critic, Generator, conditions
from torch import Tensor, nn


class ConvolvedGenerator(nn.Module):
    """Dense layer, transposed convolutions of 1 x 3 and 1 x 1, and the dense layers of the cell."""

    def __init__(self, config: CrystalGanConfig, ours: Generator) -> None:
        super().__init__()
        self.layout, self.seed = config.layout, config.seed_channels
        slots, first, *others = config.layout.n_slots, *config.generator_channels
        self.dense = nn.Linear(ours.dense.in_features, slots * self.seed)
        widths = [first, *others, 1]
        steps: list[nn.Module] = [nn.ConvTranspose2d(self.seed, first, (1, 3)), nn.BatchNorm2d(first), nn.ReLU()]
        for before, after in pairwise(widths):
            steps += [nn.ConvTranspose2d(before, after, (1, 1)), nn.BatchNorm2d(after), nn.ReLU()]
        self.rows = nn.Sequential(*steps[:-2])
        self.cell = nn.Sequential(
            nn.Linear(3 * slots, config.cell_hidden),
            nn.BatchNorm1d(config.cell_hidden),
            nn.ReLU(),
            nn.Linear(config.cell_hidden, 6),
        )
        with torch.no_grad():
            by_channel = ours.dense.weight.view(slots, self.seed, -1).transpose(0, 1)
            self.dense.weight.copy_(by_channel.reshape(slots * self.seed, -1))
            self.dense.bias.copy_(ours.dense.bias.view(slots, self.seed).t().reshape(-1))
            opening = self.rows[0]
            assert isinstance(opening, nn.ConvTranspose2d)
            assert opening.bias is not None
            opening.weight.copy_(ours.columns.weight.view(3, first, self.seed).permute(2, 1, 0)[:, :, None])
            opening.bias.copy_(ours.columns_bias)
            _copy(self.rows[1], ours.columns_norm)
            for theirs, mine in zip(list(self.rows)[3:], ours.rows, strict=True):
                _copy(theirs, mine)
            for theirs, mine in zip(self.cell, ours.cell, strict=True):
                _copy(theirs, mine)

    def forward(self, noise: Tensor, number: Tensor) -> Tensor:
        seeds = torch.relu(self.dense(torch.cat([noise, conditions(number, self.layout)], dim=1)))
        places = self.rows(seeds.view(len(noise), self.seed, -1, 1))
        cell = self.cell(places.flatten(1)).view(len(noise), 1, 2, 3)
        return torch.sigmoid(torch.cat([cell, places], dim=2))[:, 0]


class ConvolvedCritic(nn.Module):
    """Convolutions of 1 x 3 and 1 x 1, the mean over each element's rows, dense layers."""

    def __init__(self, config: CrystalGanConfig, ours: Critic) -> None:
        super().__init__()
        self.parts = (1, 1, *config.layout.slots)
        widths = (1, *config.critic_channels)
        steps: list[nn.Module] = []
        for depth, (before, after) in enumerate(pairwise(widths)):
            steps += [nn.Conv2d(before, after, (1, 3 if depth == 0 else 1)), nn.LeakyReLU(SLOPE)]
        self.rows, self.dense = nn.Sequential(*steps), nn.Sequential()
        for theirs, mine in zip(self.rows, ours.rows, strict=True):
            _copy(theirs, mine)
        for place, mine in enumerate(ours.dense):
            layer = (
                nn.Linear(mine.in_features, mine.out_features) if isinstance(mine, nn.Linear) else nn.LeakyReLU(SLOPE)
            )
            if place == 0 and isinstance(layer, nn.Linear) and isinstance(mine, nn.Linear):
                with torch.no_grad():
                    by_part = mine.weight.view(-1, len(self.parts), widths[-1]).transpose(1, 2)
                    layer.weight.copy_(by_part.reshape(mine.out_features, -1))
                    layer.bias.copy_(mine.bias)
            else:
                _copy(layer, mine)
            self.dense.append(layer)

    def forward(self, cells: Tensor) -> Tensor:
        rows = self.rows(cells[:, None])
        parts = torch.cat([part.mean(dim=2, keepdim=True) for part in rows.split(self.parts, dim=2)], dim=2)
        value: Tensor = self.dense(parts.flatten(1))[:, 0]
        return value


@torch.no_grad()
def _copy(theirs: nn.Module, mine: nn.Module) -> None:
    """Put the weights of a layer into one of another shape, but the same numbers in the same order."""
    mine_state = mine.state_dict()
    for name, value in theirs.state_dict().items():
        if isinstance(theirs, nn.ConvTranspose2d) and name == "weight":
            value.copy_(mine_state[name].t().reshape(value.shape))
        else:
            value.copy_(mine_state[name].reshape(value.shape))
