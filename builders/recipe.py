"""The stages a campaign asks for; what each reads and writes says in which order they run."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence

from ..models.calculation.methods import parse_method
from ..models.composition.formula.single_formula import read_one
from ..models.crystal_gan.crystals.layout_compositions import layout_of
from ..stores.documents import ProposedStructure
from ..stores.errors import ConfigurationError
from . import extensions
from .calculations.match_stage import MatchStage
from .candidates.campaigns.campaign import Campaign, Exfoliation, Potential, Pourbaix, Stability
from .candidates.campaigns.composition_settings import Compositions
from .candidates.campaigns.crystal_gan_route import LISTED
from .candidates.judge import JudgeStage
from .candidates.settings_labels import Labels, unlabelled
from .compositions.formula_list import listed, one_system
from .engine.batches import Doc
from .engine.execution import plan
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
from .properties.magnetization_stage import MagnetizationStage
from .properties.potential import known_potentials
from .properties.potential.exchange_energies_stage import ExchangeEnergiesStage
from .properties.potential.formation_calibration_stage import FormationCalibrationStage
from .properties.potential.layers.exfoliation_calibration_stage import ExfoliationCalibrationStage
from .properties.potential.layers.exfoliation_values_stage import ExfoliationValuesStage
from .properties.potential.layers.hull_dispersion_stage import HullDispersionStage
from .properties.potential.layers.layer_energies_stage import LayerEnergiesStage
from .properties.potential.lowest_energies_stage import LowestEnergiesStage
from .properties.potential.near_hull_stage import NearHullReferencesStage
from .properties.potential.potential_energies_stage import PotentialEnergiesStage
from .properties.potential.potential_pourbaix_stage import PotentialPourbaixStage
from .properties.potential.potential_references_stage import PotentialReferencesStage
from .properties.potential.potential_stage import PotentialStage, method_name, stage_name
from .properties.potential.potential_values_stage import PotentialValuesStage
from .properties.pourbaix_stage import PourbaixStage
from .properties.stability.potential_stability_stage import PotentialStabilityStage
from .properties.stability.stability_values_stage import StabilityValuesStage
from .properties.structure_property import StructureProperty
from .structures.distorted_stage import DistortedStage
from .structures.novelty_stage import NoveltyStage
from .structures.relaxed_novelty_stage import RelaxedNoveltyStage, relaxed_label
from .structures.substitution_stage import BottomUpStage
from .structures.template_structures_stage import NAMES, TemplateStructuresStage
from .structures.top_down_stage import TopDownStage


def common_stages(hull: HullStage | None = None) -> list[Stage]:
    """Stages that every registry has, with or without a campaign: what follows for known materials and calculations."""
    known: list[Stage] = [LayerStage(), LinkStage(), PreferredStage()]
    of_calculations: list[Stage] = [ExfoliationStage(), BandGapStage(), MagnetizationStage()]
    return [*known, MatchStage(), hull or HullStage(), KnownHullStage(), *of_calculations]


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
    hull = _hull_stage(campaign, label)
    stages = [*common_stages(hull), NoveltyStage(), KnownValuesStage()]
    labels: dict[str, str] = {}
    if campaign.compositions is not None:
        from .compositions.route import composition_route  # brings torch along, which other campaigns don't need

        route = composition_route(campaign.compositions, label)
        stages += route.stages
        labels = route.labels
    routes = [*_layer_routes(campaign, label), *_template_route(campaign, labels, label)]
    routes += _crystal_gan_route(campaign, label)
    stages += routes
    of_candidates: list[Stage] = []
    values_by: Doc = {"hull": hull.name, "exfoliation": ""}
    if campaign.potential is not None:
        values_by["relaxed"] = known_potentials.label(campaign.potential.model)
    if campaign.pourbaix is not None:
        in_water = _pourbaix_stage(campaign, campaign.pourbaix, hull, label)
        values_by["conditions"] = in_water.conditions
        stages.append(in_water)
    if campaign.potential is not None and potential is not None:
        by_potential, said_by = _potential_stages(campaign, campaign.potential, label)
        stages += by_potential
        if campaign.pourbaix is not None:
            stages += _in_water_by_potential(in_water, by_potential)
        values_by |= said_by
        of_candidates.append(ExchangeEnergiesStage(potential=campaign.potential.model))
    if campaign.exfoliation is not None:
        by_potentials = _exfoliation_stages(campaign.exfoliation, errors)
        stages += by_potentials
        values_by["exfoliation"] = by_potentials[-1].name if by_potentials else ""
    values_by["stability"] = ""
    of_stability = [] if campaign.stability is None else _stability_stages(campaign.stability, errors)
    of_candidates += of_stability
    if of_stability:
        values_by["stability"] = of_stability[-1].name
    makers = sorted(stage.name for stage in routes if ProposedStructure in stage.writes)
    if campaign.stability is not None and campaign.stability.distorted and of_stability:
        stages.append(DistortedStage(campaign.name, campaign.stability.potentials))
        makers = sorted([*makers, stages[-1].name])
    stages.append(JudgeStage(campaign.model_dump(mode="json", by_alias=True), makers, values_by))
    return [*stages, *of_candidates]  # which look at what the judge says


def _hull_stage(campaign: Campaign, label: Labels) -> HullStage:
    settings = campaign.hull.model_dump(mode="json")
    checked = {name: setting for name, setting in settings.items() if name != "scheme"}
    return HullStage(**settings, label=label(HullStage(**settings).name, checked))


def _pourbaix_stage(campaign: Campaign, wanted: Pourbaix, hull: HullStage, label: Labels) -> PourbaixStage:
    settings: Doc = {**wanted.model_dump(), "scheme": hull.scheme.value, "hull": hull.label}
    # The conditions stand in the method of a value; by which ions it was got has to be told beside.
    ions = PourbaixStage(**settings).config()["ions"]
    chosen = label(f"pourbaix, {wanted.conditions}", {"ions": ions})
    return PourbaixStage(**settings, elements=list(campaign.elements) or None, label=chosen)


def _in_water_by_potential(in_water: PourbaixStage, by_potential: Iterable[Stage]) -> Iterator[Stage]:
    """What judges in water by a potential, if its energies are of the kind that become Gibbs energies."""
    conditions = in_water.arguments()
    for stage in by_potential:
        if isinstance(stage, PotentialValuesStage) and stage.potential.has_tabulated_scale:
            labels: Doc = {"of_values": stage.label, "of_references": stage.of_references}
            whose: Doc = {"potential": stage.potential.slug, "relax": stage.relax, **stage.limits, **labels}
            yield PotentialPourbaixStage(**conditions, **whose)


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
    if route.layout == LISTED and campaign.compositions is not None:
        settings |= _of_listed(campaign.compositions)
    if campaign.potential is not None and known_potentials.label(campaign.potential.model):
        settings["potential"] = campaign.potential.model
    layout = CrystalGanStage(**settings).layout
    model = route.model.model_copy(update={"config": {**route.model.config, "layout": layout.to_dict()}})
    training = training_stage("crystal-gan", model, label)
    settings["request"] = training.request if training is not None else None
    stage = CrystalGanStage(**settings, label=label(f"crystal-gan-structures:{layout.name}", settings))
    return [stage] if training is None else [training, stage]


def _of_listed(compositions: Compositions) -> Doc:
    """Layout and cells for the compositions of a campaign's own list."""
    formulas = listed(compositions.formulas, compositions.formulas_from)
    one_system(formulas)
    amounts = [{symbol: round(n) for symbol, n in read_one(one.facts.reduced).items()} for one in formulas]
    layout, cells = layout_of(amounts)
    return {"layout": layout.to_dict(), "cells": [list(cell) for cell in cells]}


def _exfoliation_stages(wanted: Exfoliation, errors: dict[str, str] | None) -> list[Stage]:
    """What evaluates layers by each potential, and what joins that; nothing where one of the potentials can't be made.

    Layers are the same for all campaigns, and so is what a potential says of them.
    """
    if any(_usable(name, errors) is None for name in wanted.potentials):
        return []
    energies = [LayerEnergiesStage(potential=name, relax=wanted.relax) for name in wanted.potentials]
    errors_and_values = (ExfoliationCalibrationStage, ExfoliationValuesStage)
    return [*energies, *(stage(wanted.potentials, relax=wanted.relax) for stage in errors_and_values)]


def _stability_stages(wanted: Stability, errors: dict[str, str] | None) -> list[Stage]:
    """What evaluates candidates by each potential, and what joins that; nothing where one of these can't be made."""
    if any(_usable(name, errors) is None for name in wanted.potentials):
        return []
    each = [PotentialStabilityStage(potential=name) for name in wanted.potentials]
    return [*each, StabilityValuesStage(wanted.potentials)]


def _potential_of(campaign: Campaign, errors: dict[str, str] | None) -> str | None:
    """Name of the campaign's potential, if it has one that can be made."""
    return None if campaign.potential is None else _usable(campaign.potential.model, errors)


def _usable(name: str, errors: dict[str, str] | None) -> str | None:
    """Name of a potential, if it can be made."""
    try:
        known_potentials.potential(name)
    except ConfigurationError as error:
        if errors is None:
            raise
        errors[f"potential:{name}"] = str(error)
        return None
    return name


def _potential_stages(campaign: Campaign, wanted: Potential, label: Labels) -> tuple[list[Stage], Doc]:
    """Stages of a campaign's potential, and by which methods it is judged then, as fields of `ValuesBy`."""
    potential = known_potentials.potential(wanted.model)
    by: Doc = {"potential": wanted.model}
    limited: Doc = {**by, "max_structures": wanted.max_structures}
    if not wanted.relax:  # energies as they stand are evaluated for all alike
        stages = [PotentialReferencesStage(**by), PotentialEnergiesStage(**limited), PotentialValuesStage(**by)]
        stages.append(FormationCalibrationStage(**by))
        static = method_name(potential, relax=False)
        if campaign.dimension < 3 and parse_method(static).dispersion is False:
            stages.append(HullDispersionStage(**by))
        return stages, {"energies": static, "values": static, "relaxed": None}
    limits = wanted.model_dump(include={"max_steps", "force_tolerance", "max_seconds"})
    settings = {
        "references": {**limits, "window": wanted.reference_window},
        "energies": {**limits, "lowest": wanted.relax_lowest},
        "values": {**limits, "window": wanted.reference_window, "lowest": wanted.relax_lowest},
    }
    labels = {what: label(stage_name(what, potential, relax=True), chosen) for what, chosen in settings.items()}
    # A relaxation is dear: only what the campaign looks at.
    mine: Doc = {"elements": campaign.elements or None, **limits}
    references: Doc = {**by, **mine, "label": labels["references"]}
    energies: Doc = {**limited, **mine, "label": labels["energies"]}
    if wanted.reference_window is None:
        stages = [PotentialReferencesStage(relax=True, **references)]
    else:
        near = NearHullReferencesStage(window=wanted.reference_window, **references)
        stages = [PotentialReferencesStage(**by), near]
    if wanted.relax_lowest is None:
        stages.append(PotentialEnergiesStage(relax=True, **energies))
    else:
        stages += [PotentialEnergiesStage(**by), LowestEnergiesStage(lowest=wanted.relax_lowest, **energies)]
    values = PotentialValuesStage(
        **by,
        relax=True,
        max_steps=wanted.max_steps,
        force_tolerance=wanted.force_tolerance,
        label=labels["values"],
        of_energies=labels["energies"],
        of_references=labels["references"],
    )
    errors = FormationCalibrationStage(**by, relax=True, label=labels["values"])
    stages += [values, errors, RelaxedNoveltyStage(**by, label=labels["energies"])]
    compared = method_name(potential, relax=True, label=labels["values"])
    if campaign.dimension < 3 and parse_method(compared).dispersion is False:
        stages.append(HullDispersionStage(**by, relax=True, label=labels["values"]))
    return stages, {
        "energies": method_name(potential, relax=True, label=labels["energies"]),
        "values": compared,
        "relaxed": relaxed_label(wanted.model, labels["energies"]),
    }


def in_order(stages: Sequence[Stage]) -> list[plan.Circle]:
    """The plan of stages; what leads from verdicts back to structures comes last in its circle.

    That one makes nearly all that follows structures one circle, in which the given order stays.
    """
    back = [stage for stage in stages if isinstance(stage, DistortedStage)]
    forth = plan.ordered([stage for stage in stages if not isinstance(stage, DistortedStage)])
    return plan.ordered([*(stage for circle in forth for stage in circle), *back])


def agreed(stages: Sequence[Stage]) -> list[Stage]:
    """Stages, each once; of one that campaigns limit to so many structures a refresh by the most generous limit.

    What can't be told apart is shared: with other settings for each campaign, every refresh would undo the last.

    Raises
    ------
    ConfigurationError
        Two campaigns want a stage with different settings, and it is one that can't be told apart.
    """
    agreed: dict[str, Stage] = {}
    for stage in stages:
        other = agreed.setdefault(stage.name, stage)
        if other.fingerprint != stage.fingerprint:
            raise ConfigurationError(
                f"two campaigns want stage {stage.name} with different settings, and it can have but one",
                "Give both the same settings, or one of them a database of its own (EXFOLIO_DATABASE).",
            )
        if isinstance(stage, PotentialStage) and isinstance(other, PotentialStage):
            agreed[stage.name] = max(other, stage, key=lambda limited: limited.max_structures or math.inf)
    return list(agreed.values())


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
