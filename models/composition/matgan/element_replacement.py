"""Puts elements in the place of similar ones, so that a generator learns from a known composition what may be alike.

Similar are neighbours on the modified Pettifor scale, which replace each other in crystals. Knows the order in which
the sequential generator writes, not how it learns.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import torch
from torch import Tensor

from ...structure.pettifor import position
from ..one_hot import ELEMENTS, MAX_AMOUNT
from .sequential import END, ORDER, SIZE

#: Steps on the scale up to which elements count as similar; one of half the distance is taken twice as often.
REACH: Final = 3


def _neighbours() -> tuple[Tensor, Tensor]:
    """Places of each place's neighbours, and the chance of each; both of shape (85, 2 REACH)."""
    along = np.argsort([position(ELEMENTS[row]) for row in ORDER])
    rank = np.argsort(along)
    steps = np.array([step for step in range(-REACH, REACH + 1) if step])
    reached = rank[:, None] + steps
    within = (reached >= 0) & (reached < SIZE)
    weights = within / np.abs(steps)
    chances = weights / weights.sum(axis=1, keepdims=True)
    return torch.from_numpy(along[reached.clip(0, SIZE - 1)]), torch.from_numpy(chances).float()


_NEIGHBOURS, _CHANCES = _neighbours()


def replace_some(written: Tensor, share: float) -> Tensor:
    """Replace elements of compositions by similar ones, keeping the amounts.

    Parameters
    ----------
    written
        Numbers of cells in order of writing, shape (n, 8).
    share
        Of the elements; a composition in which two would become the same stays as it is.
    """
    neighbours, chances = _NEIGHBOURS.to(written.device), _CHANCES.to(written.device)
    chosen = (written < END) & (torch.rand(written.shape, device=written.device) < share)
    places = written[chosen] // MAX_AMOUNT
    picks = torch.multinomial(chances[places], 1) if len(places) else places[:, None]
    replaced = written.clone()
    replaced[chosen] = neighbours[places].gather(1, picks).squeeze(1) * MAX_AMOUNT + written[chosen] % MAX_AMOUNT
    replaced = replaced.sort(dim=1).values  # the order of writing is that of the numbers, END last
    same = (replaced[:, 1:] // MAX_AMOUNT == replaced[:, :-1] // MAX_AMOUNT) & (replaced[:, 1:] < END)
    return torch.where(same.any(dim=1, keepdim=True), written, replaced)
