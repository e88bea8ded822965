"""Removes a campaign: its candidates and what only its settings made are deprecated, and no refresh brings them back.

Nothing is deleted of them. A refresh of the same campaign makes them current again.
"""

from __future__ import annotations

from typing import Final

from ...stores.bookkeeping import settings_claims
from ...stores.bookkeeping.runs import StageReport
from ...stores.connection import Connection
from ...stores.documents import Candidate, Composition, ProposedStructure, RegistryDocument
from ...stores.errors import ConfigurationError
from ..engine.batches import Doc
from ..engine.removal_run import removal_run
from .campaigns.gate_outline import recorded_campaigns

REASON: Final = "campaign removed"
"""Why the candidates of a removed campaign, and what only it made, are deprecated."""
_MADE: Final[tuple[type[RegistryDocument], ...]] = (ProposedStructure, Composition)


def check_known(connection: Connection, name: str) -> None:
    """Refuse a name that no campaign of the registry has.

    Raises
    ------
    ConfigurationError
        None is called so; names those there are.
    """
    judged = {str(campaign["name"]) for campaign in recorded_campaigns(connection)}
    known = sorted(judged | settings_claims.campaigns(connection))
    if name not in known:
        there = f"there are: {', '.join(known)}" if known else "none has been refreshed yet"
        raise ConfigurationError(f"no campaign of this registry is called {name!r}; {there}", "exfolio campaign list")


def to_deprecate(connection: Connection, name: str) -> dict[type[RegistryDocument], list[str]]:
    """Keys of the current documents that go with a campaign, by collection."""
    own = _own_stages(connection, name)
    result = {Candidate: _keys(connection, Candidate, {"campaign": name})}
    for document in _MADE:
        made_by_others = {"made_by": {"$elemMatch": {"$nin": own}}}
        result[document] = _keys(connection, document, {"made_by": {"$in": own}, "$nor": [made_by_others]})
    return result


def remove(connection: Connection, name: str) -> StageReport:
    """Deprecate what goes with a campaign, then forget it; killed midway, the same call finishes the work.

    Parameters
    ----------
    connection
        The registry.
    name
        Name of the campaign; its line on the schedule goes with it.

    Raises
    ------
    ConfigurationError
        No campaign is called so.
    LeaseHeld
        A refresh runs, or one of its stages.
    """
    check_known(connection, name)
    judge = _judge(name)
    own = _own_stages(connection, name)
    leases = ["refresh", f"stage {judge}", *(f"stage {stage}" for stage in own)]
    with removal_run(connection, f"campaign remove {name}", leases) as run:
        run.deprecate(Candidate, _keys(connection, Candidate, {"campaign": name}), stage=judge, reason=REASON)
        for document in _MADE:
            for stage in own:
                run.deprecate(document, _keys(connection, document, {"made_by": stage}), stage=stage, reason=REASON)
        run.check()
        _forget(connection, name, [judge, *own])
    return run.report


def _judge(name: str) -> str:
    return f"judge:{name}"


def _own_stages(connection: Connection, name: str) -> list[str]:
    """Stages that made structures or compositions by settings that no other campaign asks for."""
    claimed = settings_claims.stages_of(connection, name) - settings_claims.stages_of_others(connection, name)
    collections = [connection.database[document.collection_name()] for document in _MADE]
    return sorted(claimed & {stage for collection in collections for stage in collection.distinct("made_by")})


def _keys(connection: Connection, document: type[RegistryDocument], query: Doc) -> list[str]:
    current = connection.database[document.collection_name()].find(
        {**query, "deprecated": False}, {"_id": 0, document.KEY: 1}
    )
    return sorted(str(doc[document.KEY]) for doc in current)


def _forget(connection: Connection, name: str, stages: list[str]) -> None:
    database = connection.database
    judge, *own = stages
    database["scheduled_jobs"].delete_many({"job": f"campaign {name}"})
    for collection in ("failures", "stage_states"):
        database[collection].delete_many({"stage": {"$in": own}})
    settings_claims.give_up(connection, name)
    # The verdict's state last: as long as it is there, the campaign can be removed.
    database["failures"].delete_many({"stage": judge})
    database["stage_states"].delete_many({"stage": judge})
