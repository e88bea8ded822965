"""The published generator fills the array of a composition at once; critics judge each array by itself."""

import numpy as np
import pytest
import torch
from exfolio.models.composition.matgan.networks import ConvolutionalCritic, ConvolutionalGenerator, DenseCritic
from exfolio.models.composition.one_hot import decode, encode

FORMULAS = ["NaCl", "MgMn2O4", "LiFePO4", "Fe", "Ba2YCu3O7"]


def test_the_convolutional_generator_gives_cells_between_zero_and_one() -> None:
    torch.manual_seed(4)
    network = ConvolutionalGenerator(latent_size=12, channels=8)
    latent = torch.randn(3, 12)
    with torch.no_grad():
        network.net[-1].weight.mul_(20)  # so that an untrained network says something
        cells = network(latent)
    assert cells.shape == (3, 85, 8)
    assert 0 <= cells.min() < 0.5 < cells.max() <= 1
    decoded = decode(cells.numpy(), threshold=0.5)
    array = np.zeros((3, 85, 8))
    rows, elements = np.nonzero(network.amounts(latent).numpy())
    array[rows, elements, network.amounts(latent).numpy()[rows, elements] - 1] = 1
    assert decode(array) == decoded


@pytest.mark.parametrize("critic", [DenseCritic(16, 3), ConvolutionalCritic(8)])
def test_critics_judge_each_array_by_itself(critic: torch.nn.Module) -> None:
    arrays = torch.from_numpy(encode(FORMULAS)).float()
    together = critic(arrays)
    assert together.shape == (5,)
    torch.testing.assert_close(critic(arrays[2:3]), together[2:3])
