"""The losses of the Crystal GAN: Wasserstein with gradient penalty, and the classifier's. Tensors in, tensors out.

Gulrajani et al., NeurIPS 30 (2017) for the penalty; Kim et al., ACS Cent. Sci. 6, 1412 (2020) for the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from ...structure.point_cloud_layouts import Layout
from .networks import Classified


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
    slope = torch.cat([partial.reshape(len(partial), -1) for partial in slopes], dim=1)
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
