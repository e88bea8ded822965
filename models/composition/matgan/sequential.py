"""The sequential generator of MatGAN: writes a composition cell by cell, each in view of those before.

So only whole compositions come out, and each is known by its likelihood. Knows the 85 x 8 array, not how it is trained.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from ..formula.elements import ATOMIC_NUMBERS, ELECTRONEGATIVITY_RANKS
from ..one_hot import ELEMENTS, MAX_AMOUNT, SHAPE

SIZE: Final = len(ELEMENTS)
CELLS: Final = SIZE * MAX_AMOUNT

#: The sign that no further cell follows, after the numbers of the cells.
END: Final = CELLS

#: Most elements that are written.
MAX_ELEMENTS: Final = 8

#: Rows of the array in the order of writing: the most electronegative first, so that cations answer to anions.
ORDER: Final = np.argsort([-int(ELECTRONEGATIVITY_RANKS[ATOMIC_NUMBERS[symbol]]) for symbol in ELEMENTS])

#: Where an element can't stand; finite, so that differences of such values are no NaN.
_NEVER: Final = -1e9

#: Beginnings that pass the network together in writing, so that what is made of them stays small.
_TOGETHER: Final = 1 << 10


class Written(NamedTuple):
    """Compositions as numbers of cells in order of writing, and how likely each was.

    Attributes
    ----------
    cells
        Shape (n, 8), `END` where they are finished.
    log_likelihood
        Natural logarithms, shape (n,).
    """

    cells: Tensor
    log_likelihood: Tensor


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
        """Logits of the next cell, shape (n, 681), from the summed cells and the place of the last element."""
        return self._bar(self.net(sums + self.start), last, 0)

    def _bar(self, logits: Tensor, last: Tensor, first: int) -> Tensor:
        """Put `_NEVER` where the order of writing forbids an element; the columns begin with the element `first`."""
        barred = self.places[first * MAX_AMOUNT :] <= last[:, None]
        barred[:, -1] = last < 0  # a composition has at least one element
        return logits.masked_fill(barred, _NEVER)

    def negative_log_likelihood(self, written: Tensor) -> Tensor:
        """Negative logarithms of the likelihoods of compositions, shape (n,), written as `write` gives them.

        Those that begin alike share one pass through the network (and what dropout leaves out in it).
        """
        device = written.device
        going = torch.arange(len(written), device=device)
        beginnings = torch.zeros(len(written), dtype=torch.long, device=device)
        sums = torch.zeros(1, self.width, device=device)
        last = torch.full((1,), -1, device=device)
        passes: list[tuple[Tensor, Tensor]] = []
        asked: list[tuple[Tensor, Tensor, Tensor]] = []
        begun = 0
        for step in range(MAX_ELEMENTS):
            cells = written[going, step]
            passes.append((sums, last))
            asked.append((beginnings + begun, cells, going))
            begun += len(sums)
            unfinished = cells < END
            if not unfinished.any():
                break
            going = going[unfinished]
            longer, beginnings = torch.unique(
                beginnings[unfinished] * (CELLS + 1) + cells[unfinished], return_inverse=True
            )
            cells = longer % (CELLS + 1)
            sums = sums[longer // (CELLS + 1)] + self.cells(cells)
            last = cells // MAX_AMOUNT
        logs = torch.log_softmax(self.logits(*(torch.cat(parts) for parts in zip(*passes, strict=True))), dim=1)
        rows, cells, owners = (torch.cat(parts) for parts in zip(*asked, strict=True))
        return torch.zeros(len(written), device=device).index_add(0, owners, -logs[rows, cells])

    @torch.no_grad()
    def write(self, latent: Tensor, *, temperature: float = 1.0) -> Written:
        """Write compositions.

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
        log_likelihood = torch.zeros(len(latent), dtype=torch.float64, device=device)
        # Unfinished draws in the order of their beginnings, which are in the order of their last elements.
        going = torch.arange(len(latent), device=device)
        beginnings = torch.zeros(len(latent), dtype=torch.long, device=device)
        sums = torch.zeros(1, self.width, device=device)
        last = torch.full((1,), -1, device=device)
        for step in range(MAX_ELEMENTS):
            starts = torch.arange(0, len(sums) + _TOGETHER, _TOGETHER, device=device)
            parts = torch.diff(torch.searchsorted(beginnings, starts)).tolist()
            chosen = [
                self._choose(
                    sums[start : start + _TOGETHER], last[start : start + _TOGETHER], of - start, chance, temperature
                )
                for start, of, chance in zip(
                    starts.tolist()[:-1],
                    torch.split(beginnings, parts),
                    torch.split(chances[going, step], parts),
                    strict=True,
                )
            ]
            cells = torch.cat([cells for cells, _ in chosen])
            written[going, step] = cells
            log_likelihood[going] += torch.cat([logs for _, logs in chosen])
            unfinished = cells < END
            if not unfinished.any():
                break
            longer, order = (cells * len(sums) + beginnings)[unfinished].sort()
            going = going[unfinished][order]
            longer, beginnings = torch.unique_consecutive(longer, return_inverse=True)
            cells = longer // len(sums)
            sums = sums[longer % len(sums)] + self.cells(cells)
            last = cells // MAX_AMOUNT
        return Written(written, log_likelihood)

    def _choose(
        self, sums: Tensor, last: Tensor, beginnings: Tensor, chances: Tensor, temperature: float
    ) -> tuple[Tensor, Tensor]:
        """Choose the next cells of draws that have these beginnings, an element first and then its amount.

        Gives the cells, shape (n,), and the logarithms of their likelihoods.
        """
        first = int(last.min()) + 1  # no element before it can follow
        output = self.net[-1]
        assert isinstance(output, nn.Linear)
        logits = functional.linear(
            self.net[:-1](sums + self.start), output.weight[first * MAX_AMOUNT :], output.bias[first * MAX_AMOUNT :]
        )
        weights = self._bar(logits, last, first).div_(temperature).softmax(dim=1)
        of_elements = torch.cat(
            [weights[:, :-1].reshape(len(weights), SIZE - first, MAX_AMOUNT).sum(2), weights[:, -1:]], dim=1
        )
        heaped = of_elements.cumsum(1, dtype=torch.float64)
        heaped /= heaped[:, -1:].clone()
        # One search for all draws: the chances of beginning i are heaped from i to i + 1.
        reached = torch.searchsorted(
            (heaped + torch.arange(len(heaped), device=heaped.device)[:, None]).flatten(),
            beginnings + chances,
            right=True,
        )
        places = (reached - beginnings * heaped.shape[1]).clamp_(0, heaped.shape[1] - 1)
        ends = places == heaped.shape[1] - 1
        columns = (places * MAX_AMOUNT)[:, None] + torch.arange(MAX_AMOUNT, device=heaped.device)
        inner = weights[beginnings[:, None], columns.clamp_(max=weights.shape[1] - 1)].cumsum(1, dtype=torch.float64)
        below = torch.where(places > 0, heaped[beginnings, (places - 1).clamp_(min=0)], 0)
        amounts = (inner <= (chances - below)[:, None]).sum(1).clamp_(max=MAX_AMOUNT - 1)
        cells = torch.where(ends, weights.shape[1] - 1, places * MAX_AMOUNT + amounts)
        return cells + first * MAX_AMOUNT, weights[beginnings, cells].double().log()

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

    def as_amounts(self, written: Tensor) -> Tensor:
        """Atoms of each element, uint8 of shape (n, 85), of compositions as numbers of cells, shape (n, 8)."""
        rows, steps = torch.nonzero(written < END, as_tuple=True)
        cells = written[rows, steps]
        amounts = torch.zeros(len(written), SIZE, dtype=torch.uint8, device=written.device)
        amounts[rows, self.order[cells // MAX_AMOUNT]] = (cells % MAX_AMOUNT + 1).to(torch.uint8)
        return amounts
