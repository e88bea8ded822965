"""Labels by which the stages of a campaign are told from those of others that want other settings of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...stores.bookkeeping import settings_claims
from ...stores.canonical import content_hash
from ...stores.connection import Connection

Labels = Callable[..., str]
"""Takes the usual name of a stage and its settings, and `alone` as `settings_claims.claim`; returns the label."""


def unlabelled(_stage: str, _settings: Any, *, alone: bool = False) -> str:  # noqa: ARG001
    """No label: as where there is but one campaign."""
    return ""


def claimed(
    connection: Connection, campaign: str, *, unkept: dict[str, dict[str, dict[str, Any]]] | None = None
) -> Labels:
    """Labels of a campaign in a registry, claimed as they are asked for; `unkept` as for `settings_claims.claim`."""

    def label(stage: str, settings: Any, *, alone: bool = False) -> str:
        return settings_claims.claim(connection, campaign, stage, content_hash(settings), alone=alone, unkept=unkept)

    return label
