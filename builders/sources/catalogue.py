"""The kinds of source there are: a reader by its name, and which kind a file probably is.

Readers are imported when they are asked for. Guesses are by content; where a file could be two things, it says so.
"""

import re
from collections.abc import Iterable
from contextlib import closing
from dataclasses import fields
from importlib import import_module
from itertools import islice
from pathlib import Path
from typing import Any, cast

from .files.file_reader import ReaderOptionError
from .files.json_stream import json_items
from .files.open_files import SourceFileError, find_files, quoted, read_head, without_compression
from .files.table_columns import FORMULA_HEADERS
from .files.table_lines import Row, rows, sniff_encoding, sniff_separator
from .record import BadRecord, Reader

KINDS: dict[str, str] = {
    "2dmatpedia": "the dump of 2DMatPedia: JSON lines of monolayers with energies and parents",
    "structures": "JSON of pymatgen structures, bare or in documents like those of the Materials Project",
    "entries": "JSON of ComputedEntry or ComputedStructureEntry: the references of a convex hull",
    "structure-files": "CIF and POSCAR files, or folders of them",
    "c2db": "the ASE database of C2DB: monolayers with energies and gaps (extra: ase)",
    "ase": "ASE databases, SQLite or JSON, with keys mapped by options (extra: ase)",
    "jarvis": "JSON of JARVIS-DFT (dft_2d, dft_3d), zipped or not, or matminer's form of it",
    "v2db": "the table of V2DB: predicted monolayers by formula and prototype",
    "table": "CSV or TSV of formulas and properties with declared units",
    "prototypes": "the 288 AFLOW prototypes that come with pymatgen (no path)",
    "handbook": "exfolio's own table of well-known compounds, many of them layered (no path)",
    "known-monolayers": "monolayers that have been made, cut from the handbook's crystals (no path)",
}
"""Name of each kind of source and what it is, in a line."""

_READERS = {
    "2dmatpedia": ("two_d_mat_pedia", "TwoDMatPedia"),
    "structures": ("structures_json", "StructuresJson"),
    "entries": ("entries_json", "EntriesJson"),
    "structure-files": ("structure_files", "StructureFiles"),
    "c2db": ("ase_database", "C2db"),
    "ase": ("ase_database", "AseDatabase"),
    "jarvis": ("jarvis", "Jarvis"),
    "v2db": ("v2db", "V2db"),
    "table": ("table", "Table"),
    "prototypes": ("prototypes", "Prototypes"),
    "handbook": ("handbook", "Handbook"),
    "known-monolayers": ("known_monolayers", "KnownMonolayers"),
}
_HEAD_BYTES = 64 * 1024
_LOOKED_AT = 5
_V2DB_MARKS = {"Material", "Prototype", "Heat_of_formation", "Energy_above_convex_hull"}
_C2DB_MARKS = {"hform", "ehull", "uid"}
_THREE_NUMBERS = re.compile(r"\s*(?:[-+]?\d*\.?\d+(?:[eE][-+]?\d+)?\s+){2}[-+]?\d*\.?\d+(?:[eE][-+]?\d+)?")


def reader_class(kind: str) -> type[Any]:
    """Give the class of the readers of a kind.

    Raises
    ------
    ReaderOptionError
        Where there is no such kind.
    """
    if kind not in _READERS:
        msg = f"there is no kind of source called {kind!r}; there are: {', '.join(KINDS)}"
        raise ReaderOptionError(msg)
    module, name = _READERS[kind]
    return cast("type[Any]", getattr(import_module(f".readers.{module}", __package__), name))


def reader_for(kind: str, **options: Any) -> Reader:
    """Make a reader.

    Parameters
    ----------
    kind
        One of `KINDS`.
    options
        What its class takes; see there. Options that are None are left out.

    Raises
    ------
    ReaderOptionError
        Where there is no such kind, or it has no such option, or lacks one.
    """
    made_by = reader_class(kind)
    given = {name: value for name, value in options.items() if value is not None}
    known = {field.name: field for field in fields(made_by)}
    unknown = sorted(set(given) - set(known))
    if unknown:
        msg = f"a source of kind {kind} has no option {', '.join(unknown)}; it has: {', '.join(known)}"
        raise ReaderOptionError(msg)
    if "paths" in known and "paths" not in given:
        msg = f"a source of kind {kind} needs the path of a file or folder"
        raise ReaderOptionError(msg)
    return cast("Reader", made_by(**given))


def guess_kind(path: Path) -> str:
    """Say which kind of source a file or folder is, by content.

    Raises
    ------
    SourceFileError
        Where it can't be read, is none, or might be more than one: the message says which.
    """
    if not path.is_dir():
        return _only(_kinds_of_file(path), path)
    found = find_files([path], accepts=lambda name: _by_name(name) is not None, wanted="files of a known kind")
    names = {_by_name(file.name) for file in found}
    kinds: set[str] = set()
    for name in names - {None}:
        if name in ("json", "ase", "table"):
            alike = [file for file in found if _by_name(file.name) == name]
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
        msg = f"{quoted(path)} is of no known kind; there are: {', '.join(KINDS)}"
    raise SourceFileError(msg)


def _by_name(name: str) -> str | None:
    """Kind of a file in a folder by its name; ``json``, ``ase`` and ``table`` have to be looked into."""
    stem = without_compression(name)
    if stem.lower().endswith(".db"):
        return "ase"
    for kind in ("structure-files", "table"):
        if reader_class(kind).accepts(stem):
            return kind
    return "json" if stem.lower().endswith((".json", ".jsonl", ".ndjson")) else None


def _kinds_of_file(path: Path) -> set[str]:
    head = read_head(path, _HEAD_BYTES)
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
    if start in (b"{", b"["):
        return _kinds_of_json(path)
    if head.startswith(b"SQLite format 3"):
        return _kinds_of_sqlite(path)
    if b"\x00" in head and not head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return set()
    text = head.decode("utf-8", "replace")
    if re.search(r"^\s*data_", text, re.MULTILINE | re.IGNORECASE) and "_cell_length_a" in text.lower():
        return {"structure-files"}
    lines = text.splitlines()
    if len(lines) > 6 and all(_THREE_NUMBERS.match(line) for line in lines[2:5]):
        return {"structure-files"}
    header = _header_of_table(path)
    if header is None:
        return set()
    return {"v2db"} if set(header) >= _V2DB_MARKS else {"table"}


def _kinds_of_sqlite(path: Path) -> set[str]:
    keys = import_module(".readers.ase_database", __package__).keys_of(path)
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
        if "jid" in value and ("atoms" in value or "structure" in value):
            kinds.add("jarvis")
        elif "numbers" in value and "positions" in value and "unique_id" in value:
            kinds.add("ase")
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
    return kinds


def _header_of_table(path: Path) -> list[str] | None:
    """Give the header of a table; None where the file is none."""
    encoding = sniff_encoding(path)
    separator = sniff_separator(path, encoding)
    with closing(rows(path, encoding=encoding, separator=separator)) as found:
        first = [row for row in islice(found, 2) if isinstance(row, Row)]
    if not first:
        return None
    header = list(first[0].cells)
    named = any(cell.strip().lower() in FORMULA_HEADERS for cell in header)
    is_table = named or (len(header) > 1 and len(first) == 2 and len(first[1].cells) == len(header))
    return header if is_table else None
