"""The losses, worked out by hand on small tensors."""

from math import log

import pytest
import torch
from exfolio.models.crystal_gan.gan.losses import class_losses, critic_loss, generator_loss, gradient_penalty
from exfolio.models.crystal_gan.gan.networks import Classified
from exfolio.models.structure.point_cloud_layouts import Layout
from torch import Tensor

SALT = Layout("salt", ("Na", "Cl"), (2, 3))


def test_wasserstein_losses() -> None:
    real, made = torch.tensor([1.0, 3.0]), torch.tensor([0.5, -0.5])

    assert critic_loss(real, made) == pytest.approx(0 - 2)
    assert generator_loss(made) == 0


def test_the_penalty_of_a_linear_critic_is_that_of_its_slope() -> None:
    slope = torch.zeros(7, 3)
    slope[0, 0], slope[3, 2] = 3.0, 4.0  # length 5
    cells = torch.rand(4, 7, 3)

    penalty = gradient_penalty(lambda seen: (seen[0] * slope).sum(dim=(1, 2)), [cells], [cells + 1], torch.rand(4))

    assert penalty == pytest.approx((5 - 1) ** 2)


def test_the_penalty_is_that_of_slopes_measured_numerically() -> None:
    torch.manual_seed(0)
    layers = torch.nn.Sequential(torch.nn.Linear(6, 5), torch.nn.Tanh(), torch.nn.Linear(5, 1)).double()
    real, made, mix = torch.rand(3, 2, 3).double(), torch.rand(3, 2, 3).double(), torch.rand(3).double()

    def critic(seen: list[Tensor]) -> Tensor:
        return layers(seen[0].flatten(1))[:, 0]

    penalty = gradient_penalty(critic, [real], [made], mix)

    between = mix[:, None, None] * real + (1 - mix[:, None, None]) * made
    step = 1e-6
    slopes = torch.zeros(3, 6).double()
    for i in range(6):
        moved = torch.zeros(6).double()
        moved[i] = step
        up, down = critic([between + moved.view(2, 3)]), critic([between - moved.view(2, 3)])
        slopes[:, i] = (up - down).detach() / (2 * step)
    assert penalty.item() == pytest.approx(((slopes.norm(dim=1) - 1) ** 2).mean().item(), rel=1e-6)


def test_the_slope_is_that_over_all_tensors_together() -> None:
    penalty = gradient_penalty(
        lambda seen: 3 * seen[0].sum(dim=1) + 4 * seen[1],
        [torch.rand(5, 1), torch.rand(5)],
        [torch.rand(5, 1), torch.rand(5)],
        torch.rand(5),
    )

    assert penalty.item() == pytest.approx(16, rel=1e-5)


def test_class_losses_by_hand() -> None:
    """One atom of Na, two of Cl. Even logits cost log 2 a slot and log(number) a count; a sure answer costs nothing."""
    number = torch.tensor([[1, 2]])
    sure = torch.tensor([[[-50.0, 50.0], [-50.0, 50.0], [50.0, -50.0]]])
    classified = Classified([torch.zeros(1, 2, 2), sure], [torch.zeros(1, 2), torch.tensor([[0.0, 0.0, 0.0]])])

    losses = class_losses(classified, number, SALT)

    assert losses.slots.item() == pytest.approx(log(2), rel=1e-6)
    assert losses.counts.item() == pytest.approx(log(2) + log(3), rel=1e-6)


def test_softmax_is_applied_once() -> None:
    """A logit of 20 for the right class leaves next to nothing; softmax twice would leave log(1 + 1/e) at least."""
    right = torch.tensor([[20.0, 0.0]])
    classified = Classified([torch.zeros(1, 2, 2), torch.zeros(1, 3, 2)], [right, torch.tensor([[20.0, 0.0, 0.0]])])

    assert class_losses(classified, torch.tensor([[1, 1]]), SALT).counts.item() < 1e-6
