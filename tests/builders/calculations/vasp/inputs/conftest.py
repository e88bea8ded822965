"""MoS2 as layer and bulk, where the layer waits."""

import pytest
from exfolio.stores.connection import Connection
from exfolio.stores.documents import Candidate, Material, ProposedStructure
from small_registry import material, plain, put
from waiting_layer import EXFOLIATION, HULL, LAYER, candidate, layer, mos2_bulk, proposed


@pytest.fixture
def waiting(registry: Connection) -> Connection:
    """MoS2, its monolayer, and the candidate that waits for everything a calculation gives but the gap."""
    put(registry, Material, [material("bulk:mos2", "MoS2", "Mo-S", structure=plain(mos2_bulk()), nsites=6)])
    put(registry, ProposedStructure, [proposed(LAYER, "MoS2", layer())])
    put(registry, Candidate, [candidate(LAYER, "MoS2", HULL + EXFOLIATION)])
    return registry
