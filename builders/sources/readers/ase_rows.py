"""Rows of an ASE database, SQLite, JSON or LMDB, as plain data: geometry, energy, moment and key-value pairs.

The ``data`` of a row, which may be anything, is never decoded by ASE; of an LMDB file, where it is plain JSON, the
numbers and texts in it count as key-value pairs (fairchem keeps ids and temperatures there).
"""

import json
import math
import sqlite3
import zlib
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import numpy as np

from ..files.lmdb_file import is_lmdb, lmdb_items
from ..files.open_files import MAX_WHOLE_BYTES, SourceFileError, open_source, quoted
from ..records.raw_record import BadRecord

_SQLITE = b"SQLite format 3\x00"  # https://www.sqlite.org/fileformat.html, section 1.3
_ROWS_AT_ONCE = 500
_HEAD_BYTES = 64
# Keys of an LMDB file that are no rows (ase_db_backends.aselmdb).
_NO_ROWS: Final = frozenset({b"nextid", b"deleted_ids", b"metadata"})


def _is_database(path: Path) -> bool:
    """Whether what is compressed is an SQLite or LMDB file."""
    with open_source(path) as stream:
        head = stream.read(_HEAD_BYTES)
    return head.startswith(_SQLITE) or is_lmdb(head)


def keys_of(path: Path) -> set[str] | None:
    """Keys of the key-value pairs in an SQLite database of ASE; None where it is none of ASE.

    Raises
    ------
    SourceFileError
        Where the file is damaged.
    """
    try:
        with closing(_read_only(path)) as database:
            tables = {name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            if not {"systems", "keys"} <= tables:
                return None
            return {key for (key,) in database.execute("SELECT DISTINCT key FROM keys")}
    except sqlite3.DatabaseError as error:
        msg = f"{quoted(path)} can't be read by SQLite: {error}; fetch it again"
        raise SourceFileError(msg) from error


def _read_only(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)


def ase_rows(path: Path) -> Iterator[tuple[int, dict[str, Any] | BadRecord]]:
    """Number and content of each row, in the order of the file; a row that can't be read gives its `BadRecord`.

    Raises
    ------
    SourceFileError
        It is no ASE database, or compressed, or the package ase is missing.
    """
    with path.open("rb") as stream:
        head = stream.read(_HEAD_BYTES)
    if is_lmdb(head):
        for key, value in lmdb_items(path):
            if key not in _NO_ROWS:
                yield _lmdb_row(key, value)
        return
    for row in _rows(path, head):
        yield row.id, _payload(row)


def _rows(path: Path, head: bytes) -> Iterator[Any]:
    try:
        from ase.db import connect  # only these sources need the package
    except ImportError as error:
        msg = f"{quoted(path)} is an ASE database, and the package ase is missing: pip install 'exfolio[ase]'"
        raise SourceFileError(msg) from error
    open_database: Any = connect
    if not head.startswith(_SQLITE):
        if _is_database(path):
            msg = f"{quoted(path)} is compressed; uncompress it first, since databases are read here and there"
            raise SourceFileError(msg)
        if not head.lstrip().startswith(b"{"):
            msg = f"{quoted(path)} is no ASE database: it begins with {head[:8]!r}"
            raise SourceFileError(msg)
        # The package reads such a file as a whole.
        yield from open_database(path, type="json", use_lock_file=False).select(include_data=False)
        return
    if keys_of(path) is None:  # the package would make its tables in it
        msg = f"{quoted(path)} is an SQLite database, but none of ASE: it has no tables systems and keys"
        raise SourceFileError(msg)
    with open_database(path, type="db", use_lock_file=False) as database:  # else each query leaves a connection open
        last, before = 0, -1
        while last != before:
            before = last
            for row in database.select(f"id>{last}", sort="id", limit=_ROWS_AT_ONCE, include_data=False):
                yield row
                last = row.id


def _payload(row: Any) -> dict[str, Any]:
    return {
        "unique_id": str(row.unique_id),
        "numbers": [int(number) for number in row.numbers],
        "positions": np.asarray(row.positions, float).tolist(),
        "cell": np.asarray(row.cell, float).tolist(),
        "pbc": [bool(periodic) for periodic in row.pbc],
        "energy": _float(row.get("energy")),
        "magmom": _float(row.get("magmom")),
        "calculator": str(row.get("calculator") or ""),
        "key_value_pairs": {str(key): _builtin(value) for key, value in row.key_value_pairs.items()},
    }


def _lmdb_row(key: bytes, value: bytes) -> tuple[int, dict[str, Any] | BadRecord]:
    """A row as ase_db_backends.aselmdb writes it: JSON, compressed by zlib, with ASE's form of arrays."""
    number = int(key) if key.isdigit() else 0
    try:
        unpacked = zlib.decompressobj().decompress(value, MAX_WHOLE_BYTES)
        row = json.loads(unpacked)
        data = row.get("data")
        scalars = {k: v for k, v in data.items() if isinstance(v, str | int | float)} if isinstance(data, dict) else {}
        return number, {
            "unique_id": str(row["unique_id"]),
            "numbers": [int(number) for number in _array(row["numbers"])],
            "positions": _array(row["positions"]).reshape(-1, 3).tolist(),
            "cell": _array(row.get("cell", [[0.0] * 3] * 3)).reshape(3, 3).tolist(),
            "pbc": [bool(periodic) for periodic in _array(row.get("pbc", [False] * 3))],
            "energy": _float(row.get("energy")),
            "magmom": _float(row.get("magmom")),
            "calculator": str(row.get("calculator") or ""),
            "key_value_pairs": {**scalars, **(row.get("key_value_pairs") or {})},
        }
    except (zlib.error, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        reason = f"the row can't be read: {type(error).__name__}: {error}"
        return number, BadRecord(reason, remedy="write the row again with ASE")


def _array(stated: Any) -> np.ndarray:
    """Array of plain lists, or of ``{"__ndarray__": [shape, dtype, values]}`` (ase.io.jsonio)."""
    if isinstance(stated, Mapping):
        shape, _, values = stated["__ndarray__"]
        return np.array(values, dtype=float).reshape(shape)
    return np.array(stated, dtype=float)


def _float(value: Any) -> float | None:
    return None if value is None else float(value)


def _builtin(value: Any) -> Any:
    value = value.item() if isinstance(value, np.generic) else value
    # What is not known is left out, as ASE has no null.
    return None if isinstance(value, float) and not math.isfinite(value) else value
