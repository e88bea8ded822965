"""A MatGAN gives what it is asked for, likely compositions no more often than its ceiling, and survives as bytes."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from exfolio.models.composition.matgan.config import MatGANConfig
from exfolio.models.composition.matgan.model import MatGAN, ceiling
from exfolio.models.composition.matgan.sampling import drawn
from exfolio.models.composition.matgan.sequential import END, SequentialGenerator
from exfolio.models.learning.weights import WrongModel, pack

SMALL = MatGANConfig(width=16, critic_width=16)
PUBLISHED = replace(MatGANConfig.published(), width=4)


def made(config: MatGANConfig) -> MatGAN:
    """Not trained, but sure that a composition has few elements and that some elements are commoner."""
    torch.manual_seed(0)
    model = MatGAN(config)
    if isinstance(model.generator, SequentialGenerator):
        with torch.no_grad():
            model.generator.net[-1].weight *= 5
            model.generator.net[-1].bias[END] += 9
    return model


def test_the_ceiling_keeps_the_wanted_share() -> None:
    log_likelihood = np.log([0.4, 0.4, 0.2, 0.01])
    assert np.exp(ceiling(log_likelihood, 0.75)) == pytest.approx(0.2)
    assert np.exp(ceiling(log_likelihood, 0.5)) == pytest.approx(0.1)


def test_the_likely_come_as_often_as_the_ceiling_allows_and_the_others_as_before() -> None:
    model = made(replace(SMALL, temperature=1.0, kept_share=0.5))
    draws = 20_000
    amounts = torch.from_numpy(np.concatenate(list(drawn(model, 0, draws, seed=1)))).long()
    assert len(amounts) == draws

    distinct, times = torch.unique(amounts, dim=0, return_counts=True)
    cells = torch.nn.functional.one_hot(distinct, 9)[:, :, 1:]
    with torch.no_grad():
        likely = torch.exp(-model.generator.negative_log_likelihood(model.generator.as_written(cells)))
    limit = np.exp(model.log_ceiling)
    assert likely.max() > 5 * limit
    expected = draws * likely.clamp(max=limit) / 0.5
    often = expected > 20
    assert often.sum() > 20
    # The share kept is known from a pilot, to a few percent.
    assert ((times - expected).abs() < 5 * expected.sqrt() + 0.05 * expected)[often].all()


def test_without_a_ceiling_every_draw_is_kept() -> None:
    model = made(replace(SMALL, kept_share=1.0))
    assert model.latent_size == 8
    assert len(model.amounts(torch.randn(50, 8))) == 50


@pytest.mark.parametrize("config", [SMALL, PUBLISHED], ids=["default", "published"])
def test_a_model_survives_as_bytes(config: MatGANConfig) -> None:
    model = made(config)
    again = MatGAN.from_bytes(model.to_bytes())
    assert again.config == config
    assert again.kept_share == 1 or again.log_ceiling == model.log_ceiling
    latent = torch.randn(20, model.latent_size)
    assert torch.equal(again.amounts(latent), model.amounts(latent))
    with pytest.raises(WrongModel, match="roost"):
        MatGAN.from_bytes(pack("roost", {}, {}))
