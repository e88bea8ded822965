"""How the registry stands: what it holds, what is due, what has changed."""

from __future__ import annotations

from itertools import islice
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request

from ...builders.resting_point import is_at_rest
from ...stores.bookkeeping.overview import overview
from ...stores.query.changes import changes_since, moment_of
from ..json_values import plain, public
from .documents import Collection, _known, connection_of

Doc = dict[str, Any]

_SHOWN: Final = ("collections", "candidates", "refreshed", "due")
_MOST_CHANGES: Final = 500

router = APIRouter()


@router.get("/status", summary="What the registry holds, and what is due")
def status(request: Request) -> Doc:
    """Numbers of documents and candidates, the last refresh, stages with something due."""
    connection = connection_of(request)
    state = overview(connection, at_rest=is_at_rest(connection, ()))
    return {name: plain(state[name]) for name in _SHOWN} | {"wrong": len(state["wrong"])}


@router.get("/collections/{collection}/changes", summary="What has changed since a moment or a run")
def changes(
    request: Request,
    collection: Collection,
    since: Annotated[str, Query(description="A moment such as 2026-01-31, in UTC, or the id of a run")],
    limit: Annotated[int, Query(ge=1, le=_MOST_CHANGES)] = 100,
) -> list[Doc]:
    """New, changed and deprecated documents, the latest first."""
    connection = connection_of(request)
    found = changes_since(connection, _known(collection), moment_of(connection, since))
    return [public(change.as_dict()) for change in islice(found, limit)]
