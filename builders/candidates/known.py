"""Which campaigns there are: those that were refreshed before, and those that are asked for by name or path.

Knows no stages, so that a command that only reads verdicts does not import all that can be done.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from ...stores.connection import Connection
from ...stores.errors import ConfigurationError
from .campaigns.campaign import Campaign
from .campaigns.campaign_files import load, shipped
from .campaigns.gate_outline import read_recorded, recorded_campaigns


def known_campaigns(connection: Connection, *, besides: Iterable[str] = ()) -> list[Campaign]:
    """Campaigns that were refreshed before, as they were then, but for those named.

    Raises
    ------
    ConfigurationError
        One was written by another version, and this one can't read it.
    """
    left_out = set(besides)
    recorded = recorded_campaigns(connection)
    return [read_recorded(Campaign, campaign) for campaign in recorded if campaign.get("name") not in left_out]


def find_campaigns(connection: Connection, names: Sequence[str]) -> list[Campaign]:
    """Load campaigns by the name of a shipped one, by path, or by the name of one that was refreshed before.

    Raises
    ------
    ConfigurationError
        One can't be used, or two have the same name.
    """
    files = {name for name in names if name in shipped() or Path(name).is_file()}
    recorded: dict[Any, Any] = {}
    if len(files) < len(names):
        recorded = {plain.get("name"): plain for plain in recorded_campaigns(connection)}
    campaigns = [
        read_recorded(Campaign, recorded[name]) if name in recorded and name not in files else load(name)
        for name in names
    ]
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
