"""How the registry stands: what it holds, what is due, what has changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request

from ...builders.resting_point import is_at_rest
from ...stores.bookkeeping import schedules
from ...stores.bookkeeping.overview import overview
from ...stores.connection import Connection
from ...stores.query.changes import changes_since, moment_of
from ..json_values import plain, public
from .documents import Collection, connection_of, kept_of, known_collection

Doc = dict[str, Any]

_SHOWN: Final = ("collections", "candidates", "due")
_OF_RUNS: Final = ("run_id", "job", "campaign", "state", "started_at", "ended_at")
_OF_JOBS: Final = ("job", "cron", "state", "started_at", "ended_at", "succeeded_at", "next_due_at", "failures")
"""What is told of runs and jobs: nothing of the machine, of its users, of what a failure said."""
_MOST_CHANGES: Final = 500

router = APIRouter()


@router.get("/status", summary="What the registry holds, and what is due")
def status(request: Request) -> Doc:
    """Numbers of documents and candidates, the last runs, what the schedule does, stages with something due."""
    return kept_of(request).of("status", lambda: _state(connection_of(request)))


def _state(connection: Connection) -> Doc:
    state = overview(connection, at_rest=is_at_rest(connection, ()))
    told = {name: plain(state[name]) for name in _SHOWN}
    told["refreshed"] = _only(_OF_RUNS, state["refreshed"] or {})
    told["runs"] = [_only(_OF_RUNS, run) for run in state["runs"]]
    told["schedule"] = [_only(_OF_JOBS, job) for job in schedules.read_all(connection).values()]
    return told | {"wrong": len(state["wrong"])}


def _only(names: Sequence[str], record: Mapping[str, Any]) -> Doc:
    return {name: plain(record[name]) for name in names if record.get(name) is not None}


@router.get("/collections/{collection}/changes", summary="What has changed since a moment or a run")
def changes(
    request: Request,
    collection: Collection,
    since: Annotated[str, Query(description="A moment such as 2026-01-31, in UTC, or the id of a run")],
    limit: Annotated[int, Query(ge=1, le=_MOST_CHANGES)] = 100,
) -> list[Doc]:
    """New, changed and deprecated documents, the latest first."""
    connection = connection_of(request)
    found = changes_since(connection, known_collection(collection), moment_of(connection, since))
    return [public(change.as_dict()) for change in islice(found, limit)]
