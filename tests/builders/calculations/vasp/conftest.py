"""A small vasprun.xml of the real Al run, and trees made of the real files."""

import gzip
from collections.abc import Callable
from pathlib import Path

import pytest

AL_ENERGY = "-3.74198121"


@pytest.fixture(scope="session")
def al_xml(shared_data: Path) -> bytes:
    """Text of the real r2SCAN relaxation of Al, two ionic steps."""
    return gzip.decompress((shared_data / "vasp" / "Al_R2SCAN" / "vasprun.xml.gz").read_bytes())


@pytest.fixture
def folder(tmp_path: Path) -> Callable[..., Path]:
    """Make a calculation folder below tmp_path/tree."""

    def make(name: str, content: bytes, file: str = "vasprun.xml") -> Path:
        path = tmp_path / "tree" / name
        path.mkdir(parents=True, exist_ok=True)
        (path / file).write_bytes(content)
        return path

    return make
