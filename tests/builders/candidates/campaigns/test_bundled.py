"""Campaigns cut to what the bundled sources can feed."""

from exfolio.builders.candidates.campaigns.bundled import for_bundled_sources
from exfolio.builders.candidates.campaigns.campaign_files import load
from exfolio.builders.properties.potential.lowest_energies_stage import LowestEnergiesStage
from exfolio.builders.recipe import stages_of
from exfolio.builders.structures.crystal_gan_stage import CrystalGanStage
from exfolio.builders.training.training_stage import TrainingStage
from exfolio.models.crystal_gan.diffusion.config import DiffusionConfig, settings_from


def test_the_photoanodes_get_a_small_model_and_few_crystals_which_are_relaxed() -> None:
    campaign = for_bundled_sources(load("mg-mn-o-photoanode"))

    training, making = (
        next(stage for stage in stages_of(campaign) if isinstance(stage, kind))
        for kind in (TrainingStage, CrystalGanStage)
    )
    assert isinstance(training, TrainingStage)
    settings = settings_from({name: training.kind.config[name] for name in DiffusionConfig().to_dict()})
    assert isinstance(settings, DiffusionConfig)
    assert settings.batches_per_epoch * settings.epochs * settings.atoms_per_batch < 100_000  # some seconds
    assert isinstance(making, CrystalGanStage)
    assert len(making.wanted) * making.structures < 20
    relaxing = next(stage for stage in stages_of(campaign) if isinstance(stage, LowestEnergiesStage))
    assert relaxing.name == "potential-energies-relaxed:Mg-Mn-O"  # none of the many monolayers
    assert relaxing.lowest * len(making.wanted) * relaxing.max_steps < 1000


def test_both_campaigns_of_the_demo_agree_on_shared_stages() -> None:
    two = [for_bundled_sources(load(name)) for name in ("two-dimensional", "mg-mn-o-photoanode")]

    first, second = ({stage.name: stage.fingerprint for stage in stages_of(one)} for one in two)
    shared = set(first) & set(second)
    assert "potential-energies" in shared
    assert {name for name in shared if first[name] != second[name]} == set()
