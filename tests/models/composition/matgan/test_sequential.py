"""The sequential generator fills the array of a composition cell by cell, and knows how likely each is."""

import numpy as np
import pytest
import torch
from exfolio.models.composition.matgan.sequential import END, MAX_ELEMENTS, ORDER, SequentialGenerator
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
    written = generator.write(torch.randn(500, MAX_ELEMENTS)).cells
    places = torch.where(written < END, written // 8, len(ELEMENTS) + torch.arange(MAX_ELEMENTS))
    assert (places.diff(dim=1) > 0).all()
    assert (written[:, 0] < END).all()


def test_what_is_drawn_comes_with_its_likelihood(generator: SequentialGenerator) -> None:
    torch.manual_seed(1)
    written = generator.write(torch.randn(500, MAX_ELEMENTS))
    likelihood = -generator.negative_log_likelihood(written.cells)
    torch.testing.assert_close(written.log_likelihood.float(), likelihood, rtol=0, atol=1e-4)


def test_a_temperature_is_part_of_the_likelihood(generator: SequentialGenerator) -> None:
    torch.manual_seed(1)
    cold = generator.write(torch.randn(500, MAX_ELEMENTS), temperature=0.5)
    with torch.no_grad():  # half the temperature is twice the logits
        generator.net[-1].weight *= 2
        generator.net[-1].bias *= 2
    likelihood = -generator.negative_log_likelihood(cold.cells)
    torch.testing.assert_close(cold.log_likelihood.float(), likelihood, rtol=0, atol=1e-4)


def test_draws_are_as_frequent_as_they_are_likely(generator: SequentialGenerator) -> None:
    torch.manual_seed(2)
    draws = 3_000
    firsts = generator.write(torch.randn(draws, MAX_ELEMENTS)).cells[:, 0]
    with torch.no_grad():
        chances = torch.softmax(generator.logits(torch.zeros(1, 16), torch.tensor([-1])), dim=1)[0]
    expected = draws * chances
    times = torch.bincount(firsts, minlength=END + 1)
    assert ((times - expected).abs() < 5 * torch.sqrt(expected) + 1).all()


def test_draws_do_not_depend_on_those_beside(generator: SequentialGenerator) -> None:
    torch.manual_seed(3)
    latent = torch.randn(60, MAX_ELEMENTS)
    by_themselves = torch.cat([generator.write(part).cells for part in latent.split(3)])
    assert torch.equal(generator.write(latent).cells, by_themselves)


def test_likelihoods_do_not_depend_on_those_beside(generator: SequentialGenerator) -> None:
    written = generator.as_written(torch.from_numpy(encode(FORMULAS)))
    by_themselves = torch.cat([generator.negative_log_likelihood(part) for part in written.split(1)])
    torch.testing.assert_close(generator.negative_log_likelihood(written), by_themselves)


def test_nothing_follows_the_last_element_in_the_order_of_writing(generator: SequentialGenerator) -> None:
    with torch.no_grad():
        generator.net[-1].bias[END - 8 : END] += 50
    written = generator.write(torch.randn(20, MAX_ELEMENTS))
    assert (written.cells[:, 0] // 8 == len(ELEMENTS) - 1).all()
    assert (written.cells[:, 1:] == END).all()


def test_amounts_say_what_was_written(generator: SequentialGenerator) -> None:
    torch.manual_seed(3)
    written = generator.write(torch.randn(200, MAX_ELEMENTS)).cells
    array = generator.as_array(written)
    np.testing.assert_array_equal((array @ torch.arange(1.0, 9.0)).numpy(), generator.as_amounts(written).numpy())


def test_a_low_temperature_draws_less_that_is_different(generator: SequentialGenerator) -> None:
    latent = torch.randn(500, MAX_ELEMENTS)
    counts = [len(torch.unique(generator.write(latent, temperature=t).cells, dim=0)) for t in (1.0, 0.1)]
    assert counts[1] < counts[0]
