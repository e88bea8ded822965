"""The networks of MatGAN: generators that fill the 85 x 8 array of a composition, critics that judge it.

Two generators: the published one, transposed convolutions, which gives all cells at once; and one that writes cell by
cell, each in view of those before, so that only whole compositions come out. Knows arrays, not how they are trained.
"""

from __future__ import annotations

import itertools
from typing import Final

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from .elements import ATOMIC_NUMBERS, ELECTRONEGATIVITY_RANKS
from .one_hot import ELEMENTS, MAX_AMOUNT, SHAPE

SIZE: Final = len(ELEMENTS)
CELLS: Final = SIZE * MAX_AMOUNT

#: The sign that no further cell follows, after the numbers of the cells.
END: Final = CELLS

#: Most elements that the sequential generator writes.
MAX_ELEMENTS: Final = 8

#: Rows of the array in the order of writing: the most electronegative first, so that cations answer to anions.
ORDER: Final = np.argsort([-int(ELECTRONEGATIVITY_RANKS[ATOMIC_NUMBERS[symbol]]) for symbol in ELEMENTS])

#: Where an element can't stand; finite, so that differences of such values are no NaN.
_NEVER: Final = -1e9

#: Compositions that pass the network together in writing, so that what is made of them stays small.
_TOGETHER: Final = 1 << 12
_TOGETHER_CONVOLVED: Final = 1 << 8

#: Rows, columns and channels from which the convolutional generator grows (doubled thrice: 88 x 8, cut to 85 x 8).
_SEED_SHAPE: Final = (11, 1)


class SequentialGenerator(nn.Module):
    """Writes one cell after the other: the network reads the unfinished array and gives each next cell's probability.

    A normal number for each step, through its distribution function, decides which cell is taken.

    Parameters
    ----------
    width
        Of the hidden layers.
    dropout
        Share of hidden values left out in training by likelihood.
    """

    def __init__(self, width: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.width = width
        self.latent_size = MAX_ELEMENTS
        self.cells = nn.Embedding(CELLS + 1, width, padding_idx=END)
        nn.init.normal_(self.cells.weight, std=0.3)
        with torch.no_grad():
            self.cells.weight[END] = 0
        self.start = nn.Parameter(torch.zeros(width))
        self.net = nn.Sequential(
            nn.LayerNorm(width),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(width, width),
            nn.LayerNorm(width),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(width, CELLS + 1),
        )
        self.register_buffer("places", torch.arange(CELLS + 1) // MAX_AMOUNT, persistent=False)
        self.register_buffer("order", torch.from_numpy(ORDER), persistent=False)
        self.places: Tensor
        self.order: Tensor

    def logits(self, sums: Tensor, last: Tensor) -> Tensor:
        """Give the logits of the next cell, shape (n, 681), from the summed cells and the place of the last element."""
        logits: Tensor = self.net(sums + self.start)
        barred = self.places <= last[:, None]
        barred[:, END] = last < 0  # a composition has at least one element
        return logits.masked_fill(barred, _NEVER)

    def negative_log_likelihood(self, written: Tensor) -> Tensor:
        """Give -log p of compositions, shape (n,), written as `write` gives them."""
        length = int((written < END).sum(1).max()) + 1
        written = written[:, : min(length, MAX_ELEMENTS)]
        before = written[:, :-1]
        sums = functional.pad(self.cells(before).cumsum(1), (0, 0, 1, 0))
        last = functional.pad(before // MAX_AMOUNT, (1, 0), value=-1)
        open_ = last < SIZE
        losses = functional.cross_entropy(self.logits(sums[open_], last[open_]), written[open_], reduction="none")
        return torch.zeros(written.shape, device=written.device).masked_scatter(open_, losses).sum(1)

    @torch.no_grad()
    def write(self, latent: Tensor, *, temperature: float = 1.0) -> Tensor:
        """Write compositions as numbers of cells in order of writing, shape (n, 8), `END` where they are finished.

        Draws that have begun alike share one pass through the network.

        Parameters
        ----------
        latent
            Normal numbers, shape (n, 8): one for each cell.
        temperature
            Below one it keeps to what is likely.
        """
        device = latent.device
        chances = torch.special.ndtr(latent.double()).clamp_(max=1 - 1e-12)
        written = torch.full((len(latent), MAX_ELEMENTS), END, device=device)
        going = torch.arange(len(latent), device=device)
        beginnings = torch.zeros(len(latent), dtype=torch.long, device=device)
        sums = torch.zeros(1, self.width, device=device)
        last = torch.full((1,), -1, device=device)
        for step in range(MAX_ELEMENTS):
            heaped = torch.cat(
                [
                    self._heaped(*part, temperature)
                    for part in zip(torch.split(sums, _TOGETHER), torch.split(last, _TOGETHER), strict=True)
                ]
            )
            # One search for all draws: the chances of beginning i are heaped from i to i + 1.
            heaped += torch.arange(len(heaped), device=device)[:, None]
            found = torch.searchsorted(heaped.reshape(-1), beginnings + chances[going, step], right=True)
            cells = (found - beginnings * (CELLS + 1)).clamp_(0, END)
            written[going, step] = cells
            unfinished = cells < END
            going = going[unfinished]
            if not len(going):
                break
            longer, beginnings = torch.unique(
                beginnings[unfinished] * (CELLS + 1) + cells[unfinished], return_inverse=True
            )
            cells = longer % (CELLS + 1)
            sums = sums[longer // (CELLS + 1)] + self.cells(cells)
            last = cells // MAX_AMOUNT
        return written

    def _heaped(self, sums: Tensor, last: Tensor, temperature: float) -> Tensor:
        """Give the cumulative chances of the next cell, shape (n, 681), the last of them one."""
        chances = torch.softmax(self.logits(sums, last) / temperature, dim=1)
        heaped = chances.cumsum(1, dtype=torch.float64)
        return heaped.div_(heaped[:, -1:].clone())

    def as_array(self, written: Tensor) -> Tensor:
        """Fill the array, shape (n, 85, 8), float zeros and ones."""
        ordered = torch.zeros(len(written), CELLS + 1, device=written.device).scatter_(1, written, 1.0)
        array = torch.zeros(len(written), *SHAPE, device=written.device)
        array[:, self.order] = ordered[:, :CELLS].reshape(-1, *SHAPE)
        return array

    def as_written(self, array: Tensor) -> Tensor:
        """Read arrays of zeros and ones, shape (n, 85, 8), as numbers of cells in order of writing, shape (n, 8)."""
        rows, numbers = torch.nonzero(array[:, self.order].reshape(len(array), -1), as_tuple=True)
        counts = torch.bincount(rows, minlength=len(array))
        written = torch.full((len(array), MAX_ELEMENTS), END, device=array.device)
        written[rows, torch.arange(len(rows), device=array.device) - (counts.cumsum(0) - counts)[rows]] = numbers
        return written

    def amounts(self, latent: Tensor, *, temperature: float = 1.0) -> Tensor:
        """Give the atoms of each element, uint8 of shape (n, 85), as `write` writes them."""
        written = self.write(latent, temperature=temperature)
        rows, steps = torch.nonzero(written < END, as_tuple=True)
        cells = written[rows, steps]
        amounts = torch.zeros(len(latent), SIZE, dtype=torch.uint8, device=latent.device)
        amounts[rows, self.order[cells // MAX_AMOUNT]] = (cells % MAX_AMOUNT + 1).to(torch.uint8)
        return amounts


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
        """Give the cells, shape (n, 85, 8), each between 0 and 1."""
        seeds = self.dense(latent).reshape(-1, self.channels, *_SEED_SHAPE)
        return torch.sigmoid(self.net(seeds)[:, 0, :SIZE])

    def amounts(self, latent: Tensor) -> Tensor:
        """Give the atoms of each element as `one_hot.decode` reads them, uint8 of shape (n, 85)."""
        return torch.cat([self._amounts(part) for part in torch.split(latent, _TOGETHER_CONVOLVED)])

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
        """Give the critic's values, shape (n,), of arrays (n, 85, 8)."""
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
        """Give the critic's values, shape (n,), of arrays (n, 85, 8)."""
        values: Tensor = self.net(array[:, None])
        return values.squeeze(1)
