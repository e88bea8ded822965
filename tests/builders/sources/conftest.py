"""What the tests of the readers share: small real structures, and one way to read all of a source."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from exfolio.builders.sources.readers.reader import Reader, parse_many
from exfolio.builders.sources.records.raw_record import BadRecord, RawRecord
from pymatgen.core import Lattice, Structure


@pytest.fixture
def rock_salt() -> Structure:
    corners = [[0, 0, 0], [0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]]
    between = [[0.5, 0.5, 0.5], [0.5, 0, 0], [0, 0.5, 0], [0, 0, 0.5]]
    return Structure(Lattice.cubic(5.64), ["Na"] * 4 + ["Cl"] * 4, corners + between)


@pytest.fixture
def iron() -> Structure:
    return Structure(Lattice.cubic(2.866), ["Fe", "Fe"], [[0, 0, 0], [0.5, 0.5, 0.5]])


class Reading:
    """All that one reading of a source gives."""

    def __init__(self, reader: Reader) -> None:
        self.raws: list[RawRecord] = []
        self.bad: list[BadRecord] = []
        self.materials: list[dict[str, Any]] = []
        self.entries: list[dict[str, Any]] = []
        for path in reader.files():
            found = list(reader.records(path))
            assert [record.index for record in found] == list(range(len(found)))
            self.bad += [record for record in found if isinstance(record, BadRecord)]
            raws = [record for record in found if isinstance(record, RawRecord)]
            self.raws += raws
            for result in parse_many(reader, raws):
                if isinstance(result, BadRecord):
                    self.bad.append(result)
                else:
                    json.dumps(result, allow_nan=False)  # what is not JSON can't be stored or hashed
                    self.materials += result.get("materials", [])
                    self.entries += result.get("reference_entries", [])

    @property
    def ids(self) -> list[str]:
        return [material["source_id"] for material in self.materials]

    @property
    def places(self) -> list[str]:
        return [bad.place for bad in self.bad]


@pytest.fixture
def read() -> Callable[[Reader], Reading]:
    return Reading


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, Any], Path]:
    """Write a file of a test: text and bytes as they are, anything else as JSON."""

    def write_file(name: str, content: Any) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if not isinstance(content, str | bytes):
            content = json.dumps(content)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write_file
