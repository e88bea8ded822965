"""The stages of the route by generated compositions, in order, as a campaign wants them."""

from __future__ import annotations

from ..candidates.composition_settings import Compositions, ModelSettings
from ..engine.map_stage import MapStage
from ..engine.stage import Stage
from ..training.training_stage import TrainingStage
from .classify_stage import ClassifyStage
from .energy_stage import CompositionEnergyStage
from .novelty_stages import CompositionNoveltyStage, KnownCompositionsStage
from .sample_stage import SampleStage
from .screen_stage import ScreenStage
from .verdict_stage import JudgeCompositionsStage


def stages(wanted: Compositions) -> list[Stage]:
    """Give the stages: models first, then what draws and looks at compositions.

    What looks at compositions works on new ones before they are stored, and then on those that are due for it alone.
    """
    models = {"matgan": wanted.matgan, "classifier": wanted.classifier, "roost": wanted.roost}
    sample = SampleStage(draws=wanted.draws, seed=wanted.seed, model=wanted.matgan.use)
    return [
        *(_training(kind, settings) for kind, settings in models.items() if settings.train and settings.use is None),
        KnownCompositionsStage(),
        sample.fused_with(*_lookers(wanted)),
        *_lookers(wanted),
    ]


def _lookers(wanted: Compositions) -> list[MapStage]:
    return [
        ScreenStage(oxidation_states=wanted.oxidation_states),
        CompositionNoveltyStage(),
        ClassifyStage(model=wanted.classifier.use),
        CompositionEnergyStage(min_p_2d=wanted.energies_from, model=wanted.roost.use),
        JudgeCompositionsStage(
            gates=[gate.model_dump(mode="json", by_alias=True, exclude_none=True) for gate in wanted.gates]
        ),
    ]


def _training(kind: str, settings: ModelSettings) -> TrainingStage:
    return TrainingStage(kind, config=settings.config, queries=settings.filters, seed=settings.seed)
