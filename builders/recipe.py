"""The stages a campaign asks for; what each reads and writes says in which order they run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ..stores.documents import ProposedStructure
from ..stores.errors import ConfigurationError
from . import extensions
from .calculations.match_stage import MatchStage
from .candidates.campaign import Campaign, Hull
from .candidates.judge import JudgeStage
from .candidates.settings_labels import Labels, unlabelled
from .engine.batches import Doc
from .engine.stage import Stage
from .materials.duplicates_stage import LinkStage
from .materials.layering_stage import LayerStage
from .materials.preferred_stage import PreferredStage
from .materials.template_library_stage import TemplateStage
from .properties.band_gap_stage import BandGapStage
from .properties.exfoliation_stage import ExfoliationStage
from .properties.hulls.hull_stage import HullStage
from .properties.hulls.known_hull_stage import KnownHullStage
from .properties.known_values_stage import KnownValuesStage
from .properties.potential import known_potentials
from .properties.potential.lowest_energies_stage import LowestEnergiesStage
from .properties.potential.near_hull_stage import NearHullReferencesStage
from .properties.potential.potential_energies_stage import PotentialEnergiesStage
from .properties.potential.potential_references_stage import PotentialReferencesStage
from .properties.potential.potential_values_stage import PotentialValuesStage
from .properties.pourbaix_stage import PourbaixStage
from .properties.structure_property import StructureProperty
from .structures.novelty_stage import NoveltyStage
from .structures.relaxed_novelty_stage import RelaxedNoveltyStage
from .structures.substitution_stage import BottomUpStage
from .structures.template_structures_stage import NAMES, TemplateStructuresStage
from .structures.top_down_stage import TopDownStage


def common_stages(hull: Hull | None = None) -> list[Stage]:
    """Stages that every registry has, with or without a campaign: what follows for known materials and calculations."""
    settings = (hull or Hull()).model_dump(mode="json")
    known: list[Stage] = [LayerStage(), LinkStage(), PreferredStage()]
    return [*known, MatchStage(), HullStage(**settings), KnownHullStage(), ExfoliationStage(), BandGapStage()]


def stages_of(campaign: Campaign, label: Labels = unlabelled, errors: dict[str, str] | None = None) -> list[Stage]:
    """Stages of a campaign beside its sources, in no particular order.

    Parameters
    ----------
    label
        Tells stages of these settings from those that other campaigns want; without, they have their usual names.
    errors
        By what is left out, filled with what keeps the campaign's potential from being used.

    Raises
    ------
    ConfigurationError
        A setting can't be used; where `errors` is given, not for the potential: the rest goes on without.
    """
    potential = _potential_of(campaign, errors)
    stages = [*common_stages(campaign.hull), NoveltyStage(), KnownValuesStage()]
    labels: dict[str, str] = {}
    if campaign.compositions is not None:
        from .compositions.route import composition_route  # brings torch along, which other campaigns don't need

        route = composition_route(campaign.compositions, label)
        stages += route.stages
        labels = route.labels
    routes = [*_layer_routes(campaign, label), *_template_route(campaign, labels, label)]
    routes += _crystal_gan_route(campaign, label)
    stages += routes
    if campaign.pourbaix is not None:
        settings = campaign.pourbaix.model_dump()
        scheme, elements = campaign.hull.scheme.value, list(campaign.elements) or None
        stages.append(PourbaixStage(**settings, scheme=scheme, elements=elements))
    stages += _potential_stages(campaign, potential)
    makers = sorted(stage.name for stage in routes if ProposedStructure in stage.writes)
    stages.append(JudgeStage(campaign.model_dump(mode="json", by_alias=True), makers))
    return stages


def _layer_routes(campaign: Campaign, label: Labels) -> list[Stage]:
    stages: list[Stage] = []
    parents_by = None
    if campaign.routes.top_down is not None:
        settings = campaign.routes.top_down.model_dump()
        stages.append(TopDownStage(**settings, label=label("top-down", settings)))
        parents_by = stages[0].name
    if campaign.routes.bottom_up is not None:
        # Only what repeats no other structure is worth substituting in: it waits for novelty, and novelty for it.
        settings = {**campaign.routes.bottom_up.model_dump(), "parents_by": parents_by}
        stages.append(BottomUpStage(**settings, label=label("bottom-up", settings)))
    return stages


def _template_route(campaign: Campaign, labels: dict[str, str], label: Labels) -> list[Stage]:
    """What finds the templates among known materials, and what makes structures of compositions from them."""
    route = campaign.routes.template
    if route is None:
        return []
    dimension = route.dimension or (3 if campaign.dimension == 3 else 2)
    settings = {**route.model_dump(exclude={"dimension"}), "judged": campaign.compositions is not None}
    settings["labels"] = {name: given for name, given in labels.items() if given}
    chosen = label(NAMES[dimension], settings)
    return [TemplateStage(), TemplateStructuresStage(dimension, **settings, label=chosen)]


def _crystal_gan_route(campaign: Campaign, label: Labels) -> list[Stage]:
    """What trains a Crystal GAN, and what makes crystals of wanted compositions with it."""
    route = campaign.routes.crystal_gan
    if route is None:
        return []
    from .compositions.route import training_stage  # torch again
    from .structures.crystal_gan_stage import CrystalGanStage

    settings = route.model_dump(mode="json", exclude={"model", "oxidation"})
    settings |= {"rule": route.oxidation.model_dump() if route.oxidation else None, "model": route.model.use}
    if campaign.potential is not None and known_potentials.label(campaign.potential.model):
        settings["potential"] = campaign.potential.model
    layout = CrystalGanStage(**settings).layout
    model = route.model.model_copy(update={"config": {**route.model.config, "layout": layout.to_dict()}})
    training = training_stage("crystal-gan", model, label)
    settings["request"] = training.request if training is not None else None
    stage = CrystalGanStage(**settings, label=label(f"crystal-gan-structures:{layout.name}", settings))
    return [stage] if training is None else [training, stage]


def _potential_of(campaign: Campaign, errors: dict[str, str] | None) -> str | None:
    """Name of the campaign's potential, if it has one that can be made."""
    if campaign.potential is None:
        return None
    name = campaign.potential.model
    try:
        known_potentials.potential(name)
    except ConfigurationError as error:
        if errors is None:
            raise
        errors[f"potential:{name}"] = str(error)
        return None
    return name


def _potential_stages(campaign: Campaign, potential: str | None) -> list[Stage]:
    if campaign.potential is None or potential is None:
        return []
    wanted = campaign.potential
    limits = wanted.model_dump(include={"max_steps", "force_tolerance", "max_seconds"}) | {"potential": potential}
    limited = {**limits, "max_structures": wanted.max_structures}
    values = PotentialValuesStage(relax=wanted.relax, potential=potential)
    if not wanted.relax:
        return [PotentialReferencesStage(**limits), PotentialEnergiesStage(**limited), values]
    # A relaxation is dear: only what the campaign looks at. Energies as they stand are evaluated for all alike.
    mine: Doc = {"elements": campaign.elements or None}
    stages: list[Stage] = [PotentialReferencesStage(relax=True, **mine, **limits)]
    if wanted.reference_window is not None:
        near = NearHullReferencesStage(window=wanted.reference_window, **mine, **limits)
        stages = [PotentialReferencesStage(**limits), near]
    if wanted.relax_lowest is not None:
        lowest = LowestEnergiesStage(lowest=wanted.relax_lowest, **mine, **limited)
        stages += [PotentialEnergiesStage(**limits), lowest]
    else:
        stages.append(PotentialEnergiesStage(relax=True, **mine, **limited))
    return [*stages, RelaxedNoveltyStage(potential=potential), values]


def stages_of_other_packages(taken: Iterable[str], errors: dict[str, str]) -> list[Stage]:
    """Stages that installed packages add, each ready to be run.

    Parameters
    ----------
    taken
        Names of the stages that there are already.
    errors
        By entry point, filled with what keeps a stage from being made; one keeps nothing else from running.
    """
    stages: list[Stage] = []
    names = set(taken)
    units: dict[str, str] = {}
    for extension in extensions.installed(extensions.STAGES, extensions.PROPERTIES):
        try:
            made = list(_made_by(extension))
            for stage in made:
                _check_new(stage, extension, names, units)
        except ConfigurationError as error:
            errors[f"{extension.group}:{extension.name}"] = str(error)
            continue
        stages += made
        names.update(stage.name for stage in made)
        units.update((stage.kind, stage.unit) for stage in made if isinstance(stage, StructureProperty))
    return stages


def _made_by(extension: extensions.Extension) -> Iterator[Stage]:
    maker = extension.load()
    if extension.group == extensions.PROPERTIES:
        if not (isinstance(maker, type) and issubclass(maker, StructureProperty)):
            raise extension.error("is no subclass of StructureProperty")
        if getattr(maker, "kind", None) != extension.name:
            raise extension.error(f"the entry is called {extension.name}, its kind {getattr(maker, 'kind', None)}")
    try:
        given = maker()
        made = list(given) if isinstance(given, list | tuple) else [given]
        for stage in made:
            if not isinstance(stage, Stage):
                raise extension.error(f"gives {type(stage).__name__}, which is no stage")
            # All that is asked of a stage before it runs, so that what is wrong comes out here.
            stage.fresh()
            _ = (stage.reads(), stage.looks_at(), stage.written_channels(), stage.fingerprint)
    except ConfigurationError:
        raise
    except Exception as error:
        raise extension.error(f"can't be made: {type(error).__name__}: {error}") from error
    yield from made


def _check_new(stage: Stage, extension: extensions.Extension, names: set[str], units: dict[str, str]) -> None:
    if stage.name in names:
        raise extension.error(f"there is a stage called {stage.name} already")
    if isinstance(stage, StructureProperty) and units.get(stage.kind, stage.unit) != stage.unit:
        raise extension.error(f"another package gives {stage.kind} in {units[stage.kind]}, not in {stage.unit}")
