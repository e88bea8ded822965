"""Files are opened by what they are, and what is damaged, hostile or missing is told clearly."""

import bz2
import gzip
import io
import lzma
import os
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard
from exfolio.builders.sources.files import open_files
from exfolio.builders.sources.files.open_files import (
    CutShortError,
    SourceFileError,
    numbered_lines,
    open_source,
    read_head,
    read_whole,
)
from exfolio.builders.sources.records.raw_record import BadRecord

TEXT = b"formula,band_gap\nMoS2,1.6\nGaSe,2.1\n"
COMPRESSORS: dict[str, Callable[[bytes], bytes]] = {
    "plain": bytes,
    "gzip": gzip.compress,
    "bzip2": bz2.compress,
    "xz": lambda content: lzma.compress(content, preset=0),
    "zstd": zstandard.ZstdCompressor().compress,
}


def content_of(path: Path) -> bytes:
    with open_source(path) as stream:
        return stream.read()


@pytest.mark.parametrize("kind", COMPRESSORS)
def test_compression_is_known_by_content_not_by_name(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "table.csv"
    path.write_bytes(COMPRESSORS[kind](TEXT))
    assert content_of(path) == TEXT


@pytest.mark.parametrize("kind", ["gzip", "bzip2", "xz", "zstd"])
def test_streams_one_after_the_other_are_one_file(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "table.csv"
    path.write_bytes(COMPRESSORS[kind](TEXT) + COMPRESSORS[kind](TEXT))
    assert content_of(path) == TEXT + TEXT


@pytest.mark.parametrize("kind", ["gzip", "bzip2", "xz", "zstd"])
def test_of_a_file_cut_short_the_lines_before_are_read(tmp_path: Path, kind: str) -> None:
    lines = [os.urandom(60).hex().encode() for _ in range(20000)]
    compressed = COMPRESSORS[kind](b"\n".join(lines))
    path = tmp_path / "cut"
    path.write_bytes(compressed[: len(compressed) * 3 // 4])
    found = list(numbered_lines(path))
    good = [line for _, line in found if isinstance(line, bytes)]
    assert good == lines[: len(good)]
    assert len(good) > 1000
    _, last = found[-1]
    assert isinstance(last, BadRecord)
    assert last.rest_unread
    assert "'" + str(path) + "'" in last.reason
    assert "cut short" in last.reason


def test_a_damaged_file_is_told_from_a_whole_one(tmp_path: Path) -> None:
    compressed = bytearray(gzip.compress(os.urandom(5000)))
    compressed[2000] ^= 0xFF
    path = tmp_path / "damaged.gz"
    path.write_bytes(compressed)
    with pytest.raises(CutShortError, match="damaged or cut short"):
        content_of(path)


@pytest.mark.parametrize("kind", ["gzip", "bzip2", "xz", "zstd"])
def test_a_bomb_is_defused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    monkeypatch.setattr(open_files, "RATIO_CHECKED_FROM_BYTES", 2**20)
    path = tmp_path / "bomb"
    path.write_bytes(COMPRESSORS[kind](bytes(8 * 2**20)))
    with pytest.raises(SourceFileError, match="expands from"):
        content_of(path)


def test_a_line_too_long_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "lines"
    path.write_bytes(b"short\n" + b"x" * 5000 + b"\nshort again\n")
    found = list(numbered_lines(path, limit=100))
    assert [number for number, _ in found] == [1, 2, 3]
    assert found[0][1] == b"short"
    assert isinstance(found[1][1], BadRecord)
    assert found[2][1] == b"short again"


def test_a_file_too_large_to_read_whole_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "POSCAR"
    path.write_bytes(bytes(1001))
    with pytest.raises(SourceFileError, match="larger than 1000 bytes"):
        read_whole(path, limit=1000)


def test_the_head_of_a_cut_file_can_be_had(tmp_path: Path) -> None:
    content = os.urandom(100_000)
    path = tmp_path / "cut.gz"
    path.write_bytes(gzip.compress(content)[:50_000])
    head = read_head(path, 100_000)
    assert content.startswith(head)
    assert len(head) > 10_000


def test_what_is_no_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceFileError, match=r"missing\.csv.*No such file"):
        open_source(tmp_path / "missing.csv")
    with pytest.raises(SourceFileError, match="is a folder"):
        open_source(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(SourceFileError, match="pipe"):
        open_source(tmp_path / "pipe")
    (tmp_path / "a.zip").write_bytes(zipped({"a.csv": b"formula\n", "b.csv": b"formula\n"}))
    with pytest.raises(SourceFileError, match="zip archive of 2 files"):
        open_source(tmp_path / "a.zip")
    (tmp_path / "a.xlsx").write_bytes(zipped({"[Content_Types].xml": b"<x/>", "xl/workbook.xml": b"<x/>"}))
    with pytest.raises(SourceFileError, match=r"spreadsheet .* export it as CSV"):
        open_source(tmp_path / "a.xlsx")
    (tmp_path / "broken.zip").write_bytes(zipped({"a.csv": b"formula\n"})[:40])
    with pytest.raises(SourceFileError, match="zip archive that can't be read"):
        open_source(tmp_path / "broken.zip")


def zipped(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def test_a_zip_archive_of_one_file_is_that_file(tmp_path: Path) -> None:
    path = tmp_path / "d2.json.zip"
    path.write_bytes(zipped({"d2.json": b'{"a": 1}\n' * 5000, "__MACOSX/._d2.json": b"x"}))
    with open_source(path) as stream:
        assert stream.read() == b'{"a": 1}\n' * 5000


def test_a_zip_archive_with_damaged_content_is_cut_short(tmp_path: Path) -> None:
    content = bytearray(zipped({"a.bin": os.urandom(5000)}))
    content[2500] ^= 0xFF
    (tmp_path / "a.zip").write_bytes(content)
    with open_source(tmp_path / "a.zip") as stream, pytest.raises(CutShortError, match="damaged or cut short"):
        stream.read()
