"""The published networks: their sizes, and that matrix products do what convolutions would."""

import pytest
import torch
from convolutions import ConvolvedCritic, ConvolvedGenerator
from exfolio.models.crystal_gan.gan.config import CrystalGanConfig, profile
from exfolio.models.crystal_gan.gan.networks import Classifier, Critic, Generator, conditions
from exfolio.models.structure.point_cloud_layouts import MG_MN_O
from torch import Tensor, nn

SPINEL = torch.tensor([[2, 4, 8], [1, 8, 12], [8, 1, 9]])


@pytest.fixture
def narrow() -> CrystalGanConfig:
    torch.manual_seed(3)
    return CrystalGanConfig(
        latent=16,
        seed_channels=6,
        generator_channels=(10, 12, 8),
        critic_channels=(9, 11, 7),
        critic_dense=(20, 10),
        classifier_channels=(9, 8, 7),
        classifier_dense=(12, 10),
    )


def size(network: nn.Module) -> int:
    return sum(value.numel() for value in network.parameters())


def test_sizes_are_those_of_the_paper() -> None:
    paper = profile("paper")

    generator = Generator(paper)

    assert generator.dense.in_features == 512 + 1 + 28
    assert size(generator) == (
        541 * 3584
        + 3584  # dense
        + 128 * 256 * 3
        + 256
        + 2 * 256  # 1 x 3, and its BatchNorm
        + 256 * 512
        + 512
        + 2 * 512
        + 512 * 256
        + 256
        + 2 * 256
        + 256
        + 1
        + 84 * 30
        + 30
        + 2 * 30
        + 30 * 6
        + 6
    )
    assert size(Critic(paper)) == (
        3 * 512
        + 512
        + 512 * 512
        + 512
        + 512 * 256
        + 256  # rows
        + 5 * 256 * 1000
        + 1000
        + 1000 * 200
        + 200
        + 200
        + 1
    )
    assert size(Classifier(paper)) == sum(
        3 * 512
        + 3 * 512
        + 512 * 256
        + 3 * 256
        + 256 * 256
        + 3 * 256
        + 256 * 2
        + 2
        + 2 * slots * 300
        + 3 * 300
        + 300 * 100
        + 3 * 100
        + 100 * slots
        + slots
        for slots in (8, 8, 12)
    )


def test_batch_normalisation_keeps_its_usual_eps() -> None:
    norms = [one for one in Generator(profile("published-code")).modules() if isinstance(one, nn.BatchNorm1d)]

    assert len(norms) == 4
    assert {one.eps for one in norms} == {1e-5}


def test_a_condition_says_how_many_atoms_in_all_and_of_each() -> None:
    condition = conditions(SPINEL[:1], MG_MN_O)[0]

    assert condition[0] == pytest.approx(14 / 28)
    assert condition[1:].nonzero()[:, 0].tolist() == [1, 8 + 3, 16 + 7]


def test_shapes(narrow: CrystalGanConfig) -> None:
    cells = Generator(narrow)(torch.randn(3, 16), SPINEL)
    classified = Classifier(narrow)(cells)

    assert cells.shape == (3, 30, 3)
    assert ((cells > 0) & (cells < 1)).all()
    assert Critic(narrow)(cells).shape == (3,)
    assert [tuple(one.shape) for one in classified.slots] == [(3, 8, 2), (3, 8, 2), (3, 12, 2)]
    assert [tuple(one.shape) for one in classified.counts] == [(3, 8), (3, 8), (3, 12)]


@pytest.mark.parametrize("training", [True, False])
def test_the_generator_is_that_of_transposed_convolutions(narrow: CrystalGanConfig, training: bool) -> None:
    ours = Generator(narrow).train(training)
    theirs = ConvolvedGenerator(narrow, ours).train(training)
    noise = torch.randn(3, 16)

    torch.testing.assert_close(ours(noise, SPINEL), theirs(noise, SPINEL), rtol=1e-5, atol=1e-6)


def test_the_critic_is_that_of_convolutions_and_so_are_its_slopes(narrow: CrystalGanConfig) -> None:
    ours = Critic(narrow)
    theirs = ConvolvedCritic(narrow, ours)
    cells = torch.rand(3, 30, 3, requires_grad=True)

    def slope(critic: nn.Module) -> Tensor:
        return torch.autograd.grad(critic(cells).sum(), cells)[0]

    torch.testing.assert_close(ours(cells), theirs(cells), rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(slope(ours), slope(theirs), rtol=1e-5, atol=1e-6)


def test_the_critic_does_not_care_about_the_order_of_slots(narrow: CrystalGanConfig) -> None:
    critic = Critic(narrow)
    cells = torch.rand(2, 30, 3)
    turned = cells.clone()
    turned[:, 2:10] = cells[:, 2:10].flip(1)

    torch.testing.assert_close(critic(cells), critic(turned))
