"""The other networks of MatGAN: the published generator, which gives all cells of the 85 x 8 array at once; critics.

Know arrays, not how they are trained; the generator that writes cell by cell is in `sequential`.
"""

from __future__ import annotations

import itertools
from typing import Final

import torch
from torch import Tensor, nn

from .sequential import CELLS, SIZE

#: Compositions that pass the convolutions together, so that what is made of them stays small.
_TOGETHER: Final = 1 << 8

#: Rows, columns and channels from which the convolutional generator grows (doubled thrice: 88 x 8, cut to 85 x 8).
_SEED_SHAPE: Final = (11, 1)


class ConvolutionalGenerator(nn.Module):
    """The published generator: a dense layer, seven transposed convolutions with batch normalisation, a sigmoid.

    Dan et al., npj Comput. Mater. 6, 84 (2020), which gives the number and order of layers; the channels are ours.
    """

    def __init__(self, latent_size: int, channels: int) -> None:
        super().__init__()
        self.latent_size = latent_size
        self.channels = channels
        rows, columns = _SEED_SHAPE
        self.dense = nn.Linear(latent_size, channels * rows * columns)
        widths = [channels, channels, channels, channels // 2, channels // 2, channels // 4, channels // 4]
        layers: list[nn.Module] = [nn.BatchNorm2d(channels), nn.ReLU()]
        for index, (width, following) in enumerate(zip(widths, [*widths[1:], 1], strict=True)):
            doubles = index in {0, 2, 4}
            layers.append(
                nn.ConvTranspose2d(width, following, 4, 2, 1)
                if doubles
                else nn.ConvTranspose2d(width, following, 3, 1, 1)
            )
            if index < len(widths) - 1:
                layers += [nn.BatchNorm2d(following), nn.ReLU()]
        self.net = nn.Sequential(*layers)

    def forward(self, latent: Tensor) -> Tensor:
        """Cells, shape (n, 85, 8), each between 0 and 1."""
        seeds = _channels_last(self.dense(latent).reshape(-1, self.channels, *_SEED_SHAPE))
        return torch.sigmoid(self.net(seeds)[:, 0, :SIZE])

    def amounts(self, latent: Tensor) -> Tensor:
        """Atoms of each element as `one_hot.decode` reads them, uint8 of shape (n, 85)."""
        return torch.cat([self._amounts(part) for part in torch.split(latent, _TOGETHER)])

    def _amounts(self, latent: Tensor) -> Tensor:
        largest, where = self(latent).max(dim=2)
        return torch.where(largest >= 0.5, where + 1, 0).to(torch.uint8)


class DenseCritic(nn.Module):
    """Judges arrays by dense layers over all cells."""

    def __init__(self, width: int, layers: int) -> None:
        super().__init__()
        first = nn.Linear(CELLS, width)
        with torch.no_grad():
            # Of 680 cells some three are one: without this the layer would hardly answer to them.
            first.weight.mul_(8)
        hidden = [module for _ in range(layers - 1) for module in (nn.LeakyReLU(0.2), nn.Linear(width, width))]
        self.net = nn.Sequential(nn.Flatten(), first, *hidden, nn.LeakyReLU(0.2), nn.Linear(width, 1))

    def forward(self, array: Tensor) -> Tensor:
        """Values of the critic, shape (n,), of arrays (n, 85, 8)."""
        values: Tensor = self.net(array)
        return values.squeeze(1)


class ConvolutionalCritic(nn.Module):
    """The published critic: seven convolutions and a dense layer.

    Without the batch normalisation of the paper, as the gradient penalty asks each array to be judged by itself
    (Gulrajani et al., NeurIPS 2017). The channels are ours.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        widths = [1, channels // 4, channels // 4, channels // 2, channels // 2, channels, channels, channels]
        layers: list[nn.Module] = []
        for index, (width, following) in enumerate(itertools.pairwise(widths)):
            stride = 2 if index in {1, 3, 5} else 1
            layers += [nn.Conv2d(width, following, 3, stride, 1), nn.LeakyReLU(0.2)]
        rows, columns = _SEED_SHAPE
        self.net = nn.Sequential(*layers, nn.Flatten(), nn.Linear(channels * rows * columns, 1))

    def forward(self, array: Tensor) -> Tensor:
        """Values of the critic, shape (n,), of arrays (n, 85, 8)."""
        values: Tensor = self.net(_channels_last(array[:, None]))
        return values.squeeze(1)


def _channels_last(array: Tensor) -> Tensor:
    """Lay the channels of an array beside each other, by which a step in bfloat16 takes 0.85 of the time on a CPU."""
    return array.contiguous(memory_format=torch.channels_last)
