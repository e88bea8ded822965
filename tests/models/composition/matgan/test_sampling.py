"""Draws are counted once for each composition; the same seed gives the same sample however it is cut."""

import numpy as np
import pytest
import torch
from exfolio.models.composition.formula.formulas import reduced_formulas
from exfolio.models.composition.matgan.sampling import LARGEST_BLOCK, Sample, Tally, drawn, sample
from exfolio.models.composition.one_hot import ELEMENTS


class OfThree:
    """Draws compositions of up to three of twelve elements."""

    latent_size = 3
    kept_share = 1.0

    def amounts(self, latent: torch.Tensor) -> torch.Tensor:
        chances = torch.special.ndtr(latent)
        amounts = torch.zeros(len(latent), len(ELEMENTS), dtype=torch.uint8)
        columns = (chances * 12).long() * 7
        return amounts.scatter_(1, columns, (chances * 96 % 8).to(torch.uint8))


class OfThreeRefusingSome(OfThree):
    """Refuses what begins with hydrogen, a draw in twelve."""

    kept_share = 11 / 12

    def amounts(self, latent: torch.Tensor) -> torch.Tensor:
        amounts = super().amounts(latent)
        return amounts[amounts[:, 0] == 0]


@pytest.fixture
def generator() -> OfThree:
    return OfThree()


def amounts(*compositions: dict[str, int]) -> np.ndarray:
    array = np.zeros((len(compositions), len(ELEMENTS)), dtype=np.uint8)
    for row, composition in enumerate(compositions):
        for symbol, amount in composition.items():
            array[row, ELEMENTS.index(symbol)] = amount
    return array


def counted(result: Sample) -> dict[str, int]:
    return dict(zip(result.formulas, result.times_drawn.tolist(), strict=True))


EIGHT = {"Li": 2, "Na": 2, "K": 2, "Mg": 4, "Al": 2, "Si": 8, "O": 8, "F": 2}


def test_draws_are_reduced_and_counted() -> None:
    tally = Tally()
    tally.add(amounts({"Mg": 2, "O": 2}, {"Mg": 1, "O": 1}, {"Fe": 4, "O": 6}, {}, {"O": 2}, EIGHT))
    tally.add(amounts({"Mg": 3, "O": 3}, {symbol: n // 2 for symbol, n in EIGHT.items()}))
    result = tally.sample()
    assert counted(result) == {"MgO": 3, "Fe2O3": 1, reduced_formulas(["LiNaKMg2AlSi4O4F"])[0]: 2}
    assert (result.draws, result.single_elements, result.empty) == (8, 1, 1)


def test_a_tally_tells_how_often_a_formula_was_drawn() -> None:
    tally = Tally()
    tally.add(amounts({"Mg": 2, "O": 2}, {"Mg": 1, "O": 1}, EIGHT))
    assert tally.times_drawn(["Mg3O3", "MgO2", "LiNaKMg2AlSi4O4F", "O2"]).tolist() == [2, 0, 1, 0]


def joined(generator: OfThree, start: int, stop: int) -> np.ndarray:
    return np.concatenate(list(drawn(generator, start, stop, seed=5)))


@pytest.mark.parametrize("kind", [OfThree, OfThreeRefusingSome])
def test_a_draw_depends_on_its_number_alone(kind: type[OfThree]) -> None:
    whole = joined(kind(), 0, LARGEST_BLOCK + 70_000)
    assert len(whole) == LARGEST_BLOCK + 70_000
    for start, stop in [(0, 1), (250, 260), (5000, 9000), (LARGEST_BLOCK - 5, 2 * LARGEST_BLOCK + 5)]:
        np.testing.assert_array_equal(joined(kind(), start, stop), whole[start:stop])


def test_what_the_generator_refuses_is_drawn_anew() -> None:
    whole = joined(OfThreeRefusingSome(), 0, 3000)
    assert len(whole) == 3000
    assert not whole[:, 0].any()


def test_every_draw_is_counted(generator: OfThree) -> None:
    result = sample(generator, 70_000, seed=5)
    assert result.times_drawn.sum() + result.single_elements + result.empty == result.draws == 70_000
    assert len(set(result.formulas)) == len(result.formulas)


def test_few_draws_pass_few_through_the_network(generator: OfThree) -> None:
    passed: list[int] = []

    class Counting(OfThree):
        def amounts(self, latent: torch.Tensor) -> torch.Tensor:
            passed.append(len(latent))
            return super().amounts(latent)

    sample(Counting(), 200, seed=1)
    assert sum(passed) <= 400


def test_another_seed_gives_other_draws(generator: OfThree) -> None:
    one, other = (next(drawn(generator, 0, 50, seed=seed)) for seed in (1, 2))
    assert not np.array_equal(one, other)


def test_at_least_one_draw(generator: OfThree) -> None:
    with pytest.raises(ValueError, match="at least one"):
        sample(generator, 0, seed=1)
