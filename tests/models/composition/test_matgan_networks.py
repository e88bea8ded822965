"""The generators fill the array of a composition; the sequential one knows how likely each is."""

import numpy as np
import pytest
import torch
from exfolio.models.composition.matgan_networks import (
    END,
    MAX_ELEMENTS,
    ORDER,
    ConvolutionalCritic,
    ConvolutionalGenerator,
    DenseCritic,
    SequentialGenerator,
)
from exfolio.models.composition.one_hot import ELEMENTS, decode, encode

FORMULAS = ["NaCl", "MgMn2O4", "LiFePO4", "Fe", "Ba2YCu3O7"]


@pytest.fixture
def generator() -> SequentialGenerator:
    torch.manual_seed(0)
    return SequentialGenerator(width=16).eval()


def test_compositions_survive_the_order_of_writing(generator: SequentialGenerator) -> None:
    array = torch.from_numpy(encode(FORMULAS))
    written = generator.as_written(array)
    assert written.shape == (5, MAX_ELEMENTS)
    assert decode(generator.as_array(written).numpy()) == decode(array.numpy())


def test_the_most_electronegative_element_is_written_first(generator: SequentialGenerator) -> None:
    written = generator.as_written(torch.from_numpy(encode(["LiFePO4"])))[0]
    cells = written[written < END].numpy()
    assert [ELEMENTS[ORDER[cell // 8]] for cell in cells] == ["O", "P", "Fe", "Li"]
    assert (cells % 8 + 1).tolist() == [4, 1, 1, 1]


def test_what_is_drawn_is_a_composition_in_order(generator: SequentialGenerator) -> None:
    torch.manual_seed(1)
    written = generator.write(torch.randn(500, MAX_ELEMENTS))
    places = torch.where(written < END, written // 8, len(ELEMENTS) + torch.arange(MAX_ELEMENTS))
    assert (places.diff(dim=1) > 0).all()
    assert (written[:, 0] < END).all()


def test_draws_are_as_frequent_as_they_are_likely(generator: SequentialGenerator) -> None:
    torch.manual_seed(2)
    draws = 3_000
    distinct, times = torch.unique(
        generator.write(torch.randn(draws, MAX_ELEMENTS), temperature=0.999999)[:, 0], return_counts=True
    )
    first = torch.full((len(distinct), MAX_ELEMENTS), END)
    first[:, 0] = distinct
    # -log p of the first cell alone: that of the cell and the end, less that of the end after it.
    sums, last = generator.cells(distinct), distinct // 8
    end = torch.log_softmax(generator.logits(sums, last), dim=1)[:, END]
    likely = torch.exp(-generator.negative_log_likelihood(first) - end)
    expected, deviation = draws * likely, torch.sqrt(draws * likely)
    assert ((times - expected).abs() < 5 * deviation + 1).all()


def test_amounts_say_what_was_written(generator: SequentialGenerator) -> None:
    torch.manual_seed(3)
    latent = torch.randn(200, MAX_ELEMENTS)
    array = generator.as_array(generator.write(latent))
    amounts = generator.amounts(latent)
    np.testing.assert_array_equal((array @ torch.arange(1.0, 9.0)).numpy(), amounts.numpy())


def test_a_low_temperature_draws_less_that_is_different(generator: SequentialGenerator) -> None:
    latent = torch.randn(500, MAX_ELEMENTS)
    counts = [len(torch.unique(generator.write(latent, temperature=t), dim=0)) for t in (1.0, 0.1)]
    assert counts[1] < counts[0]


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
