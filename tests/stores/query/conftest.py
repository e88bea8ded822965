"""The small registry in a database that the tests of this folder share and do not change."""

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
import small_registry
from exfolio.stores.connection import Connection, connect
from exfolio.stores.schema import initialise
from exfolio.stores.server import embedded
from exfolio.stores.settings import Settings


@pytest.fixture(scope="package")
def registry(mongo_server: embedded.Server, mongod: Path) -> Iterator[Connection]:
    name = f"test_{uuid.uuid4().hex[:12]}"
    with connect(Settings(home=mongo_server.home.folder.parent, mongod=mongod, database=name)) as opened:
        initialise(opened)
        small_registry.fill(opened)
        yield opened
        opened.client.drop_database(opened.name)
