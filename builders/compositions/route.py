"""The stages of the route by compositions, generated or listed, as a campaign wants them."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..candidates.campaigns.composition_settings import Compositions, ModelSettings
from ..candidates.settings_labels import Labels, unlabelled
from ..engine.batches import Doc
from ..engine.selection.map_stage import MapStage
from ..engine.stage import Stage
from ..training.training_stage import TrainingStage
from . import familiarity_stage, sample_stage, screen_stage, verdict_stage
from .classify_stage import ClassifyStage
from .energy_stage import CompositionEnergyStage
from .familiarity_stage import FamiliarityStage
from .listed_stage import ListedStage
from .novelty_stages import CompositionNoveltyStage, KnownCompositionsStage
from .sample_stage import SampleStage
from .screen_stage import ScreenStage
from .verdict_stage import JudgeCompositionsStage


@dataclass(slots=True)
class CompositionRoute:
    """The stages of a campaign's compositions, and what other stages have to know of them.

    Attributes
    ----------
    stages
        The stages.
    labels
        By facet of compositions, the label of the settings whose values this campaign goes by.
    """

    stages: list[Stage] = field(default_factory=list)
    labels: dict[str, str] = field(default_factory=dict)


def composition_route(settings: Compositions, label: Labels = unlabelled) -> CompositionRoute:
    """Stages that train the models, and that draw and look at compositions.

    What looks at compositions works on new ones before they are stored, and then on those that are due for it alone.
    """
    route = CompositionRoute()
    requests: dict[str, str | None] = {}
    chosen: dict[str, ModelSettings] = {
        "roost": settings.roost,  # first, as it may run beside the others
        "matgan": settings.matgan,
        "classifier": settings.classifier,
    }
    if settings.are_listed:
        del chosen["matgan"]
    for kind, model in chosen.items():
        training = training_stage(kind, model, label)
        requests[kind] = training.request if training is not None else None
        route.stages += [training] if training is not None else []
    sample = _beginning(settings, requests.get("matgan"), label)
    screening: Doc = {"oxidation_states": settings.oxidation_states}
    # a list of three is no reason to look at a million that others have drawn
    own: Doc = {"drawn_by": sample.name} if settings.are_listed else {}
    classifying: Doc = {"model": settings.classifier.use, "request": requests["classifier"], **own}
    route.labels["screen"] = label(screen_stage.NAME, screening)
    route.labels["classify"] = label(ClassifyStage.usual_name, classifying)
    promising: Doc = {
        "min_p_2d": settings.energies_from,
        "screened": route.labels["screen"],
        "classified": route.labels["classify"],
        **own,
    }
    route.labels["familiarity"] = label(familiarity_stage.NAME, promising)
    energies: Doc = {**promising, "model": settings.roost.use, "request": requests["roost"]}
    route.labels["energy"] = label(CompositionEnergyStage.usual_name, energies)
    judging: Doc = {
        "gates": [gate.model_dump(mode="json", by_alias=True, exclude_none=True) for gate in settings.gates],
        "drawn_by": sample.name,
        "labels": dict(route.labels),
    }
    route.labels["verdict"] = label(verdict_stage.NAME, judging, alone=True)

    def lookers() -> list[MapStage]:
        return [
            ScreenStage(**screening, label=route.labels["screen"]),
            CompositionNoveltyStage(),
            ClassifyStage(**classifying, label=route.labels["classify"]),
            FamiliarityStage(**promising, label=route.labels["familiarity"]),
            CompositionEnergyStage(**energies, label=route.labels["energy"]),
            JudgeCompositionsStage(**judging, label=route.labels["verdict"]),
        ]

    route.stages += [KnownCompositionsStage(), sample.fused_with(*lookers()), *lookers()]
    return route


def _beginning(settings: Compositions, request: str | None, label: Labels) -> SampleStage | ListedStage:
    """Stage that all compositions of the campaign come from."""
    if settings.are_listed:
        listing: Doc = {"formulas": list(settings.formulas), "file": settings.formulas_from}
        return ListedStage(**listing, label=label(sample_stage.NAME, listing))
    drawing: Doc = {"draws": settings.draws, "seed": settings.seed, "model": settings.matgan.use, "request": request}
    if settings.wish is not None:
        drawing["wish"] = {**settings.wish.model_dump(mode="json"), "oxidation_states": settings.oxidation_states}
    return SampleStage(**drawing, label=label(sample_stage.NAME, drawing))


def training_stage(kind: str, model: ModelSettings, label: Labels) -> TrainingStage | None:
    """Stage that trains a model as a campaign wants it; None where it takes one that is there."""
    if not model.train or model.use is not None:
        return None
    settings: Doc = {"config": model.config, "queries": model.filters, "seed": model.seed}
    return TrainingStage(kind, **settings, label=label(f"train:{kind}", settings))
