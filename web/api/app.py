"""The API as one application, with errors that say what was wrong and nothing of the machine."""

from __future__ import annotations

import logging
from typing import Final

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from pymongo.errors import PyMongoError

from ... import __version__
from ...stores.connection import Connection
from ...stores.errors import ExfolioError
from ...stores.query.language.query_errors import NoSuchDocument
from . import campaigns, documents, standing

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
    for rooms in (campaigns, standing, documents):
        app.include_router(rooms.router)
    app.add_exception_handler(ExfolioError, _explained)
    app.add_exception_handler(PyMongoError, _away)
    return app


def _explained(_: Request, error: Exception) -> JSONResponse:
    status = 404 if isinstance(error, NoSuchDocument) else 400
    told = error if isinstance(error, ExfolioError) else ExfolioError(str(error))
    return JSONResponse({"detail": told.message, "remedy": told.remedy}, status)


def _away(_: Request, error: Exception) -> JSONResponse:
    _LOG.error("the database: %s", error)
    return JSONResponse({"detail": "the database does not answer", "remedy": "Try again in a moment."}, 503)
