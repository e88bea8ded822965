"""Readers of ASE databases (SQLite or JSON): any, with keys mapped by options, and C2DB, whose keys are known.

Reads geometry, energy and key-value pairs only; the ``data`` of a row, which may be anything, is never decoded.
"""

import math
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from pymatgen.core.periodic_table import Element
from pymatgen.core.structure import Lattice, Structure

from ....models.structure.vacuum import VACUUM
from ..files.file_reader import FileReader
from ..files.open_files import SourceFileError, open_source, quoted
from ..records.material_fields import (
    check_value,
    checked,
    claim_dimension,
    extra_fields,
    identity,
    number,
    space_group,
    structure_fields,
)
from ..records.raw_record import BadRecord, Documents, RawRecord
from ..records.source_options import SourceOptionError
from ..records.units import UNITS_OF_FIELD, Conversion, UnitError, conversion

_SQLITE = b"SQLite format 3\x00"  # https://www.sqlite.org/fileformat.html, section 1.3
_ROWS_AT_ONCE = 500
_TEXTS = ("prototype", "reference", "discovery", "parent_id")
# ase.db.core.default_key_descriptions: the energy of a row is that of its cell, in eV, the moment in Bohr magnetons.


@dataclass(frozen=True, kw_only=True)
class AseDatabase(FileReader):
    """Rows of an ASE database, one material a row.

    Attributes
    ----------
    columns
        Field to key of the key-value pairs: ``{"formation_energy": "hform:eV/atom", "prototype": "crystal_type"}``.
        Fields are ``space_group`` (a number), ``prototype``, ``reference``, ``discovery``, ``parent_id``, and, with a
        unit after the last colon, those of `UNITS_OF_FIELD`.
    id_key
        Key that holds the id of a row; the row's unique id where it has none.
    method
        How energies and gaps were got, e.g. ``PBE``.
    reference
        Publication to cite.
    dimension
        2 or 3, where the source claims it of all its records; else a row that is periodic along two vectors is claimed
        to be a layer.
    """

    kind: ClassVar[str] = "ase"
    version: ClassVar[int] = 2
    file_kinds: ClassVar[str] = "ASE databases (.db)"
    suffixes: ClassVar[tuple[str, ...]] = (".db", ".json")

    columns: Mapping[str, str] = field(default_factory=dict)
    id_key: str = "uid"
    method: str | None = None
    reference: str | None = None
    dimension: int | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        self._plan()

    @classmethod
    def accepts(cls, name: str) -> bool:
        """Whether a file in a folder is one: of ``.json`` files most are something else."""
        return name.lower().endswith(".db")

    def _plan(self) -> list[tuple[str, str, Conversion | None]]:
        """Key of each field, and how its value is converted."""
        plan: list[tuple[str, str, Conversion | None]] = []
        for name, text in self.columns.items():
            if name in (*_TEXTS, "space_group"):
                plan.append((name, text, None))
                continue
            if name not in UNITS_OF_FIELD:
                known = ", ".join(("space_group", *_TEXTS, *UNITS_OF_FIELD))
                msg = f"a key can't be {name!r}; it can be one of {known}"
                raise SourceOptionError(msg)
            key, colon, unit = text.rpartition(":")
            if not colon:
                msg = f"the unit of {name} is not stated; say so, e.g. {text}:{UNITS_OF_FIELD[name][0]}"
                raise SourceOptionError(msg)
            try:
                plan.append((name, key, conversion(name, unit)))
            except UnitError as error:
                msg = f"key {key!r}: {error}"
                raise SourceOptionError(msg) from error
        return plan

    def records(self, path: Path) -> Iterator[RawRecord | BadRecord]:
        """Read the rows of a database in the order of their numbers.

        Raises
        ------
        SourceFileError
            Where the file is no ASE database, or compressed, or the package ase is missing.
        """
        index = 0
        try:
            for row in _rows(path):
                yield RawRecord(f"row {row.id}", index, _payload(row))
                index += 1
        except (sqlite3.DatabaseError, ValueError, KeyError, TypeError, IndexError) as error:
            if isinstance(error, SourceFileError):
                raise
            yield BadRecord(
                f"the database can't be read on: {type(error).__name__}: {error}",
                remedy="fetch the file again; what came before was read",
                place=f"after row {index} of those given",
                index=index,
                rest_unread=True,
            )

    def parse(self, raw: RawRecord) -> Documents:
        """Make the document of one row.

        Raises
        ------
        BadRecord
            The record can't be used.
        """
        row = raw.payload
        pairs: dict[str, Any] = row["key_value_pairs"]
        structure = _structure(row)
        document: dict[str, Any] = {
            **identity(self.source, self._id(row), self.source_version),
            **structure_fields(structure),
        }
        taken = self._take(pairs, document, len(structure))
        self._take_totals(row, document, len(structure))
        if self.reference and "reference" not in document:
            document["reference"] = self.reference
        claim_dimension(document, self.dimension)
        if self.method and (computed := [name for name in UNITS_OF_FIELD if name in document]):
            document["methods"] = dict.fromkeys(computed, self.method)
        extra = extra_fields(pairs, used=frozenset(taken))
        if row["calculator"]:
            extra.setdefault("calculator", row["calculator"])
        if extra:
            document["extra"] = extra
        return {"materials": [document]}

    def _id(self, row: Mapping[str, Any]) -> str:
        stated = row["key_value_pairs"].get(self.id_key)
        return str(stated) if stated not in (None, "") else str(row["unique_id"])

    def _take(self, pairs: Mapping[str, Any], document: dict[str, Any], natoms: int) -> list[str]:
        taken = []
        for name, key, how in self._plan():
            value = pairs.get(key)
            if value is None or value == "" or (isinstance(value, float) and math.isnan(value)):
                continue
            if how is not None:
                amount = (number(pairs, key) or 0.0) * how.factor
                document[name] = check_value(name, amount / natoms if how.per_formula else amount)
            elif name == "space_group":
                document[name] = space_group(_whole(value))
            else:
                document[name] = str(value)
            taken.append(key)
        return taken

    def _take_totals(self, row: Mapping[str, Any], document: dict[str, Any], natoms: int) -> None:
        energy, moment = row["energy"], row["magmom"]
        if energy is not None and math.isfinite(energy):
            document.setdefault("energy_per_atom", energy / natoms)
        if moment is not None and math.isfinite(moment):
            document.setdefault("magnetization", moment)


def _c2db_columns() -> dict[str, str]:
    # The key descriptions of C2DB: https://cmr.fysik.dtu.dk/c2db/c2db.html#key-value-pairs
    return {
        "formation_energy": "hform:eV/atom",
        "energy_above_hull": "ehull:eV/atom",
        "band_gap": "gap:eV",
        "prototype": "prototype",
        "space_group": "spgnum",
    }


@dataclass(frozen=True, kw_only=True)
class C2db(AseDatabase):
    """The Computational 2D Materials Database, as distributed: an ASE database of monolayers, PBE."""

    kind: ClassVar[str] = "c2db"
    default_source: ClassVar[str] = "c2db"

    columns: Mapping[str, str] = field(default_factory=_c2db_columns)
    method: str | None = "PBE"
    reference: str | None = "S. Haastrup et al., 2D Mater. 5, 042002 (2018); M. N. Gjerding et al., 2D Mater. 8, 044002"
    dimension: int | None = 2


def is_sqlite(path: Path) -> bool:
    """Whether a file is an SQLite database, by its first bytes."""
    with open_source(path) as stream:
        return stream.read(len(_SQLITE)) == _SQLITE


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


def _rows(path: Path) -> Iterator[Any]:
    try:
        from ase.db import connect  # only these sources need the package
    except ImportError as error:
        msg = f"{quoted(path)} is an ASE database, and the package ase is missing: pip install 'exfolio[ase]'"
        raise SourceFileError(msg) from error
    open_database: Any = connect
    with path.open("rb") as stream:
        head = stream.read(len(_SQLITE))
    if head != _SQLITE:
        if is_sqlite(path):
            msg = f"{quoted(path)} is compressed; uncompress it first, since SQLite reads here and there in a file"
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


def _float(value: Any) -> float | None:
    return None if value is None else float(value)


def _builtin(value: Any) -> Any:
    value = value.item() if isinstance(value, np.generic) else value
    # What is not known is left out, as ASE has no null.
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _whole(value: Any) -> Any:
    if isinstance(value, str) and value.isdecimal():
        return int(value)
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _structure(row: Mapping[str, Any]) -> Structure:
    positions = np.array(row["positions"], dtype=float).reshape(-1, 3)
    if not len(positions):
        raise BadRecord("it has no atoms", remedy="leave the row out")
    pbc = row["pbc"]
    cell = _completed(np.array(row["cell"], dtype=float), pbc, positions)
    try:
        species = [Element.from_Z(atomic) for atomic in row["numbers"]]
    except ValueError as error:
        raise BadRecord(f"it has an atom that is no element: {error}", remedy="correct the row") from error
    return checked(Structure(Lattice(cell, pbc=tuple(pbc)), species, positions, coords_are_cartesian=True))


def _completed(cell: np.ndarray, pbc: Sequence[bool], positions: np.ndarray) -> np.ndarray:
    """Complete a cell by its missing vector: across a layer, as long as the layer is thick and `VACUUM` more."""
    missing = [axis for axis in range(3) if not np.any(cell[axis])]
    if not missing:
        return cell
    if len(missing) > 1 or pbc[missing[0]]:
        raise BadRecord(
            f"it is no crystal and no layer: cell vectors {missing} are zero", remedy="give at least two cell vectors"
        )
    (axis,) = missing
    across = np.cross(cell[(axis + 1) % 3], cell[(axis + 2) % 3])
    length = float(np.linalg.norm(across))
    if length == 0:
        raise BadRecord("its cell vectors are parallel", remedy="correct the cell")
    across /= length
    heights = positions @ across
    cell = cell.copy()
    cell[axis] = across * (float(heights.max() - heights.min()) + VACUUM)
    return cell
