"""Reader of OQMD's whole database as it is downloaded: the dump of its MySQL tables (qmdb__v1_….sql.gz).

The records are those that OQMD's API gives (`oqmd`). In the dump the sites of a structure stand far from its cell, so
its tables go into a temporary database on the disk first, which takes several gigabytes for all of OQMD.
"""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any, ClassVar, Final

from ..files.mysql_dump import table_rows
from ..files.open_files import SourceFileError, quoted
from ..records.raw_record import BadRecord, RawRecord
from .oqmd import Oqmd

_CELL: Final = ("x1", "x2", "x3", "y1", "y2", "y3", "z1", "z2", "z3")
# Tables and columns of qmpy's models: qmpy/materials and qmpy/analysis/vasp/calculation.py.
_TABLES: Final = {
    "atoms": ("structure_id", "id", "element_id", "x", "y", "z", "occupancy"),
    "calculations": ("id", "label", "output_id", "band_gap"),
    "entries": ("id", "path", "duplicate_of_id", "natoms", "composition_id", "prototype_id"),
    "formation_energies": ("id", "entry_id", "calculation_id", "fit_id", "stability", "delta_e"),
    "spacegroups": ("number", "hm"),
    "structures": ("id", "spacegroup_id", "volume", *_CELL),
}
_TEXTS: Final = frozenset({"element_id", "label", "path", "composition_id", "prototype_id", "fit_id", "hm"})
_FIT: Final = "standard"
_RECORDS: Final = """
    SELECT e.id, e.path, e.duplicate_of_id, e.natoms, e.composition_id, e.prototype_id,
        f.id, f.stability, f.delta_e, c.id, c.label, c.band_gap, s.id, s.volume, g.hm, s.x1, s.x2, s.x3,
        s.y1, s.y2, s.y3, s.z1, s.z2, s.z3
    FROM formation_energies f JOIN entries e ON e.id = f.entry_id JOIN calculations c ON c.id = f.calculation_id
        LEFT JOIN structures s ON s.id = c.output_id LEFT JOIN spacegroups g ON g.number = s.spacegroup_id
    WHERE f.fit_id = ? AND f.delta_e IS NOT NULL
    ORDER BY e.id, f.delta_e, f.id
"""
_SITES: Final = "SELECT element_id, x, y, z, occupancy FROM atoms WHERE structure_id = ? ORDER BY id"
_CACHE_KIB: Final = 64 * 1024


@dataclass(frozen=True, kw_only=True)
class OqmdDump(Oqmd):
    """Materials of OQMD: each entry with its lowest formation energy by the standard fit, and the structure of that."""

    kind: ClassVar[str] = "oqmd-dump"
    version: ClassVar[int] = 2
    file_kinds: ClassVar[str] = "OQMD's dump of MySQL (.sql)"
    suffixes: ClassVar[tuple[str, ...]] = (".sql",)

    def records(self, path: Path) -> Iterator[RawRecord | BadRecord]:
        """Read the dump, then its entries one by one.

        Raises
        ------
        SourceFileError
            It is no dump of OQMD, or holds no formation energies.
        """
        with closing(sqlite3.connect("")) as tables:  # on the disk where it outgrows its cache, gone when it is closed
            if (damage := _fill(tables, path)) is not None:
                # What was read may lack its sites or energies, so none of it counts.
                yield damage.moved(damage.place, 0)
                return
            entries = groupby(tables.execute(_RECORDS, (_FIT,)), key=lambda row: row[0])
            index = -1
            for index, (_, energies) in enumerate(entries):
                yield _record(tables, next(energies), index)
            if index < 0:
                raise SourceFileError(f"{quoted(path)} holds no formation energies of OQMD's fit {_FIT!r}")


def _fill(tables: sqlite3.Connection, path: Path) -> BadRecord | None:
    """Copy what is needed of the dump; what stopped the reading, where something did."""
    tables.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
    for name, columns in _TABLES.items():
        key = f"{columns[0]} INTEGER {'PRIMARY KEY' if name != 'atoms' else ''}"
        others = [f"{c} TEXT" if c in _TEXTS else f"{c} NUMERIC" for c in columns[1:]]
        tables.execute(f"CREATE TABLE {name} ({', '.join([key, *others])})")
    for rows in table_rows(path, _TABLES):
        if isinstance(rows, BadRecord):
            return rows
        columns = _TABLES[rows.table]
        texts = [name in _TEXTS for name in columns]
        values = [[v if text else _exact(v) for v, text in zip(row, texts, strict=True)] for row in rows.rows]
        marks = ", ".join("?" * len(columns))
        tables.executemany(f"INSERT OR REPLACE INTO {rows.table} VALUES ({marks})", values)  # noqa: S608
    tables.execute("CREATE INDEX sites ON atoms (structure_id)")
    return None


def _exact(number: str | None) -> str | float | None:
    """A number as Python reads it: SQLite is off by some last digits. Whole ones are alike in both."""
    if number is None or number.isdecimal():
        return number
    try:
        return float(number)
    except ValueError:
        return number  # its record tells


def _record(tables: sqlite3.Connection, row: tuple[Any, ...], index: int) -> RawRecord | BadRecord:
    """The record of an entry, as OQMD's API gives it (qmpy/web/serializers/formationenergy.py)."""
    entry, path, duplicate_of, natoms, composition, prototype, *rest = row
    energy_id, stability, delta_e, calculation, label, band_gap, structure, volume, symbol, *cell = rest
    sites = tables.execute(_SITES, (structure,)).fetchall() if structure is not None else []
    place = f"entry {entry}"
    if any(occupancy != 1 for *_, occupancy in sites):
        return BadRecord("it has sites that are partly occupied", remedy="leave it out", place=place, index=index)
    record = {
        "entry_id": entry,
        "name": (composition or "").replace(" ", ""),
        "composition": composition,
        "calculation_id": calculation,
        "calculation_label": label,
        "formationenergy_id": energy_id,
        "duplicate_entry_id": duplicate_of,
        "icsd_id": _icsd_id(path),
        "prototype": prototype,
        "spacegroup": symbol,
        "natoms": natoms,
        "volume": volume,
        "unit_cell": [cell[i : i + 3] for i in (0, 3, 6)] if sites else None,
        "sites": [f"{element} @ {x!r} {y!r} {z!r}" for element, x, y, z, _ in sites] or None,
        "band_gap": band_gap,
        "delta_e": delta_e,
        "stability": stability,
        "fit": _FIT,
    }
    return RawRecord(place, index, json.dumps(record))


def _icsd_id(path: str | None) -> int | None:
    """Number in the ICSD, which is the last part of the path of an entry from there."""
    last = (path or "").rpartition("/")[2]
    return int(last) if "/icsd/" in (path or "") and last.isdecimal() else None
