"""Many structures in one file, each with what is known of it: extended XYZ, an ASE database, an archive of CIFs."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from ...models.structure.serialization import from_plain
from ...models.structure.vacuum import as_layer
from ...stores.errors import ConfigurationError
from .file_text import as_cif
from .names import file_names
from .rows import csv_cell

Doc = dict[str, Any]
Described = tuple[str, Doc, Mapping[str, Any]]
"""Id, stored structure, and what is known of it: plain values by name."""

_BULK = 3  # what a structure or its source says it is, however wide the gaps between its molecules are


def write_extxyz(structures: Iterable[Described], path: Path, problems: dict[str, str]) -> int:
    """Write a frame for each structure, what is known of it in its comment line; gives how many."""
    from ase.io.extxyz import write_extxyz as write

    number = 0
    with path.open("w", encoding="utf-8") as stream:
        for atoms in _atoms(structures, problems):
            write(stream, [atoms], write_results=False)
            number += 1
    return number


def write_ase_database(structures: Iterable[Described], path: Path, problems: dict[str, str]) -> int:
    """Write a row for each structure into an ASE database (SQLite), with what is known of it; gives how many."""
    from ase.db import connect

    number = 0
    path.unlink(missing_ok=True)  # it would be taken for a database that is none
    database = connect(path, type="db", append=False)  # type: ignore[no-untyped-call]
    with database:
        for atoms in _atoms(structures, problems):
            pairs, data = _for_database(atoms.info)
            database.write(atoms, key_value_pairs=pairs, data=data)
            number += 1
    return number


def write_archive(
    structures: Iterable[Described], path: Path, problems: dict[str, str], *, columns: Sequence[str] = ()
) -> int:
    """Write a zip archive of CIFs, and ``index.csv`` with what is known of each, by file; gives how many.

    Parameters
    ----------
    structures
        Id, structure, and what is known of it.
    path
        The archive.
    problems
        Filled with what could not be written, by id.
    columns
        Of the index where there are no structures; else those that one of them has.
    """
    chosen = list(structures)
    names = file_names(sorted(key for key, _, _ in chosen), ".cif")
    columns = list(dict.fromkeys(name for _, _, told in chosen for name in told)) or columns
    index = io.StringIO()
    table = csv.writer(index, lineterminator="\n")
    table.writerow(["id", "file", *columns])
    number = 0
    with ZipFile(path, "w", ZIP_DEFLATED) as archive:
        for key, plain, told in chosen:
            try:
                text = as_cif(from_plain(plain))
            except ValueError as error:
                problems[key] = str(error).partition("\n")[0]
                continue
            archive.writestr(_entry(names[key]), text)
            known = (csv_cell(told.get(name, ""), name) for name in columns)
            table.writerow([names[key].removesuffix(".cif"), names[key], *known])
            number += 1
        archive.writestr(_entry("index.csv"), index.getvalue())
    return number


def _entry(name: str) -> ZipInfo:
    """Entry of an archive, of no date: the same files make the same archive whenever they are written."""
    entry = ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
    entry.compress_type = ZIP_DEFLATED
    return entry


def _for_database(known: Mapping[str, Any]) -> tuple[Doc, Doc]:
    """What an ASE database takes as pairs (``exfolio_…`` where the name is its own), and the rest, as data."""
    from ase.db import core

    pairs: Doc = {}
    data: Doc = {}
    for name, value in known.items():
        key = f"exfolio_{name}" if name in core.reserved_keys else name
        refused = isinstance(value, str) and not isinstance(_read_by_ase(value), str)
        (data if refused else pairs)[key] = value
    return pairs, data


def _read_by_ase(text: str) -> Any:
    """What ASE takes a text for: a number, perhaps, which it refuses to store as text."""
    from ase.db import core

    return core.convert_str_to_int_float_bool_or_str(text)  # type: ignore[no-untyped-call]


def require_ase() -> None:
    """Raise `ConfigurationError` where ASE is not installed."""
    try:
        import ase  # noqa: F401
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            "this format is written by the package ase", 'Install it with: pip install "exfolio[ase]"'
        ) from error


def _atoms(structures: Iterable[Described], problems: dict[str, str]) -> Iterator[Any]:
    from ase import Atoms

    for key, plain, told in structures:
        try:
            structure = from_plain(plain)
            if not structure.is_ordered:
                raise ValueError("it is disordered, which this format can't hold")
        except ValueError as error:
            problems[key] = str(error).partition("\n")[0]
            continue
        if told.get("dimension", told.get("dimension_claimed")) != _BULK:
            structure = as_layer(structure)
        atoms = Atoms(
            [site.specie.symbol for site in structure],
            positions=structure.cart_coords,
            cell=structure.lattice.matrix,
            pbc=structure.lattice.pbc,
        )
        atoms.info = {"id": key, **{name: value for name, value in told.items() if value is not None}}
        yield atoms
