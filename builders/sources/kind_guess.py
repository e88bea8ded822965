"""Which kind of source a file or folder probably is, by content; where it could be two things, it says so."""

import re
from collections.abc import Iterable
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import cast

from .files.file_search import find_files
from .files.json_stream import json_items
from .files.lmdb_file import is_lmdb
from .files.open_files import SourceFileError, quoted, read_head, without_compression
from .files.table_columns import FORMULA_HEADERS
from .files.table_lines import COMMENT, Row, rows, sniff_encoding, sniff_separator
from .reader_kinds import all_kinds, reader_class
from .records.raw_record import BadRecord

_HEAD_BYTES = 64 * 1024
_LOOKED_AT = 5
VASP = "vasp"
"""Results of VASP: no source, but folders of them hold POSCAR files, which would be taken for known materials."""
_VASP_RESULT = re.compile(r"vasprun.*\.xml|.*vasprun\.xml", re.IGNORECASE)
_V2DB_MARKS = {"Material", "Prototype", "Heat_of_formation", "Energy_above_convex_hull"}
_OQMD_TABLE = b"CREATE TABLE `atoms`"
_C2DB_MARKS = {"hform", "ehull", "uid"}
_THREE_NUMBERS = re.compile(r"\s*(?:[-+]?\d*\.?\d+(?:[eE][-+]?\d+)?\s+){2}[-+]?\d*\.?\d+(?:[eE][-+]?\d+)?")


class UnclearKind(SourceFileError):
    """A path that is of no known kind, or might be of more than one."""


def guess_kind(path: Path) -> str:
    """Kind of source that a file or folder is, by content; `VASP` of a folder with results of VASP.

    Raises
    ------
    UnclearKind
        It is none, or might be more than one: the message says which.
    SourceFileError
        It can't be read, or is empty.
    """
    if not path.is_dir():
        return _only(_kinds_of_file(path), path)
    files = find_files([path], accepts=lambda name: _by_name(name) is not None, file_kinds="files of a known kind")
    names = {_by_name(file.name) for file in files}
    if VASP in names:
        return VASP
    kinds: set[str] = set()
    for name in names - {None}:
        if name in ("json", "ase", "table"):
            alike = [file for file in files if _by_name(file.name) == name]
            looked = {kind for file in alike[:_LOOKED_AT] for kind in _kinds_of_file(file)}
            kinds |= looked or ({name} - {"json"})
        else:
            kinds.add(cast("str", name))
    return _only(kinds, path)


def _only(kinds: Iterable[str], path: Path) -> str:
    kinds = sorted(kinds)
    if len(kinds) == 1:
        return kinds[0]
    if kinds:
        msg = f"{quoted(path)} might be {' or '.join(kinds)}; say which kind it is"
    else:
        msg = f"{quoted(path)} is of no known kind; there are: {', '.join(all_kinds())}"
    raise UnclearKind(msg)


def _by_name(name: str) -> str | None:
    """Kind of a file in a folder by its name; ``json``, ``ase`` and ``table`` have to be looked into."""
    stem = without_compression(name)
    if stem.lower().endswith((".db", ".aselmdb")):
        return "ase"
    if stem.lower().endswith(".sql"):
        return "oqmd-dump"
    if _VASP_RESULT.fullmatch(stem):
        return VASP
    for kind in ("structure-files", "table", "point-clouds", "extxyz"):
        if reader_class(kind).accepts(stem):
            return kind
    return "json" if stem.lower().endswith((".json", ".jsonl", ".ndjson")) else None


def _kinds_of_file(path: Path) -> set[str]:
    if path.name.lower().endswith((".npz", ".npy")):
        return {"point-clouds"}
    head = read_head(path, _HEAD_BYTES)
    # A name that says CIF or POSCAR is believed: what is wrong with the content is then told by its reader.
    if reader_class("structure-files").accepts(without_compression(path.name)):
        return {"structure-files"}
    if not head.strip():
        msg = f"{quoted(path)} is empty"
        raise SourceFileError(msg)
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
    if start in (b"{", b"["):
        return _kinds_of_json(path)
    if head.startswith(b"SQLite format 3"):
        return _kinds_of_sqlite(path)
    if is_lmdb(head):
        return {"ase"}
    if b"-- MySQL dump" in head or b"-- MariaDB dump" in head:
        return {"oqmd-dump"} if _OQMD_TABLE in head else set()
    if b"\x00" in head and not head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return set()
    text = head.decode("utf-8", "replace")
    if re.search(r"^\s*data_", text, re.MULTILINE | re.IGNORECASE) and "_cell_length_a" in text.lower():
        return {"structure-files"}
    lines = text.splitlines()
    if len(lines) > 2 and lines[0].strip().isdigit() and "Lattice=" in lines[1]:
        return {"extxyz"}
    if len(lines) > 6 and all(_THREE_NUMBERS.match(line) for line in lines[2:5]):
        return {"structure-files"}
    header = _header_of_table(path)
    if header is None:
        return set()
    return {"v2db"} if set(header) >= _V2DB_MARKS else {"table"}


def _kinds_of_sqlite(path: Path) -> set[str]:
    from .readers.ase_rows import keys_of  # brings pymatgen along

    keys = keys_of(path)
    if keys is None:
        return set()
    return {"c2db"} if keys >= _C2DB_MARKS else {"ase"}


def _kinds_of_json(path: Path) -> set[str]:
    kinds: set[str] = set()
    for item in islice(json_items(path), _LOOKED_AT):
        if isinstance(item, BadRecord):
            continue
        value = item.value
        if item.columns is not None and isinstance(value, list):
            value = dict(zip(item.columns, value, strict=False))
        if not isinstance(value, dict):
            continue
        if {"hform", "ehull", "olduid"} <= set(value):
            kinds.add("c2db-folders")
        elif "jid" in value and ("atoms" in value or "structure" in value):
            kinds.add("jarvis")
        elif "numbers" in value and "positions" in value and "unique_id" in value:
            kinds.add("ase")
        elif isinstance(data := value.get("data"), dict) and {"mat_id", "e_above_hull"} <= set(data):
            kinds.add("alexandria")
        elif "matpes_id" in value:
            kinds.add("matpes")
        elif "delta_e" in value and "entry_id" in value:
            kinds.add("oqmd")
        elif "all_3D_parents" in value and "as_extracted_2D_structure_uuid" in value:
            kinds.add("mc2d")
        elif "composition" in value and "energy" in value:
            kinds.add("entries")
        elif "discovery_process" in value and "structure" in value:
            kinds.add("2dmatpedia")
        elif (
            "structure" in value
            or {"lattice", "sites"} <= set(value)
            or {"material_id", "formula_pretty"} <= set(value)
        ):
            kinds.add("structures")
        elif any(name.lower() in FORMULA_HEADERS and isinstance(value[name], str) for name in value):
            kinds.add("table")
    return kinds


def _header_of_table(path: Path) -> list[str] | None:
    """Header of a table; None where the file is none."""
    encoding = sniff_encoding(path)
    separator = sniff_separator(path, encoding)
    with closing(rows(path, encoding=encoding, separator=separator)) as table_rows:
        read = (row for row in table_rows if not (isinstance(row, Row) and row.cells[0].lstrip().startswith(COMMENT)))
        first = [row for row in islice(read, 2) if isinstance(row, Row)]
    if not first:
        return None
    header = list(first[0].cells)
    named = any(cell.strip().lower() in FORMULA_HEADERS for cell in header)
    is_table = named or (len(header) > 1 and len(first) == 2 and len(first[1].cells) == len(header))
    return header if is_table else None
