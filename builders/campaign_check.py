"""Checks a campaign as a refresh would meet it, without a database: file, sources, settings of its stages."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ..stores.errors import ConfigurationError
from .candidates.campaigns.campaign import Campaign
from .candidates.campaigns.campaign_files import CampaignError, line_of, load, shipped
from .compositions.formula_list import listed
from .properties.potential import known_potentials
from .recipe import stages_of
from .refresh import source_stage
from .training.model_kinds import kind_of_model

_MODELS = ("matgan", "classifier", "roost")


def checked(name_or_path: str) -> Campaign:
    """Load a campaign by the name of a shipped one or by path, once everything in it can be used.

    Raises
    ------
    CampaignError
        It is wrong: names file, line, and what would be right.
    """
    campaign = load(name_or_path)
    if name_or_path in shipped():
        return campaign
    text = Path(name_or_path).read_text(encoding="utf-8")
    problems = list(_problems(campaign))
    if problems:
        lines = [
            f"{name_or_path}, line {line_of(text, location)}: {'.'.join(map(str, location))}: {error.message}"
            for location, error in problems
        ]
        raise CampaignError("\n".join(lines), problems[0][1].remedy)
    return campaign


def _problems(campaign: Campaign) -> Iterator[tuple[list[str | int], ConfigurationError]]:
    """What keeps sources and stages from being made, by where it stands in the file."""
    for i, source in enumerate(campaign.sources):
        try:
            source_stage(source.kind, source.options)
        except ConfigurationError as error:
            yield ["sources", i], error
    if campaign.compositions is not None and campaign.compositions.are_listed:
        try:
            listed(campaign.compositions.formulas, campaign.compositions.formulas_from)
        except ConfigurationError as error:
            yield ["compositions", "formulas_from" if campaign.compositions.formulas_from else "formulas"], error
            return
    found_in_models = False
    for name in _MODELS if campaign.compositions is not None else ():
        model = getattr(campaign.compositions, name)
        try:
            kind_of_model(name)(model.config, model.filters)
        except ConfigurationError as error:
            found_in_models = True
            yield ["compositions", name], error
    if found_in_models:
        return
    if campaign.potential is not None:
        try:
            known_potentials.potential(campaign.potential.model)
        except ConfigurationError as error:
            yield ["potential", "model"], error
            return
    try:
        stages_of(campaign)
    except ConfigurationError as error:
        yield ["routes"], error
