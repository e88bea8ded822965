"""Reader of ASE databases (SQLite, JSON or LMDB), with keys of their key-value pairs mapped by options."""

import math
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from pymatgen.core.periodic_table import Element
from pymatgen.core.structure import Lattice, Structure

from ....models.structure.vacuum import completed_cell
from ..files.file_reader import FileReader
from ..files.open_files import CutShortError, SourceFileError
from ..records.material_fields import claim, identity, space_group
from ..records.raw_record import BadRecord, Documents, RawRecord
from ..records.record_values import check_value, extra_fields, number
from ..records.source_options import SourceOptionError
from ..records.structure_fields import checked, structure_fields
from ..records.units import UNITS_OF_FIELD, Conversion, UnitError, conversion
from .ase_rows import ase_rows

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
    synthesised
        Whether all of its records have been made; not said where it is None.
    """

    kind: ClassVar[str] = "ase"
    version: ClassVar[int] = 2
    file_kinds: ClassVar[str] = "ASE databases (.db, .aselmdb)"
    suffixes: ClassVar[tuple[str, ...]] = (".db", ".aselmdb", ".json")

    columns: Mapping[str, str] = field(default_factory=dict)
    id_key: str = "uid"
    method: str | None = None
    reference: str | None = None
    dimension: int | None = None
    synthesised: bool | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        self._plan()

    @classmethod
    def accepts(cls, name: str) -> bool:
        """Whether a file in a folder is one: of ``.json`` files most are something else."""
        return name.lower().endswith((".db", ".aselmdb"))

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
            for number, row in ase_rows(path):
                place = f"row {number}"
                yield row.moved(place, index) if isinstance(row, BadRecord) else RawRecord(place, index, row)
                index += 1
        except (sqlite3.DatabaseError, ValueError, KeyError, TypeError, IndexError) as error:
            if isinstance(error, SourceFileError) and not isinstance(error, CutShortError):
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
        claim(document, dimension=self.dimension, synthesised=self.synthesised)
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
    """Cell with the vector across a layer that is zero, as ASE leaves it."""
    missing = [axis for axis in range(3) if not np.any(cell[axis])]
    if len(missing) > 1 or (missing and pbc[missing[0]]):
        raise BadRecord(
            f"it is no crystal and no layer: cell vectors {missing} are zero", remedy="give at least two cell vectors"
        )
    try:
        return completed_cell(cell, positions, missing[0]) if missing else cell
    except ValueError as error:
        raise BadRecord(f"its cell can't be used: {error}", remedy="correct the cell") from error
