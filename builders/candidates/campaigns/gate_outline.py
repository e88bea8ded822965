"""The gates of campaigns that were refreshed before, for commands that only count and explain verdicts.

Reads of a campaign no more than its name and gates, and imports no science: a whole `Campaign` is checked against
models, which takes a second of imports.
"""

from __future__ import annotations

from importlib.resources import files
from typing import Any, Final, Protocol, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError
from ruamel.yaml import YAML

from ....stores.connection import Connection
from ....stores.errors import ConfigurationError
from .gates import Gate

Doc = dict[str, Any]
Read = TypeVar("Read", bound=BaseModel)

USUAL: Final = "two-dimensional"
"""The campaign that is meant where none is named."""


class Judging(Protocol):
    """What a campaign and an outline of one have in common."""

    @property
    def name(self) -> str:
        """Name of the campaign."""

    @property
    def gates(self) -> tuple[Gate, ...]:
        """Conditions on structures, in order."""

    @property
    def compositions(self) -> Any:
        """Something whose ``gates`` are conditions on generated compositions; None where the campaign draws none."""


class CompositionOutline(BaseModel):
    """Gates of generated compositions."""

    model_config = ConfigDict(frozen=True)

    gates: tuple[Gate, ...] = ()


class CampaignOutline(BaseModel):
    """Name and gates of a campaign."""

    model_config = ConfigDict(frozen=True)

    name: str
    gates: tuple[Gate, ...]
    compositions: CompositionOutline | None = None


def recorded_campaigns(connection: Connection) -> list[Doc]:
    """Campaigns that were refreshed before, as plain data, in the order of the stages that judge for them."""
    stored = connection.database["stage_states"].find({"stage": {"$regex": "^judge:"}}, {"maker": 1}).sort("stage", 1)
    plain = (state.get("maker", {}).get("arguments", {}).get("campaign") for state in stored)
    return [campaign for campaign in plain if campaign]


def shipped_campaigns() -> list[Doc]:
    """Campaigns that come with exfolio, as plain data, by name."""
    files_of_campaigns = (entry for entry in files(__package__).iterdir() if entry.name.endswith(".yaml"))
    plain = (YAML(typ="safe").load(entry.read_text(encoding="utf-8")) for entry in files_of_campaigns)
    return sorted(plain, key=lambda campaign: str(campaign["name"]))


def outlines(connection: Connection) -> list[CampaignOutline]:
    """Outlines of the campaigns that were refreshed before.

    Raises
    ------
    ConfigurationError
        One was written by another version, and this one can't read it.
    """
    return [read_recorded(CampaignOutline, campaign) for campaign in recorded_campaigns(connection)]


def outline_of(connection: Connection, name: str | None = None) -> CampaignOutline:
    """Outline of a campaign that was refreshed before.

    Parameters
    ----------
    connection
        The database.
    name
        Its name; without, that of the usual campaign, else of the first there is.

    Raises
    ------
    ConfigurationError
        There is no campaign of that name, or it was not refreshed in this registry.
    """
    known = {campaign.name: campaign for campaign in outlines(connection)}
    if name is None:
        likely = [*(other for other in known if other.startswith(USUAL)), *known]
        name = USUAL if USUAL in known or not likely else likely[0]
    if name not in known:
        from .campaign_files import load  # a second of imports, to explain

        load(name)  # says what is wrong where there is none of that name
        raise ConfigurationError(
            f"campaign {name} has not been refreshed in this registry", f"Refresh it: exfolio refresh {name}"
        )
    return known[name]


def read_recorded(kind: type[Read], plain: Doc) -> Read:
    """Read a campaign that was refreshed before, or its outline, as it was then.

    Raises
    ------
    ConfigurationError
        It was written by another version, and this one can't read it.
    """
    try:
        return kind.model_validate(plain)
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in problem["loc"])
        raise ConfigurationError(
            f"campaign {plain.get('name')}, as it was refreshed last, is none for this version of exfolio: {where}: "
            + problem["msg"].removeprefix("Value error, "),
            "Refresh it once as its file is now: exfolio refresh FILE (or NAME, of a campaign that comes along).",
        ) from None
