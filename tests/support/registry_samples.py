"""Stored registries of earlier versions: three crystals and a table, taken through a campaign by the commands of then.

As a program it makes one, with the exfolio of that version on PYTHONPATH and settings that name an empty database:

    python tests/support/registry_samples.py NAME
"""

import lzma
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import bson

Doc = dict[str, Any]
SAMPLES = Path(__file__).parents[1] / "stores" / "migrations" / "samples"
_FOLDER = "/registry-sample"  # stands in samples for the folder of the files
CAMPAIGN = "layers.yaml"
_FILES = {
    "graphite.vasp": """C4 graphite 2H
1.0
2.461 0 0
-1.2305 2.131289 0
0 0 6.708
C
4
direct
0 0 0.25
0 0 0.75
0.333333 0.666667 0.25
0.666667 0.333333 0.75
""",
    "NaCl.vasp": """NaCl rock salt, primitive
5.64
0 0.5 0.5
0.5 0 0.5
0.5 0.5 0
Na Cl
1 1
direct
0 0 0
0.5 0.5 0.5
""",
    "MoS2.vasp": """MoS2 2H
1.0
3.16 0 0
-1.58 2.736640 0
0 0 12.294
Mo S
2 4
direct
0.333333 0.666667 0.25
0.666667 0.333333 0.75
0.333333 0.666667 0.621
0.666667 0.333333 0.379
0.666667 0.333333 0.121
0.333333 0.666667 0.879
""",
    "energies.csv": "formula,exfoliation_energy_mev_per_atom\nC,52\n",
    CAMPAIGN: """name: layers
description: Monolayers cut from layered crystals.
dimension: 2
routes:
  top-down: {rules: database, vacuum: 20}
  bottom-up: {at_once: any, max_elements: 2, max_period_step: 1}
gates:
  - {name: valid structure, field: valid, is: true}
  - {name: novel, field: novel, is: true}
  - {name: exfoliation energy, field: exfoliation_energy, at_most: 0.2}
""",
}


def write_files(folder: Path) -> None:
    """Write the files that the samples were made of, as old as they were: not changed since."""
    for name, text in _FILES.items():
        (folder / name).write_text(text)
        os.utime(folder / name, (0, 0))


def names() -> list[str]:
    """Names of the samples."""
    return sorted(path.name.partition(".")[0] for path in SAMPLES.glob("*.bson.xz"))


def put_back(name: str, database: Any, folder: Path) -> None:
    """Make an empty database into a sample, whose files lie in `folder`."""
    sample = bson.decode(lzma.decompress((SAMPLES / f"{name}.bson.xz").read_bytes()))
    for collection, held in _moved(sample, _FOLDER, str(folder)).items():
        database.create_collection(collection, **held["options"])
        database.command("createIndexes", collection, indexes=held["indexes"])
        if held["documents"]:
            database[collection].insert_many(held["documents"])


def _make(name: str) -> None:
    from exfolio.stores.connection import connect

    with tempfile.TemporaryDirectory() as made:
        folder = Path(made).resolve()
        write_files(folder)
        crystals = sorted(map(str, folder.glob("*.vasp")))
        _exfolio("ingest", *crystals, "--source", "lab")
        _exfolio("ingest", str(folder / "energies.csv"), "--source", "energies")
        _exfolio("refresh", str(folder / CAMPAIGN))
        with connect() as connection:
            held = {listed["name"]: _held(connection.database, listed) for listed in _listed(connection.database)}
        sample = bson.encode(_moved(held, str(folder), _FOLDER))
    (SAMPLES / f"{name}.bson.xz").write_bytes(lzma.compress(sample, preset=9))


def _listed(database: Any) -> list[Doc]:
    return [listed for listed in database.list_collections() if not listed["name"].startswith("system.")]


def _held(database: Any, listed: Doc) -> Doc:
    collection = database[listed["name"]]
    return {
        "options": {name: value for name, value in listed["options"].items() if name != "uuid"},
        "indexes": [dict(index) for index in collection.list_indexes()],
        "documents": list(collection.find().sort("_id", 1)),
    }


def _moved(value: Any, old: str, new: str) -> Any:
    """The same with another folder in its texts."""
    if isinstance(value, str):
        return value.replace(old, new)
    if isinstance(value, dict):
        return {_moved(key, old, new): _moved(inner, old, new) for key, inner in value.items()}
    return [_moved(inner, old, new) for inner in value] if isinstance(value, list) else value


def _exfolio(*arguments: str) -> None:
    subprocess.run([sys.executable, "-m", "exfolio", *arguments], check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    _make(sys.argv[1])
