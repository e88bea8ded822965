"""The losses of the Crystal GAN: Wasserstein with gradient penalty, and the classifier's. Tensors in, tensors out.

Gulrajani et al., NeurIPS 30 (2017) for the penalty; Kim et al., ACS Cent. Sci. 6, 1412 (2020) for the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from ..structure.layouts import CELL_ROWS, Layout
from ..structure.point_cloud import HALF_TURN, SCALE
from .networks import Classified

_DEGREES: Final = 12.0


class ClassLosses(NamedTuple):
    """Cross entropies, each summed over the elements: of the counts, and of empty and filled slots."""

    counts: Tensor
    slots: Tensor


def critic_loss(real: Tensor, generated: Tensor) -> Tensor:
    """E[f(generated)] - E[f(real)]: what the critic makes small."""
    return generated.mean() - real.mean()


def generator_loss(generated: Tensor) -> Tensor:
    """-E[f(generated)]: what the generator makes small."""
    return -generated.mean()


def gradient_penalty(
    critic: Callable[[Sequence[Tensor]], Tensor], real: Sequence[Tensor], generated: Sequence[Tensor], mix: Tensor
) -> Tensor:
    """E[(|df/dx| - 1)^2] at x = mix * real + (1 - mix) * generated.

    Parameters
    ----------
    critic
        Takes what it sees of n cells, in one or more tensors.
    real, generated
        Those tensors, their first dimension n; the slope is taken over all of them together.
    mix
        Between 0 and 1, shape (n,).
    """
    between = [
        torch.lerp(b, a, mix.view(-1, *[1] * (a.dim() - 1))).requires_grad_()
        for a, b in zip(real, generated, strict=True)
    ]
    slopes = torch.autograd.grad(critic(between).sum(), between, create_graph=True)
    slope = torch.cat([one.reshape(len(one), -1) for one in slopes], dim=1)
    penalty: Tensor = ((slope.norm(dim=1) - 1) ** 2).mean()
    return penalty


def class_losses(classified: Classified, number: Tensor, layout: Layout) -> ClassLosses:
    """Compare what the classifier says with the composition: the first slots of each element are filled.

    Parameters
    ----------
    classified
        Logits of n cells.
    number
        Atoms of each element, shape (n, elements), from 1 on.
    """
    counts = torch.zeros(())
    slots = torch.zeros(())
    for i, most in enumerate(layout.slots):
        counts = counts + functional.cross_entropy(classified.counts[i], number[:, i] - 1)
        filled = (torch.arange(most, device=number.device)[None] < number[:, i, None]).long()
        slots = slots + functional.cross_entropy(classified.slots[i].flatten(0, 1), filled.flatten())
    return ClassLosses(counts, slots)


def unlikeness(made: Tensor, real: Tensor, filled: Tensor, layout: Layout) -> Tensor:
    """Give how far cells are from the real ones they should come back as, each atom compared with that of its slot.

    Parameters
    ----------
    made, real
        Shape (n, rows, 3).
    filled
        Shape (n, slots), 1 where there is an atom.

    Returns
    -------
    Tensor
        Mean over cells of: Å along the three axes, added up, mean over atoms, by the shortest way round the cell;
        plus half the Å of the lengths and half the angles in units of 12°, about an Å each.
    """
    apart = (made[:, CELL_ROWS:] - real[:, CELL_ROWS:]) / SCALE
    apart = (apart - apart.round()).abs() * real[:, :1] * layout.longest
    places = (apart.sum(dim=2) * filled).sum(dim=1) / filled.sum(dim=1)
    cell = (made[:, :CELL_ROWS] - real[:, :CELL_ROWS]).abs().sum(dim=2)
    each = places + 0.5 * layout.longest * cell[:, 0] + 0.5 * HALF_TURN / _DEGREES * cell[:, 1]
    return each.mean()
