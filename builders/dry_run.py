"""What a refresh would do now, how much of it, and how long it took last time. Runs nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..stores.bookkeeping import stage_states
from ..stores.connection import Connection
from .candidates.campaigns.campaign import Campaign
from .candidates.known import known_campaigns
from .engine.channels import in_parts
from .engine.selection.group_stage import GroupStage
from .engine.selection.map_stage import MapStage
from .engine.stage import Stage
from .refresh import is_due, planned_stages


@dataclass(frozen=True, slots=True)
class DueStage:
    """A stage for which something is due.

    Attributes
    ----------
    stage
        Its name.
    items
        How many items are due; None where only a run can tell.
    seconds
        How long as many took by the rate of its last run; None where it never ran on anything.
    """

    stage: str
    items: int | None
    seconds: float | None


def what_is_due(connection: Connection, campaigns: Sequence[Campaign] = ()) -> list[DueStage]:
    """Stages for which something is due now, in the order in which they would run.

    What they write may make others due, which is not known before.

    Parameters
    ----------
    campaigns
        As `refresh`.
    """
    due = []
    circles = planned_stages(connection, list(campaigns) or known_campaigns(connection), claim=False)
    for stage in (stage for circle in circles for stage in circle):
        if is_due(stage, connection, {}):
            items = _number(stage, connection)
            if items != 0:
                due.append(DueStage(stage.name, items, _seconds(connection, stage.name, items)))
    return due


def _number(stage: Stage, connection: Connection) -> int | None:
    if not isinstance(stage, MapStage | GroupStage):
        return None
    state = in_parts(stage_states.read(connection, stage.name), stage.reads())
    if state.get("fingerprint") != stage.fingerprint:
        state = {}
    stage.current_run.state = {"consumed": {}, "ahead": {}, "partial": {}, **state}
    return stage.number_due()


def _seconds(connection: Connection, name: str, items: int | None) -> float | None:
    done = {"$elemMatch": {"stage": name, "due": {"$gt": 0}}}
    run = connection.database["runs"].find_one({"stages": done}, {"stages.$": 1}, sort=[("started_at", -1)])
    if run is None:
        return None
    [last] = run["stages"]
    return float(last["seconds"]) * (1.0 if items is None else items / last["due"])
