"""The server: OPTIMADE for each collection with structures, the API beside it, and the pages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from fastapi import FastAPI
from fastapi.middleware.gzip import GZipMiddleware
from starlette.middleware.cors import CORSMiddleware

from .. import __version__
from ..stores.connection import Connection
from .api.app import api_app
from .feeds import feeds
from .limits import Limits
from .optimade.server import DATABASES, optimade_app
from .pages.files import add_pages

API: Final = "/api/v1"
ASSISTANTS: Final = "/mcp"
COMPRESSION: Final = 4
"""Of answers: a tenth larger than by 9, in a third of the time."""


def make_app(
    connection: Connection, *, address: str, allowed_origins: Sequence[str] = (), assistants: bool = False
) -> FastAPI:
    """Everything that is served, of one registry.

    Parameters
    ----------
    connection
        The database; a user who can only read is enough.
    address
        Base URL under which people reach the server; what next pages begin with.
    allowed_origins
        Pages of other servers whose scripts may read the answers; none without.
    assistants
        Whether assistants may ask by MCP, at ``/mcp``.
    """
    options: dict[str, Any] = {}
    if assistants:
        from .assistants import assistant_server  # the protocol's package, for those who want it

        server = assistant_server(connection)
        asked = server.streamable_http_app(streamable_http_path="/", stateless_http=True, json_response=True)
        options["lifespan"] = lambda _: server.session_manager.run()
    app = FastAPI(title="exfolio", version=__version__, docs_url=None, redoc_url=None, openapi_url=None, **options)
    if assistants:
        app.mount(ASSISTANTS, asked)
    app.mount(API, api_app(connection))
    for name in DATABASES:
        path = f"/optimade/{name}"
        app.mount(path, optimade_app(connection, name, address=f"{address}{path}"))
    app.include_router(feeds(connection, address))
    add_pages(app)
    if allowed_origins:
        app.add_middleware(CORSMiddleware, allow_origins=list(allowed_origins), allow_methods=["GET"])
    app.add_middleware(GZipMiddleware, minimum_size=1_000, compresslevel=COMPRESSION)
    app.add_middleware(Limits, may_post=ASSISTANTS if assistants else "")
    return app
