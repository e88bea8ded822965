"""The small registry behind a server on loopback, for the tests of this folder, which only ask."""

import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import small_registry
import uvicorn
from exfolio.models.structure.serialization import to_plain
from exfolio.stores.connection import Connection, connect
from exfolio.stores.documents import Candidate, Material, Property
from exfolio.stores.schema import initialise
from exfolio.stores.server import embedded
from exfolio.stores.settings import Settings
from exfolio.web.app import make_app

Get = Callable[..., requests.Response]


def candidate_of_a_layer() -> dict[str, Any]:
    """A candidate with all that the judge copies of its structure."""
    layer = small_registry.mos2_monolayer()
    return {
        "candidate_id": "other/st-1890e1f5735df206",
        "campaign": "other",
        "structure_id": "st-1890e1f5735df206",
        "status": "waiting",
        "formula": "MoS2",
        "formula_reduced": "MoS2",
        "formula_anonymous": "AB2",
        "elements": ["Mo", "S"],
        "nelements": 2,
        "nsites": len(layer),
        "structure": to_plain(layer),
        "exfoliation_energy": 0.08,
        "gates": [],
    }


def relaxed_energy() -> dict[str, Any]:
    """Energy of the layer when relaxed, with what it became: wider in the plane."""
    layer = small_registry.mos2_monolayer()
    layer.apply_strain((0.02, 0.02, 0))
    return {
        "property_id": "st-1890e1f5735df206/energy/CHGNet relaxed",
        "structure_id": "st-1890e1f5735df206",
        "kind": "energy",
        "method": "CHGNet relaxed",
        "unit": "eV/atom",
        "value": -7.4,
        "details": {"steps": 12, "structure": to_plain(layer)},
    }


@pytest.fixture(scope="package")
def registry(mongo_server: embedded.Server, mongod: Path) -> Iterator[Connection]:
    """The small registry, as a user sees it who can only read."""
    settings = Settings(
        home=mongo_server.home.folder.parent, mongod=mongod, database=f"test_{uuid.uuid4().hex[:12]}", query_seconds=5
    )
    with connect(settings) as writer:
        initialise(writer)
        small_registry.fill(writer)
        small_registry.put(writer, Candidate, [candidate_of_a_layer()])
        small_registry.put(writer, Property, [relaxed_energy()])
        in_brackets = small_registry.material("bulk:brucite", "Mg(HO)2", "H-Mg-O", formula_anonymous="AB2C2", nsites=5)
        small_registry.put(writer, Material, [in_brackets])
        with connect(settings, reader=True) as reader:
            yield reader
        writer.client.drop_database(writer.name)


@pytest.fixture(scope="package")
def address(registry: Connection) -> Iterator[str]:
    """Base URL of a server of it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    base = f"http://127.0.0.1:{port}"
    server = uvicorn.Server(uvicorn.Config(make_app(registry, address=base), port=port, log_level="error"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield base
    server.should_exit = True
    thread.join(timeout=10)


@pytest.fixture
def get(address: str) -> Get:
    """Ask the server; parameters by name."""

    def ask(path: str, **parameters: Any) -> requests.Response:
        return requests.get(f"{address}{path}", params=parameters, timeout=20)

    return ask
