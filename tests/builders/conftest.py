"""The registry that stages are run on."""

import pytest
from disulfide import BULK, LAYER, calculation
from exfolio.models.structure.serialization import to_plain
from exfolio.stores.connection import Connection
from exfolio.stores.documents import Calculation
from filled_registry import put, put_materials, put_structures


@pytest.fixture
def registry(empty_registry: Connection) -> Connection:
    """An empty registry."""
    return empty_registry


@pytest.fixture
def disulfide(registry: Connection) -> Connection:
    """A registry with 2H-MoS2, its monolayer, and a calculation of each."""
    put_materials(registry, [{"material_id": "test:2H", "formula_reduced": "MoS2", "structure": to_plain(BULK)}])
    put_structures(
        registry,
        [
            {
                "structure_id": "st-1",
                "formula_reduced": "MoS2",
                "structure": to_plain(LAYER),
                "dimension": 2,
                "parent_id": "test:2H",
                "route": "top-down",
            }
        ],
    )
    put(registry, Calculation, [calculation("layer", LAYER, -21.0), calculation("bulk", BULK, -42.5)])
    return registry
