"""OPTIMADE servers, one for each collection that has structures, from the parts of optimade-python-tools."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any, Final

from fastapi import FastAPI
from optimade import __api_version__
from optimade.models import LinksResource, ReferenceResource
from optimade.server.config import ServerConfig
from optimade.server.exception_handlers import OPTIMADE_EXCEPTIONS
from optimade.server.mappers import LinksMapper, ReferenceMapper
from optimade.server.mappers.entries import BaseResourceMapper
from optimade.server.middleware import OPTIMADE_MIDDLEWARE
from optimade.server.routers import info, links, references, structures, versions
from optimade.server.routers.utils import BASE_URL_PREFIXES, JSONAPIResponse

from ... import __version__
from ...stores.connection import Connection
from ...stores.query.language.fields import fields_of
from .discretion import DISCREET
from .entries import RegistryEntries
from .listed import ListedEntries
from .mapping import descriptions
from .references import sources_as_references

Doc = dict[str, Any]

DATABASES: Final = {
    "materials": "Known materials, as their sources give them",
    "candidates": "Candidates of campaigns: structures with values, gates and verdicts",
}
"""Collections that are served, each as an OPTIMADE database of its own, and what they hold."""
PAGE: Final = 20
LARGEST_PAGE: Final = 500


def optimade_app(connection: Connection, collection: str, *, address: str) -> FastAPI:
    """OPTIMADE API of one collection.

    Parameters
    ----------
    connection
        The database; a user who can only read is enough.
    collection
        One of `DATABASES`.
    address
        Base URL under which people reach it; what next pages begin with.
    """
    config = _config(collection, address)
    app = FastAPI(
        title=f"exfolio: {collection}",
        description=DATABASES[collection],
        version=__api_version__,
        docs_url=None,
        redoc_url=None,
        openapi_url=f"{BASE_URL_PREFIXES['major']}/extensions/openapi.json",
        default_response_class=JSONAPIResponse,
        separate_input_output_schemas=False,
    )
    app.state.config = config
    app.state.base_resource_mapper = BaseResourceMapper(config)
    app.state.entry_collections = {
        "structures": RegistryEntries(connection, collection, config),
        "references": ListedEntries(
            connection,
            ReferenceResource,
            ReferenceMapper(config),
            lambda: sources_as_references(connection),
            config,
        ),
        "links": ListedEntries(connection, LinksResource, LinksMapper(config), lambda: _links(address), config),
    }
    for middleware in OPTIMADE_MIDDLEWARE:
        app.add_middleware(middleware)
    for exception, handler in (*OPTIMADE_EXCEPTIONS, *DISCREET):
        app.add_exception_handler(exception, handler)
    for endpoint in (info, links, references, structures):
        for prefix in ("", *BASE_URL_PREFIXES.values()):
            app.include_router(endpoint.router, prefix=prefix, include_in_schema=prefix == BASE_URL_PREFIXES["major"])
    app.include_router(versions.router)
    return app


def _config(collection: str, address: str) -> ServerConfig:
    with warnings.catch_warnings():  # it misses a settings file, which it does not need
        warnings.simplefilter("ignore")
        return ServerConfig(
            database_backend="mongodb",
            base_url=address,
            page_limit=PAGE,
            page_limit_max=LARGEST_PAGE,
            insert_test_data=False,
            provider={
                "prefix": "exfolio",
                "name": "exfolio",
                "description": DATABASES[collection],
                "homepage": None,
            },
            implementation={"name": "exfolio", "version": __version__, "source_url": None, "maintainer": None},
            provider_fields={"structures": descriptions(fields_of(collection))},
        )


def _links(address: str) -> Sequence[Doc]:
    beside = address.rpartition("/")[0]
    return [
        {
            "id": name,
            "type": "links",
            "name": f"exfolio: {name}",
            "description": text,
            "base_url": f"{beside}/{name}",
            "homepage": None,
            "link_type": "child",
        }
        for name, text in DATABASES.items()
    ]
