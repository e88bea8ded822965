"""Draws are counted once for each composition; the same seed gives the same sample however it is cut."""

import numpy as np
import pytest
import torch
from exfolio.models.composition.formulas import reduced_formulas
from exfolio.models.composition.matgan_sampling import Sample, Tally, draw, sample, sample_chunks
from exfolio.models.composition.one_hot import ELEMENTS


class OfThree:
    """Draws compositions of up to three of twelve elements."""

    latent_size = 3

    def amounts(self, latent: torch.Tensor) -> torch.Tensor:
        chances = torch.special.ndtr(latent)
        amounts = torch.zeros(len(latent), len(ELEMENTS), dtype=torch.uint8)
        columns = (chances * 12).long() * 7
        return amounts.scatter_(1, columns, (chances * 96 % 8).to(torch.uint8))


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
    result = tally.sample(first=0)
    assert counted(result) == {"MgO": 3, "Fe2O3": 1, reduced_formulas(["LiNaKMg2AlSi4O4F"])[0]: 2}
    assert (result.draws, result.single_elements, result.empty) == (8, 1, 1)


def test_a_tally_tells_how_often_a_formula_was_drawn() -> None:
    tally = Tally()
    tally.add(amounts({"Mg": 2, "O": 2}, {"Mg": 1, "O": 1}, EIGHT))
    assert tally.times_drawn(["Mg3O3", "MgO2", "LiNaKMg2AlSi4O4F", "O2"]).tolist() == [2, 0, 1, 0]


def test_the_sample_does_not_depend_on_the_chunk(generator: OfThree) -> None:
    whole = sample(generator, 70_000, seed=5)
    parts = sample(generator, 70_000, seed=5, chunk=33_333)
    assert whole.formulas == parts.formulas
    np.testing.assert_array_equal(whole.times_drawn, parts.times_drawn)
    assert whole.times_drawn.sum() + whole.single_elements + whole.empty == 70_000
    assert len(set(whole.formulas)) == len(whole.formulas)


def test_chunks_add_up_to_the_sample_and_can_be_gone_on_with(generator: OfThree) -> None:
    chunks = list(sample_chunks(generator, 2500, seed=5, chunk=1000))
    assert [(part.first, part.draws) for part in chunks] == [(0, 1000), (1000, 1000), (2000, 500)]
    total: dict[str, int] = {}
    for part in chunks:
        for formula, times in counted(part).items():
            total[formula] = total.get(formula, 0) + times
    assert total == counted(sample(generator, 2500, seed=5))
    (resumed,) = sample_chunks(generator, 2500, seed=5, chunk=1000, first_chunk=2)
    assert counted(resumed) == counted(chunks[2])


def test_another_seed_gives_other_draws(generator: OfThree) -> None:
    assert not np.array_equal(draw(generator, 0, 50, seed=1), draw(generator, 0, 50, seed=2))


@pytest.mark.parametrize(("draws", "chunk"), [(0, 10), (10, 0)])
def test_at_least_one_draw_and_one_to_a_chunk(generator: OfThree, draws: int, chunk: int) -> None:
    with pytest.raises(ValueError, match="at least one"):
        sample(generator, draws, seed=1, chunk=chunk)
