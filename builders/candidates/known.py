"""Which campaigns there are: those that were refreshed before, and those that are asked for by name or path.

Knows no stages, so that a command that only reads verdicts does not import all that can be done.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from ...stores.connection import Connection
from ...stores.errors import ConfigurationError
from .campaign import Campaign, load, shipped


def known_campaigns(connection: Connection, *, besides: Iterable[str] = ()) -> list[Campaign]:
    """Give the campaigns that were refreshed before, as they were then, but for those named.

    Raises
    ------
    ConfigurationError
        One was written by another version, and this one can't read it.
    """
    stored = connection.database["stage_states"].find({"stage": {"$regex": "^judge:"}}, {"maker": 1}).sort("stage", 1)
    plain = [state.get("maker", {}).get("arguments", {}).get("campaign") for state in stored]
    left_out = set(besides)
    return [_read(campaign) for campaign in plain if campaign and campaign.get("name") not in left_out]


def _read(plain: dict[str, Any]) -> Campaign:
    try:
        return Campaign.model_validate(plain)
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in problem["loc"])
        raise ConfigurationError(
            f"campaign {plain.get('name')}, as it was refreshed last, is none for this version of exfolio: {where}: "
            + problem["msg"].removeprefix("Value error, "),
            "Refresh it once as its file is now: exfolio refresh FILE (or NAME, of a campaign that comes along).",
        ) from None


def find_campaigns(connection: Connection, names: Sequence[str]) -> list[Campaign]:
    """Load campaigns by the name of a shipped one, by path, or by the name of one that was refreshed before.

    Raises
    ------
    ConfigurationError
        One can't be used, or two have the same name.
    """
    files = [name for name in names if name in shipped() or Path(name).is_file()]
    refreshed: dict[str, Campaign] = {}
    if len(files) < len(names):
        refreshed = {campaign.name: campaign for campaign in known_campaigns(connection)}
    campaigns = [refreshed[name] if name not in files and name in refreshed else load(name) for name in names]
    _check_names(campaigns)
    return campaigns


def load_campaigns(names: Sequence[str]) -> list[Campaign]:
    """Load campaigns by name or path.

    Raises
    ------
    ConfigurationError
        One can't be used, or two have the same name.
    """
    campaigns = [load(name) for name in names]
    _check_names(campaigns)
    return campaigns


def _check_names(campaigns: Sequence[Campaign]) -> None:
    taken = [campaign.name for campaign in campaigns]
    for name in taken:
        if taken.count(name) > 1:
            raise ConfigurationError(f"two campaigns are called {name!r}", "Give each file a name of its own.")
