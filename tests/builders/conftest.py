"""A registry that is made once and emptied for every test."""

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from contents import empty
from exfolio.stores.connection import Connection, connect
from exfolio.stores.schema import initialise
from exfolio.stores.server import embedded
from exfolio.stores.settings import Settings


@pytest.fixture(scope="session")
def _registry(mongo_server: embedded.Server, mongod: Path) -> Iterator[Connection]:
    settings = Settings(
        home=mongo_server.home.folder.parent, mongod=mongod, database=f"registry_{uuid.uuid4().hex[:12]}", processes=1
    )
    with connect(settings) as opened:
        initialise(opened)
        yield opened
        opened.client.drop_database(opened.name)


@pytest.fixture
def registry(_registry: Connection) -> Connection:
    """An empty registry with its indexes and validators."""
    empty(_registry)
    return _registry
