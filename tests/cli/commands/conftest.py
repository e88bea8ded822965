"""The command line on the small registry, in a database that the tests of a module share."""

import json
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import small_registry
from exfolio.cli import main as frame
from exfolio.stores.connection import Connection, connect
from exfolio.stores.documents import Property
from exfolio.stores.schema import initialise
from exfolio.stores.server import embedded
from exfolio.stores.settings import Settings
from known_crystals import crystals, go, monolayer_of, one, put

Ask = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def asked(mongo_server: embedded.Server, mongod: Path) -> Iterator[Connection]:
    """A database with all collections, empty."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    with connect(Settings(home=mongo_server.home.folder.parent, mongod=mongod, database=name)) as opened:
        initialise(opened)
        yield opened
        opened.client.drop_database(opened.name)


@pytest.fixture(scope="module")
def registry(asked: Connection) -> Connection:
    """The small registry, which tests leave as it is."""
    small_registry.fill(asked)
    return asked


@pytest.fixture
def own_registry(registry: Connection) -> Iterator[Connection]:
    """The small registry for a test that changes it; put back afterwards."""
    yield registry
    small_registry.empty(registry)
    small_registry.fill(registry)


@pytest.fixture
def ask(asked: Connection, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Ask:
    """Run a command in this process; gives exit code, stdout and stderr."""
    settings = asked.settings
    for name, value in (("home", settings.home), ("mongod", settings.mongod), ("database", asked.name)):
        monkeypatch.setenv(f"EXFOLIO_{name.upper()}", str(value))
    monkeypatch.setenv("COLUMNS", "100")

    def run(*arguments: str) -> tuple[int, str, str]:
        capsys.readouterr()
        code = frame.run(arguments)
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return run


@pytest.fixture
def ask_json(ask: Ask) -> Callable[..., Any]:
    """Run a command with --json, which has to end well; gives the answer."""

    def run(*arguments: str, code: int = 0) -> Any:
        status, printed, errors = ask(*arguments, "--json")
        assert status == code, errors
        return json.loads(printed)

    return run


@pytest.fixture(scope="module")
def judged(asked: Connection) -> Iterator[Connection]:
    """Four monolayers: one promoted, one rejected as known, one that is too hard to take off, and one that waits.

    Of the last, BN, a lower bound is known, which is below the limit.
    """
    small_registry.empty(asked)
    [bi2te3] = crystals("Bi2Te3-tetradymite")
    bulk = [*crystals("C-graphite-2H", "BN-h", "MoS2-2H"), {**bi2te3, "exfoliation_energy": 0.31}]
    made = {"synthesised": True, "synthesis_method": "mechanical exfoliation", "reference": "A (2005)"}
    put(asked, [*bulk, monolayer_of("MoS2-2H", **made)])
    go(asked)
    bn = one(asked, "structures", formula_reduced="BN")["structure_id"]
    at_least = {"value": 0.05, "low": 0.05, "unit": "eV/atom", "basis": "potential", "method": "CHGNet"}
    at_least |= {"warnings": ["CHGNet does not describe dispersion"]}
    key = {"property_id": f"{bn}/exfoliation_energy/CHGNet", "structure_id": bn, "kind": "exfoliation_energy"}
    small_registry.put(asked, Property, [{**key, **at_least}])
    go(asked)
    yield asked
    small_registry.empty(asked)
