"""The sequential generator of MatGAN: writes a composition cell by cell, each in view of those before.

So only whole compositions come out, and each is known by its likelihood. Knows the 85 x 8 array, not how it is trained.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
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
    log_allowed
        Logarithms of the likelihood of all that a steered generator could have chosen from, over the steps, shape (n,):
        kept with that chance, its draws come as often as those of the free one that are as wished.
    """

    cells: Tensor
    log_likelihood: Tensor
    log_allowed: Tensor


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
        self._barred: Tensor | None = None
        self._next_wanted: Tensor | None = None

    def steered(self, containing: Sequence[str], allowed: Sequence[str]) -> SequentialGenerator:
        """The same generator, which writes elements that are allowed alone, and all of some in each composition.

        Each next cell is chosen among those that leave this possible; of compositions of more than eight elements the
        last ones may be missing.

        Parameters
        ----------
        containing
            Symbols of the elements of each composition.
        allowed
            Symbols of all that may be written.
        """
        steered = copy(self)
        symbols = [ELEMENTS[place] for place in ORDER]
        bars = torch.tensor([symbol not in allowed for symbol in symbols] + [False], device=self.order.device)
        steered._barred = bars[self.places]
        wanted = [place for place, symbol in enumerate(symbols) if symbol in containing]
        # By the place of the last element, from -1 on: the next of those that have to come.
        after = [min((place for place in wanted if place > last), default=SIZE) for last in range(-1, SIZE)]
        steered._next_wanted = torch.tensor(after, device=self.order.device)
        return steered

    def logits(self, sums: Tensor, last: Tensor) -> Tensor:
        """Logits of the next cell, shape (n, 681), from the summed cells and the place of the last element."""
        return self._bar(self.net(sums + self.start), last, 0)[0]

    def _bar(self, logits: Tensor, last: Tensor, first: int) -> tuple[Tensor, Tensor | None]:
        """Put `_NEVER` where the order of writing or a wish forbids an element; the columns begin with `first`.

        With it comes the logarithm of the share that the wish leaves, where there is one.
        """
        barred = self.places[first * MAX_AMOUNT :] <= last[:, None]
        barred[:, -1] = last < 0  # a composition has at least one element
        free = logits.masked_fill(barred, _NEVER)
        if self._barred is None or self._next_wanted is None:
            return free, None
        too_far = self.places[first * MAX_AMOUNT :] > self._next_wanted[last + 1][:, None]
        wished = free.masked_fill(self._barred[first * MAX_AMOUNT :] | too_far, _NEVER)
        return wished, wished.logsumexp(1) - free.logsumexp(1)

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
        log_likelihood, log_allowed = torch.zeros(2, len(latent), dtype=torch.float64, device=device)
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
            cells = torch.cat([part.cells for part in chosen])
            written[going, step] = cells
            log_likelihood[going] += torch.cat([part.log_likelihood for part in chosen])
            log_allowed[going] += torch.cat([part.log_allowed for part in chosen])
            unfinished = cells < END
            if not unfinished.any():
                break
            longer, order = (cells * len(sums) + beginnings)[unfinished].sort()
            going = going[unfinished][order]
            longer, beginnings = torch.unique_consecutive(longer, return_inverse=True)
            cells = longer // len(sums)
            sums = sums[longer % len(sums)] + self.cells(cells)
            last = cells // MAX_AMOUNT
        return Written(written, log_likelihood, log_allowed)

    def _choose(self, sums: Tensor, last: Tensor, beginnings: Tensor, chances: Tensor, temperature: float) -> Written:
        """Next cells of draws that have these beginnings, shape (n,), an element first and then its amount."""
        first = int(last.min()) + 1  # no element before it can follow
        output = self.net[-1]
        assert isinstance(output, nn.Linear)
        logits = functional.linear(
            self.net[:-1](sums + self.start), output.weight[first * MAX_AMOUNT :], output.bias[first * MAX_AMOUNT :]
        )
        barred, log_share = self._bar(logits.div_(temperature), last, first)
        weights = barred.softmax(dim=1)
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
        logs = weights[beginnings, cells].double().log()
        allowed = torch.zeros_like(logs) if log_share is None else log_share[beginnings].double()
        return Written(cells + first * MAX_AMOUNT, logs + allowed, allowed)

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
