"""Which campaigns there are: those that were refreshed before, and those that are asked for by name or path.

Knows no stages, so that a command that only reads verdicts does not import all that can be done.
"""

from __future__ import annotations

from collections.abc import Sequence

from ...stores.connection import Connection
from ...stores.errors import ConfigurationError
from .campaign import Campaign, load


def known_campaigns(connection: Connection) -> list[Campaign]:
    """Give the campaigns that were refreshed before, as they were then."""
    stored = connection.database["stage_states"].find({"stage": {"$regex": "^judge:"}}, {"maker": 1}).sort("stage", 1)
    plain = [state.get("maker", {}).get("arguments", {}).get("campaign") for state in stored]
    return [Campaign.model_validate(campaign) for campaign in plain if campaign]


def load_campaigns(names: Sequence[str]) -> list[Campaign]:
    """Load campaigns by name or path.

    Raises
    ------
    ConfigurationError
        One can't be used, or two have the same name.
    """
    campaigns = [load(name) for name in names]
    taken = [campaign.name for campaign in campaigns]
    for name in taken:
        if taken.count(name) > 1:
            raise ConfigurationError(f"two campaigns are called {name!r}", "Give each file a name of its own.")
    return campaigns
