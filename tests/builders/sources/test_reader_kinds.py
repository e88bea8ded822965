"""Readers by name."""

import json
from pathlib import Path
from typing import Any

import pytest
from exfolio.builders.sources.reader_kinds import KINDS, reader_for
from exfolio.builders.sources.readers.table import Table
from exfolio.builders.sources.records.source_options import SourceOptionError


def test_a_reader_is_made_by_its_name(write: Any) -> None:
    path = write("t.csv", "formula\nMgO\n")
    reader = reader_for("table", paths=[path], source=None, method="PBE")
    assert reader == Table(paths=[path], method="PBE")


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_a_reader(kind: str, tmp_path: Path) -> None:
    reader = reader_for(kind) if "(no path)" in KINDS[kind] else reader_for(kind, paths=tmp_path / "x")
    assert reader.kind == kind
    assert reader.describe()["kind"] == kind
    assert json.dumps(reader.describe())


def test_a_kind_that_reads_files_needs_a_path() -> None:
    with pytest.raises(SourceOptionError, match="needs the path"):
        reader_for("table")


def test_mistakes_are_answered_with_what_there_is() -> None:
    with pytest.raises(SourceOptionError, match=r"'cif'; there are: 2dmatpedia, structures"):
        reader_for("cif")
    with pytest.raises(SourceOptionError, match=r"no option columns; it has: paths"):
        reader_for("entries", paths="x.json", columns={})
