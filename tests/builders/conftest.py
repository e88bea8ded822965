"""The registry that stages are run on."""

import pytest
from exfolio.stores.connection import Connection


@pytest.fixture
def registry(empty_registry: Connection) -> Connection:
    """An empty registry."""
    return empty_registry
