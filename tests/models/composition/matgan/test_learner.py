"""A MatGAN learns from known compositions, resumes as if nothing had happened, and says what it can't learn from."""

import csv
import gzip
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from exfolio.models.composition.matgan.config import MatGANConfig, Precision
from exfolio.models.composition.matgan.learner import MatGANLearner, UnusableTrainingSet
from exfolio.models.composition.matgan.model import MatGAN
from exfolio.models.composition.matgan.sampling import sample
from exfolio.models.learning.loop import Diverged, train

ROCK_SALTS = [f"{cation}{anion}" for cation in ("Li", "Na", "K", "Rb", "Cs") for anion in ("F", "Cl", "Br", "I")]
SMALL = MatGANConfig(
    width=24,
    critic_width=24,
    dropout=0.0,
    warm_up_epochs=2,
    adversarial_epochs=2,
    steps_per_epoch=2,
    warm_up_batch_size=16,
    batch_size=16,
    validation_draws=50,
    kept_share=1.0,
)
PUBLISHED = replace(
    MatGANConfig.published(), width=4, batch_size=4, adversarial_epochs=2, steps_per_epoch=1, validation_draws=8
)


def test_it_learns_what_known_compositions_have_in_common() -> None:
    config = replace(SMALL, warm_up_epochs=60, replaced_share=0.0, width=32)
    learner = MatGANLearner(ROCK_SALTS, config)
    training = train(learner, epochs=config.epochs, seed=1)
    drawn = sample(MatGAN.from_state(config, training.best), 300, seed=1)
    halides = drawn.times_drawn[[formula in ROCK_SALTS for formula in drawn.formulas]].sum()
    assert halides > 120
    assert training.history[-1]["charge_neutral"] > 0.5


def test_real_compositions_are_learnt_from(shared_data: Path) -> None:
    with gzip.open(shared_data / "2dmatpedia_formulas.csv.gz", "rt") as lines:
        formulas = [row["formula"] for row in csv.DictReader(lines)]
    config = replace(SMALL, width=64, warm_up_epochs=4, warm_up_batch_size=128, validation_draws=200)
    learner = MatGANLearner(formulas, config)
    assert len(learner.formulas_) > 4000
    assert any("where the array holds" in reason for reason in learner.refused_.values())
    history = train(learner, epochs=config.epochs, seed=1).history
    assert history[3]["negative_log_likelihood"] < history[0]["negative_log_likelihood"] - 2
    assert {"critic_loss", "wasserstein", "charge_neutral"} < set(history[-1])


@pytest.mark.parametrize("config", [SMALL, PUBLISHED], ids=["default", "published"])
def test_a_resume_changes_nothing(config: MatGANConfig) -> None:
    whole = train(MatGANLearner(ROCK_SALTS, config), epochs=config.epochs, seed=3)
    checkpoints: list[bytes] = []
    train(MatGANLearner(ROCK_SALTS, config), epochs=config.epochs - 1, seed=3, checkpoint=checkpoints.append)
    resumed = train(MatGANLearner(ROCK_SALTS, config), epochs=config.epochs, seed=3, resume=checkpoints[-1])
    assert resumed.history == whole.history
    for name, value in whole.best["average"].items():
        torch.testing.assert_close(resumed.best["average"][name], value, rtol=0, atol=0)


def test_the_shares_are_of_what_is_kept() -> None:
    config = replace(SMALL, warm_up_epochs=1, adversarial_epochs=0, kept_share=0.2)
    (figures,) = train(MatGANLearner(ROCK_SALTS, config), epochs=1, seed=1).history
    assert 0.9 < figures["distinct"] <= 1


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_the_published_profile_trains(precision: Precision) -> None:
    learner = MatGANLearner(ROCK_SALTS, replace(PUBLISHED, precision=precision))
    (figures,) = train(learner, epochs=1, seed=1).history
    # Weights stay as exact as they are stored, whatever the convolutions compute with.
    assert {value.dtype for value in learner.critic.parameters()} == {torch.float32}
    assert 0 < figures["critic_loss"] < 10  # the penalty of a critic that hardly answers yet
    assert set(figures) == {
        "critic_loss", "wasserstein", "charge_neutral", "electronegativity_balanced", "distinct",
    }  # fmt: skip


def test_formulas_without_a_place_are_told() -> None:
    learner = MatGANLearner(["NaCl", "Na2Cl2", "Mg9O", "OHe"], SMALL)
    assert learner.formulas_ == ["NaCl"]
    assert learner.refused_ == {"Mg9O": "9 Mg, where the array holds 1 to 8", "OHe": "He is not among the 85 elements"}


def test_more_elements_than_are_written_are_told() -> None:
    formula = "LiNaKRbCsMgCaSrO"
    assert "9 elements" in MatGANLearner(["NaCl", formula], SMALL).refused_.popitem()[1]
    assert not MatGANLearner(["NaCl", formula], PUBLISHED).refused_


@pytest.mark.parametrize("formulas", [[], ["Mg9O"]])
def test_nothing_to_learn_from_is_an_error(formulas: list[str]) -> None:
    with pytest.raises(UnusableTrainingSet, match="learn"):
        MatGANLearner(formulas, SMALL)


def test_a_rate_that_is_far_too_high_is_told() -> None:
    config = replace(PUBLISHED, critic_learning_rate=1e30, adversarial_epochs=3)
    with pytest.raises(Diverged, match="critic_loss"):
        train(MatGANLearner(ROCK_SALTS, config), epochs=3, seed=1)
