"""Compositions come as they are wished, and as often as they come among all."""

import numpy as np
import pytest
import torch
from exfolio.builders.training.shipped.shipped_models import shipped
from exfolio.models.composition.formula.formulas import describe_all
from exfolio.models.composition.matgan.config import MatGANConfig
from exfolio.models.composition.matgan.model import MatGAN
from exfolio.models.composition.matgan.sampling import sample
from exfolio.models.composition.matgan.wish import Wish
from exfolio.models.composition.matgan.wishing_generator import UnmetWish, WishingGenerator
from exfolio.models.composition.screening import screen
from exfolio.models.structure.element_movers import distance


@pytest.fixture(scope="module")
def model() -> MatGAN:
    found = shipped("matgan")
    assert found is not None
    return MatGAN.from_bytes(found.weights)


def test_each_holds_the_elements_lies_near_and_balances(model: MatGAN) -> None:
    drawn = sample(WishingGenerator(model, Wish(containing=("Li", "Fe"), balanced=True)), 200, seed=1)
    near = sample(WishingGenerator(model, Wish(near="MoS2", within=4, only=("Mo", "W", "S", "Se"))), 50, seed=1)

    assert (drawn.draws, len(drawn.formulas) > 100) == (200, True)
    assert all({"Li", "Fe"} <= set(facts.elements) for facts in describe_all(drawn.formulas))
    assert all(flags.all() for flags in screen(drawn.formulas))
    assert "WSe2" in near.formulas
    assert all(distance(formula, "MoS2") <= 4 for formula in near.formulas)
    assert all({"Mo", "W", "S", "Se"} >= set(facts.elements) for facts in describe_all(near.formulas))


def test_what_is_wished_comes_as_often_as_among_all_draws(model: MatGAN) -> None:
    # Given the oxides among free draws, and oxides that were wished for
    free, wished = (sample(one, 4000, seed=2) for one in (model, WishingGenerator(model, Wish(containing=("O",)))))

    numbers = [
        np.array(
            [
                facts.nelements
                for facts, times in zip(describe_all(drawn.formulas), drawn.times_drawn.tolist(), strict=True)
                for _ in range(times)
                if "O" in facts.elements
            ]
        )
        for drawn in (free, wished)
    ]

    # Then these are of as many elements: not longer, as they would be where oxygen is only put in
    error = np.hypot(*(one.std() / len(one) ** 0.5 for one in numbers))
    assert abs(numbers[0].mean() - numbers[1].mean()) < 4 * error < 0.2


def test_networks_that_cannot_be_steered_refuse_until_it_is_as_wished() -> None:
    config = MatGANConfig.from_dict({**MatGANConfig.published().to_dict(), "width": 8, "latent_size": 4})
    torch.manual_seed(0)
    drawn = WishingGenerator(MatGAN(config), Wish())
    assert sample(drawn, 10, seed=0).draws == 10


def test_a_wish_that_nothing_meets_is_given_up(model: MatGAN, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("exfolio.models.composition.matgan.wishing_generator._IN_VAIN", 10_000)
    with pytest.raises(UnmetWish, match=r"draws none is as wished: of K, Cs alone; balanced"):
        sample(WishingGenerator(model, Wish(only=("K", "Cs"), balanced=True)), 10, seed=0)
