"""The reference OPTIMADE server (optimade-python-tools) on loopback, with a MongoDB behind it."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import optimade.server
from bson import json_util
from pymatgen.core import Structure

PAGE = 10
_START_SECONDS = 90
_CONFIG = {
    "aliases": {
        "structures": {
            "id": "task_id",
            "immutable_id": "_id",
            "chemical_formula_descriptive": "pretty_formula",
            "chemical_formula_reduced": "pretty_formula",
            "chemical_formula_anonymous": "formula_anonymous",
        }
    },
    "provider": {
        "prefix": "exmpl",
        "name": "Example provider",
        "description": "Reference data",
        "homepage": "https://example.com",
    },
    "provider_fields": {
        "structures": [
            {"name": "hull", "type": "float", "unit": "meV/atom", "description": "Distance to the hull"},
            {"name": "gap", "type": "float", "unit": "eV", "description": "Band gap"},
            {"name": "note", "type": "string", "description": "Remark"},
        ]
    },
    "length_aliases": {"structures": {"elements": "nelements", "species_at_sites": "nsites"}},
}


def reference_structures() -> list[dict[str, Any]]:
    """The test data that come with the server, as they lie in its database."""
    path = Path(optimade.server.__file__).parent / "data" / "test_structures.json"
    return json_util.loads(path.read_text())


def as_resource(name: str, structure: Structure, at: datetime, **fields: Any) -> dict[str, Any]:
    """A structure as it lies in the server's database."""
    symbols = sorted({site.specie.symbol for site in structure})
    return {
        "task_id": name,
        "chemsys": "-".join(symbols),
        "pretty_formula": structure.composition.alphabetical_formula.replace(" ", "").replace("1", ""),
        "formula_anonymous": "AB",
        "elements": symbols,
        "elements_ratios": [1 / len(symbols)] * len(symbols),
        "nelements": len(symbols),
        "nsites": len(structure),
        "dimension_types": [1, 1, 1],
        "nperiodic_dimensions": 3,
        "lattice_vectors": structure.lattice.matrix.tolist(),
        "cartesian_site_positions": structure.cart_coords.tolist(),
        "species": [{"name": one, "chemical_symbols": [one], "concentration": [1.0]} for one in symbols],
        "species_at_sites": [site.specie.symbol for site in structure],
        "structure_features": [],
        "last_modified": at,
        **fields,
    }


@contextmanager
def reference_server(mongo_uri: str, database: str, folder: Path) -> Iterator[str]:
    """Run the server on a database; gives its address."""
    config = folder / "optimade.json"
    config.write_text(json.dumps(_CONFIG))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("EXFOLIO_")} | {
        "OPTIMADE_CONFIG_FILE": str(config),
        "OPTIMADE_DATABASE_BACKEND": "mongodb",
        "OPTIMADE_MONGO_URI": mongo_uri,
        "OPTIMADE_MONGO_DATABASE": database,
        "OPTIMADE_INSERT_TEST_DATA": "false",
        "OPTIMADE_PAGE_LIMIT": str(PAGE),
        "OPTIMADE_PAGE_LIMIT_MAX": "50",
        "OPTIMADE_LOG_DIR": str(folder),
        "OPTIMADE_LOG_LEVEL": "warning",
    }
    command = [sys.executable, "-m", "uvicorn", "optimade.server.main:app", "--port", str(port)]
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(
            [*command, "--log-level", "warning"], cwd=folder, env=environment, stdout=log, stderr=log
        )
    url = f"http://127.0.0.1:{port}"
    try:
        _wait(process, f"{url}/v1/info", folder / "server.log")
        yield url
    finally:
        process.terminate()
        process.wait(20)


def _wait(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    until = time.monotonic() + _START_SECONDS
    while time.monotonic() < until:
        if process.poll() is not None:
            break
        try:
            with urlopen(url, timeout=5):
                return
        except (URLError, OSError):
            time.sleep(0.1)
    raise RuntimeError(f"the reference server did not start:\n{log.read_text()[-2000:]}")


def at(second: int) -> datetime:
    """A time in 2024."""
    return datetime(2024, 5, 1, 12, second // 60, second % 60, tzinfo=UTC)
