"""Training, resuming, keeping and using a Crystal GAN, on a few real oxides."""

from math import inf

import numpy as np
import pytest
import torch
from exfolio.models.crystal_gan.crystals.cell_augmentation import Augmentation, NoTrainingData
from exfolio.models.crystal_gan.diffusion.config import DiffusionConfig, Settings, settings_from
from exfolio.models.crystal_gan.diffusion.learner import DiffusionLearner
from exfolio.models.crystal_gan.diffusion.model import CrystalDiffusion
from exfolio.models.crystal_gan.evaluation import evaluate, table
from exfolio.models.crystal_gan.gan.config import PROFILES, CrystalGanConfig, profile
from exfolio.models.crystal_gan.gan.learner import CrystalGanLearner
from exfolio.models.crystal_gan.gan.model import CrystalGan
from exfolio.models.crystal_gan.generation import generate, sample
from exfolio.models.crystal_gan.generators import CrystalGenerator, GeneratorLearner, make_learner, read_generator
from exfolio.models.learning.config import BadConfig
from exfolio.models.learning.loop import Diverged, train
from exfolio.models.learning.weights import DamagedWeights, WrongModel
from exfolio.models.structure.comparison.matching import Representatives
from exfolio.models.structure.point_cloud import Floats, counts
from exfolio.models.structure.point_cloud_layouts import MG_MN_O, BadLayout, Layout
from exfolio.models.structure.validity.rule import ValidityRule
from pymatgen.core import Structure

ANYTHING = ValidityRule(
    volume=(0, inf),
    shortest=0,
    farthest=inf,
    cations=0,
    cations_beside_anions=0,
    bonded_anions=1,
    bond_of_anions=(0, 0),
    valence=(-inf, inf),
    valence_spread=inf,
    missing_neighbours=inf,
)


@pytest.fixture(params=["tiny_published", "tiny_compact", "tiny_diffusion"])
def config(request: pytest.FixtureRequest) -> Settings:
    chosen: Settings = request.getfixturevalue(request.param)
    return chosen


def learner(config: Settings, cells: Floats) -> GeneratorLearner:
    torch.manual_seed(0)
    return make_learner(config, cells)


def untrained(config: DiffusionConfig, cells: Floats) -> CrystalGenerator:
    return learner(config, cells).model


def test_the_profiles_are_the_papers_and_its_codes() -> None:
    paper, code = profile("paper"), profile("published-code")

    assert (paper.learning_rate, paper.betas, paper.batch, paper.gradient_penalty) == (1e-4, (0.5, 0.999), 32, 10)
    assert (paper.slots_weight, paper.generated_counts_weight, paper.generated_slots_weight) == (0.3, 1, 1)
    assert paper.augmentation.per_composition == 1000
    assert (code.learning_rate, code.classifier_learning_rate, code.decay, code.decay_epochs) == (
        5e-5,
        2.5e-5,
        0.95,
        10,
    )
    assert (code.critic_steps, code.epochs, code.generated_slots_weight) == (5, 501, 0)
    assert code.conditions == "uniform"
    assert code.empty_noise


@pytest.mark.parametrize("settings", [*map(profile, PROFILES), DiffusionConfig(steps=7)])
def test_settings_survive_as_plain_data(settings: Settings) -> None:
    assert settings_from(settings.to_dict()) == settings


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"profile": "best"}, "there is no profile 'best'"),
        ({"latents": 3}, "no such setting: latents"),
        ({"batch": 1}, "batch is a whole number of at least 2"),
        ({"learning_rate": float("nan")}, "learning_rate is a positive number"),
        ({"critic_channels": []}, "critic_channels are whole numbers"),
        ({"conditions": "all"}, "one of data, uniform"),
        ({"precision": "half"}, "one of float32, bfloat16"),
        ({"profile": "diffusion", "neighbours": 27}, "neighbours is 26 at most"),
        ({"profile": "diffusion", "least_noise": 3.0}, "less than most_noise"),
        ({"profile": "diffusion", "batch": 3}, "no such setting: batch"),
        ({"profile": "diffusion", "average": 1.0}, "average lies in"),
        ({"augmentation": {"rotations": True}}, "no kind of augmentation 'rotations'"),
    ],
)
def test_bad_settings_are_refused(data: dict[str, object], words: str) -> None:
    with pytest.raises(BadConfig, match=words):
        settings_from(data)


def test_a_training_gives_the_figures_of_each_epoch(config: Settings, cells: Floats) -> None:
    done = train(learner(config, cells), epochs=2, seed=1)

    for figures in done.history:
        assert {"share_as_asked", "share_valid"} <= set(figures)
        assert ("counts_loss" in figures) == (config.profile == "paper")
        assert ("critic_loss" in figures) == (config.profile in PROFILES)
        assert ("noise_loss" in figures) == (config.profile == "diffusion")


def test_a_resumed_training_is_the_same_bit_by_bit(config: Settings, cells: Floats) -> None:
    straight = learner(config, cells)
    train(straight, epochs=3, seed=5)
    kept: list[bytes] = []
    train(learner(config, cells), epochs=2, seed=5, checkpoint=kept.append)

    resumed = learner(config, cells)
    train(resumed, epochs=3, seed=5, resume=kept[-1])

    assert resumed.model.to_bytes() == straight.model.to_bytes()


def test_what_became_nan_stops_the_training(tiny_diffusion: DiffusionConfig, cells: Floats) -> None:
    broken = DiffusionLearner(tiny_diffusion, cells)
    with torch.no_grad():
        next(broken.network.parameters())[0, 0] = float("nan")

    with pytest.raises(Diverged, match="is nan"):
        train(broken, epochs=1, seed=0)


def test_published_code_asks_for_any_composition_and_puts_noise_on_empty_slots(cells: Floats) -> None:
    config = CrystalGanConfig.from_dict(
        {"profile": "published-code", "latent": 4, "seed_channels": 2, "generator_channels": [4],
         "critic_channels": [4], "critic_dense": [4], "classifier_channels": [4], "classifier_dense": [4], "batch": 4}
    )  # fmt: skip
    one = CrystalGanLearner(config, cells)
    real = torch.tensor(cells[:4], dtype=torch.float32)

    asked = one._asked(torch.ones(500, 3, dtype=torch.int64))
    noisy = one._with_noise(real)

    assert asked.amin(dim=0).tolist() == [1, 1, 1]
    assert asked.amax(dim=0).tolist() == [8, 8, 12]
    empty = real.sum(dim=2) == 0
    assert torch.equal(noisy[~empty], real[~empty])
    assert 0 < noisy[empty].min() <= noisy[empty].max() < 0.03


def test_diffusion_makes_what_is_asked_for_untrained(tiny_diffusion: DiffusionConfig, cells: Floats) -> None:
    model = untrained(tiny_diffusion, cells)

    arrays = sample(model, {"O": 11, "Mn": 5, "Mg": 3}, 40, seed=2)

    assert (counts(arrays, MG_MN_O) == [3, 5, 11]).all()
    assert np.allclose(arrays[:10], sample(model, [3, 5, 11], 10, seed=2), atol=1e-3)
    assert not np.allclose(arrays[:10], sample(model, [3, 5, 11], 10, seed=3), atol=1e-3)


def test_weights_are_kept_and_read_again(config: Settings, cells: Floats) -> None:
    made = learner(config, cells)
    train(made, epochs=1, seed=0)
    data = made.model.to_bytes()

    again = read_generator(data, MG_MN_O)

    assert again.layout == MG_MN_O
    assert np.array_equal(sample(again, [2, 4, 8], 5, 0), sample(made.model, [2, 4, 8], 5, 0))


def test_weights_of_another_layout_or_cut_off_are_refused(
    config: Settings, tiny_diffusion: DiffusionConfig, cells: Floats
) -> None:
    data = learner(config, cells).model.to_bytes()
    other = Layout("mg-mn-o", ("Mg", "Mn", "O"), (4, 8, 12))

    with pytest.raises(WrongModel, match="not of"):
        read_generator(data, other)
    with pytest.raises(WrongModel, match="with these settings and layout"):
        CrystalGan(CrystalGanConfig(layout=other, latent=4), {})
    with pytest.raises(DamagedWeights):
        read_generator(data[: len(data) // 2])
    with pytest.raises(WrongModel, match="lack network"):
        CrystalDiffusion.from_state(tiny_diffusion, {})
    with pytest.raises(WrongModel, match="with these settings"):
        learner(config, cells).load_state({"generator": {}})


def test_generation_rejects_until_there_are_enough(tiny_diffusion: DiffusionConfig, cells: Floats) -> None:
    model = untrained(tiny_diffusion, cells)

    loose = generate(model, {"Mg": 1, "Mn": 1, "O": 2}, 5, seed=1, rule=ANYTHING, distinct=False)
    strict = generate(model, {"Mg": 8, "Mn": 8, "O": 12}, 5, seed=1, max_draws=20)

    assert len(loose.structures) == len(loose.arrays) == 5
    assert {one.composition.reduced_formula for one in loose.structures} == {"MgMnO2"}
    assert loose.drawn == 5 + sum(loose.rejected.values())
    assert strict.drawn == 20 == len(strict.structures) + sum(strict.rejected.values())
    again = generate(model, [1, 1, 2], 5, seed=1, rule=ANYTHING, distinct=False)
    assert np.array_equal(loose.arrays, again.arrays)


def test_of_many_that_are_valid_the_lowest_in_energy_are_kept(tiny_diffusion: DiffusionConfig, cells: Floats) -> None:
    model = untrained(tiny_diffusion, cells)
    asked = {"seed": 1, "rule": ANYTHING, "distinct": False}

    def volumes(structures: list[Structure]) -> list[float | None]:
        found: list[float | None] = [structure.volume for structure in structures]
        return [None, *found[1:]]  # the first can't be evaluated

    first = generate(model, [1, 1, 2], 6, **asked)
    lowest = generate(model, [1, 1, 2], 2, of=6, energies=volumes, **asked)
    all_of_them = generate(model, [1, 1, 2], 6, of=6, energies=volumes, **asked)

    smallest = sorted(structure.volume for structure in first.structures[1:])
    assert [structure.volume for structure in lowest.structures] == smallest[:2]
    assert (lowest.drawn, lowest.valid, lowest.rejected) == (first.drawn, 6, {"energy": 4})
    assert all_of_them.structures[-1].volume == first.structures[0].volume
    limited = generate(model, [1, 1, 2], 2, of=6, energies=volumes, max_draws=1, **asked)
    assert len(limited.structures) == 1


def test_known_structures_and_duplicates_are_not_given(tiny_diffusion: DiffusionConfig, cells: Floats) -> None:
    model = untrained(tiny_diffusion, cells)
    first = generate(model, [1, 1, 2], 1, seed=1, rule=ANYTHING)

    other = generate(model, [1, 1, 2], 1, seed=1, rule=ANYTHING, known=first.structures)

    assert other.rejected.get("known", 0) >= 1
    assert other.drawn > first.drawn


@pytest.mark.parametrize(
    ("composition", "words"),
    [
        ({"Mg": 9, "Mn": 1, "O": 8}, "9 atoms of Mg don't fit"),
        ({"Mn": 1, "O": 2}, "lacks Mg"),
        ({"Mg": 1, "Fe": 1, "O": 2}, "has no Fe"),
        ([1, 1], "3 whole numbers"),
    ],
)
def test_compositions_outside_the_layout_are_refused(
    composition: dict[str, int] | list[int], words: str, tiny_diffusion: DiffusionConfig, cells: Floats
) -> None:
    with pytest.raises(BadLayout, match=words):
        generate(untrained(tiny_diffusion, cells), composition, 1, seed=0)


def test_an_empty_training_set_is_refused(config: Settings) -> None:
    with pytest.raises(NoTrainingData, match="empty"):
        make_learner(config, np.zeros((0, 30, 3)))


def test_too_few_cells_for_a_batch_are_named(cells: Floats) -> None:
    config = CrystalGanConfig(batch=500, augmentation=Augmentation(per_composition=2))

    with pytest.raises(NoTrainingData, match="too few for 5 batches of 500"):
        CrystalGanLearner(config, cells).epoch(0)


def test_evaluation_counts_valid_unique_and_novel(oxides: list[Structure], cells: Floats) -> None:
    """Twice the spinel, and once with an atom on another: two of three valid, one of them new, and it is known."""
    spinel = cells[(cells[:, 2:].sum(axis=2) > 0).sum(axis=1) == 14]
    broken = spinel.copy()
    broken[0, 3] = broken[0, 2]
    arrays = np.concatenate([spinel, broken, spinel])

    found = evaluate(arrays, MG_MN_O, (2, 4, 8), known=Representatives(oxides))

    assert (found.drawn, found.as_asked, found.valid) == (3, 1.0, pytest.approx(2 / 3))
    assert (found.unique, found.novel, found.rediscovered) == (0.5, 0.0, (3,))
    assert "| MgMn2O4 | 3 | 100.0% | 66.7% | 50.0% | 0.0% | 1 |" in table({"MgMn2O4": found})
    assert "3,300 structures" in table({})
    with pytest.raises(ValueError, match="nothing to evaluate"):
        evaluate(arrays[:0], MG_MN_O, (2, 4, 8))
