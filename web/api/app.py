"""The API as one application, with errors that say what was wrong and nothing of the machine."""

from __future__ import annotations

import logging
from threading import BoundedSemaphore
from typing import Final

from fastapi import Depends, FastAPI, HTTPException, Request
from fastapi.responses import JSONResponse
from pymongo.errors import PyMongoError

from ... import __version__
from ...stores.connection import Connection
from ...stores.errors import ExfolioError
from ...stores.query.language.query_errors import NoSuchDocument
from . import campaigns, diagrams, documents, export, standing
from .kept import Kept

SECONDS_KEPT: Final = 10.0
"""How old numbers may be: of documents, of candidates, of a funnel."""
_LOG: Final = logging.getLogger(__name__)


def api_app(connection: Connection) -> FastAPI:
    """API beside OPTIMADE, described by ``openapi.json``.

    Parameters
    ----------
    connection
        The database; a user who can only read is enough.
    """
    app = FastAPI(title="exfolio", version=__version__, docs_url=None, redoc_url=None)
    app.state.connection = connection
    app.state.drawer = diagrams.Drawer(connection)
    app.state.kept = Kept(SECONDS_KEPT)
    app.state.writers = BoundedSemaphore(export.AT_ONCE)
    for rooms in (campaigns, standing, diagrams, export, documents):
        app.include_router(rooms.router, dependencies=[Depends(_only_known_parameters)])
    app.add_exception_handler(ExfolioError, _explained)
    app.add_exception_handler(PyMongoError, _away)
    app.add_exception_handler(Exception, _unforeseen)
    return app


def _only_known_parameters(request: Request) -> None:
    """Refuse parameters that are not of the question: to pass over a condition is to answer another question."""
    known = [field.alias for field in request.scope["route"].dependant.query_params]
    if unknown := sorted(request.query_params.keys() - known):
        there_are = f"the parameters here are: {', '.join(known)}" if known else "it takes none"
        raise HTTPException(400, f"there is no parameter {', '.join(map(repr, unknown))}; {there_are}")


def _explained(_: Request, error: Exception) -> JSONResponse:
    status = 404 if isinstance(error, NoSuchDocument) else 400
    told = error if isinstance(error, ExfolioError) else ExfolioError(str(error))
    return JSONResponse({"detail": told.message, "remedy": told.remedy}, status)


def _away(_: Request, error: Exception) -> JSONResponse:
    _LOG.error("the database: %s", error)
    return JSONResponse({"detail": "the database does not answer", "remedy": "Try again in a moment."}, 503)


def _unforeseen(request: Request, error: Exception) -> JSONResponse:
    """Say nothing of the inside; the server's log has it."""
    _LOG.error("%s: %s", request.url.path, type(error).__name__, exc_info=error)
    return JSONResponse({"detail": "this could not be answered", "remedy": "The log of the server says why."}, 500)
