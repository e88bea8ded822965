"""Which campaign wants which settings of a stage: those of the first have the usual names, others get a label.

So campaigns of different settings live side by side: what they want alike is made once, what they want otherwise is
kept under the label of its settings. Knows neither stages nor campaigns but by name.
"""

from __future__ import annotations

from typing import Any

from ..connection import Connection
from ..documents.base import labelled

Doc = dict[str, Any]
_LABEL_LENGTH = 6
_COLLECTION = "settings_claims"


def claims_on(connection: Connection, stage: str) -> dict[str, Doc]:
    """Claims on a stage, by campaign."""
    return {doc["campaign"]: doc for doc in connection.database[_COLLECTION].find({"stage": stage}, {"_id": 0})}


def claim(
    connection: Connection,
    campaign: str,
    stage: str,
    settings: str,
    *,
    alone: bool = False,
    unkept: dict[str, dict[str, Doc]] | None = None,
) -> str:
    """Claim a stage with these settings for a campaign; returns the label to use.

    Parameters
    ----------
    stage
        Its usual name.
    settings
        Hash of the settings.
    alone
        Whether other campaigns of the same settings get a stage of their own all the same; then the label is the
        campaign's name.
    unkept
        By stage and campaign, claims that hold beside those in the registry; then this one is noted there, and what is
        returned is what the label would be. Else it is kept in the registry.

    Returns
    -------
    str
        Empty for the settings under the usual name. A campaign whose settings change keeps its label, unless another
        campaign still uses it as it was.
    """
    claims = claims_on(connection, stage) | ({} if unkept is None else unkept.get(stage, {}))
    label = _label(claims, campaign, settings, alone=alone)
    new = {"campaign": campaign, "stage": stage, "settings": settings, "label": label}
    if unkept is not None:
        unkept.setdefault(stage, {})[campaign] = new
    elif any(claims.get(campaign, {}).get(key) != value for key, value in new.items()):
        identity = {"claim_id": f"{campaign}/{stage}"}
        connection.database[_COLLECTION].update_one(identity, {"$set": new}, upsert=True)
    return label


def _label(claims: dict[str, Doc], campaign: str, settings: str, *, alone: bool) -> str:
    mine = claims.get(campaign)
    others = [doc for name, doc in claims.items() if name != campaign]
    taken = {doc["label"] for doc in others}
    if mine is not None and mine["settings"] == settings:
        return str(mine["label"])
    if not alone:
        for other in others:
            if other["settings"] == settings:
                return str(other["label"])
    if mine is not None and mine["label"] not in taken:
        return str(mine["label"])
    if "" not in taken:
        return ""
    return campaign if alone else settings[:_LABEL_LENGTH]


def label_of(connection: Connection, campaign: str, stage: str) -> str | None:
    """Label under which a stage works for a campaign; None where the campaign has not been refreshed."""
    doc = claims_on(connection, stage).get(campaign)
    return None if doc is None else str(doc["label"])


def campaigns(connection: Connection) -> set[str]:
    """Names of the campaigns that have claims: one whose first refresh was cut off has nothing else yet."""
    return set(connection.database[_COLLECTION].distinct("campaign"))


def stages_of(connection: Connection, campaign: str) -> set[str]:
    """Names of the stages that a campaign has claimed, with the labels of its settings."""
    mine = connection.database[_COLLECTION].find({"campaign": campaign}, {"_id": 0, "stage": 1, "label": 1})
    return {labelled(doc["stage"], doc["label"]) for doc in mine}


def stages_of_others(connection: Connection, campaign: str) -> set[str]:
    """Names of the stages that any other campaign has claimed."""
    others = connection.database[_COLLECTION].distinct("campaign", {"campaign": {"$ne": campaign}})
    return {stage for other in others for stage in stages_of(connection, other)}


def give_up(connection: Connection, campaign: str) -> int:
    """Forget the claims of a campaign; returns how many there were."""
    return int(connection.database[_COLLECTION].delete_many({"campaign": campaign}).deleted_count)
