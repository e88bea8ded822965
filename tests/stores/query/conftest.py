"""The small registry, and a larger one, in databases that the tests of this folder share and do not change."""

import uuid
from collections.abc import Iterator
from pathlib import Path

import large_registry
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


@pytest.fixture(scope="package")
def large(mongo_server: embedded.Server, mongod: Path) -> Iterator[Connection]:
    """Thousands of documents, so that an index makes a difference."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    shares = {"compositions": 1, "materials": 1, "structures": 0.5, "properties": 0.5, "candidates": 0.5}
    with connect(Settings(home=mongo_server.home.folder.parent, mongod=mongod, database=name)) as opened:
        large_registry.fill(opened, 3_000, shares=shares)
        initialise(opened)
        yield opened
        opened.client.drop_database(opened.name)
