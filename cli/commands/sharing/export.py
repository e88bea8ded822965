"""``exfolio export``: structures as files or many in one, documents as JSON lines, CSV or Parquet."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from itertools import islice
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.progress import Progress

from ....builders.exports.clean_text import clean
from ....builders.exports.names import file_names
from ....builders.exports.rows import write_csv, write_jsonl
from ....builders.exports.whole_file import whole_file, whole_path
from ....stores.connection import Connection, connect
from ....stores.documents import RegistryDocument
from ....stores.errors import ConfigurationError
from ....stores.query.columns import all_columns
from ....stores.query.language.fields import Field
from ....stores.query.language.intervals import names_of, row_of
from ....stores.query.patience import milliseconds
from ....stores.query.search import Search, require_initialised
from ...display.cells import plural
from ...display.console import JsonOption, begin, err, out, print_json
from ...views.selection import Selection, takes_selection
from .export_command import ExportCommand

Doc = dict[str, Any]

_BATCH: Final = 200
_SHOWN_PROBLEMS: Final = 5


class ExportFormat(StrEnum):
    """What is written."""

    cif = "cif"
    poscar = "poscar"
    cifs = "cifs"
    extxyz = "extxyz"
    ase = "ase"
    jsonl = "jsonl"
    csv = "csv"
    parquet = "parquet"


ENDINGS: Final = {ExportFormat.cif: ".cif", ExportFormat.poscar: ".vasp"}
"""Endings of the files of structures; VESTA, ASE and pymatgen know a POSCAR by .vasp."""
_SETS: Final = (ExportFormat.cifs, ExportFormat.extxyz, ExportFormat.ase)
_SCALARS: Final = ("text", "integer", "number", "true or false")


@dataclass(slots=True)
class Exported:
    """What an export came to."""

    written: int = 0
    without_structure: int = 0
    problems: dict[str, str] = field(default_factory=dict)


def register(app: typer.Typer) -> None:
    """Add ``export`` to the app."""
    app.command(cls=ExportCommand)(export)


@takes_selection
def export(
    *,
    selection: Selection,
    format_: Annotated[ExportFormat, typer.Option("--format", help="What to write.")] = ExportFormat.cif,
    to: Annotated[Path, typer.Option("--out", metavar="PATH", help="Folder for cif and poscar, else a file.")],
    force: Annotated[bool, typer.Option("--force", help="Replace files that are there already.")] = False,
    json: JsonOption = False,
) -> None:
    """Write structures, a file each or many in one, or documents, all into one file.

    cif and poscar write a file each, named after the id, with _ for what a file name can't have; cifs (a zip archive
    with an index), extxyz and ase (an ASE database) all into one file, with the values known of each; jsonl, csv and
    parquet whole documents, beside each value the ends of its interval. A file is complete or not there.
    Input for calculations: exfolio export vasp --help

    \b
    Examples:
      exfolio export candidates --status promoted --format cif --out promoted
      exfolio export structures 'route = "top-down"' --format poscar --out monolayers
      exfolio export materials --layered --format csv --out layered.csv
      exfolio export candidates --status promoted --format extxyz --out promoted.xyz
    """  # noqa: D301 - the backspace tells the help to keep the lines
    asked = selection.search()
    with connect(begin()) as connection:
        require_initialised(connection)
        if format_ in ENDINGS:
            done = export_structures(connection, asked, format_, to, force=force)
        elif format_ in _SETS:
            done = _export_set(connection, asked, format_, to, force=force)
        else:
            done = Exported(written=_export_documents(connection, asked, format_, to, force=force))
    if json:
        print_json(
            {
                "out": str(to),
                "format": format_.value,
                "written": done.written,
                "without_structure": done.without_structure,
                "failed": done.problems,
            }
        )
    else:
        _report(done, asked.collection, format_, to)
    if done.problems:
        raise typer.Exit(1)


def export_structures(
    connection: Connection, asked: Search, format_: ExportFormat, folder: Path, *, force: bool
) -> Exported:
    """Write the structure of each document into a file of its own.

    Parameters
    ----------
    connection
        The database.
    asked
        Which documents.
    format_
        ``cif`` or ``poscar``.
    folder
        Where the files go; made if need be.
    force
        Whether files that are there already are replaced.

    Raises
    ------
    ConfigurationError
        A file is there already and is not to be replaced, before anything is written; or the folder can't be used.
    """
    if "structure" not in asked.known.by_path:
        raise ConfigurationError(f"{asked.collection} have no structures", "Export jsonl or csv instead.")
    key = asked.known.key
    of_key = replace(asked, fields=(key,), sort=(), limit=None, offset=0, after=None)
    keys = [str(doc[key]) for doc in of_key.documents(connection)]
    names = file_names(sorted(keys), ENDINGS[format_])
    try:
        folder.mkdir(parents=True, exist_ok=True)
        present = {entry.name for entry in os.scandir(folder)}
    except OSError as error:
        raise ConfigurationError(f"{folder} can't be used as a folder: {error.strerror}") from error
    in_the_way = [name for name in names.values() if name in present]
    if in_the_way and not force:
        raise ConfigurationError(
            f"{folder} has {len(in_the_way):,} of these files already, {in_the_way[0]} for one",
            "Choose another folder, or replace them with --force.",
        )
    done = Exported()
    with Progress(console=err, transient=True, disable=not err.is_terminal) as bar:
        task = bar.add_task("writing", total=len(names))
        for name, plain in _structures(connection, asked):
            bar.advance(task)
            if name not in names:  # written since the names were made
                continue
            if plain is None:
                done.without_structure += 1
                continue
            try:
                text = written_as(format_, plain, name)
            except ValueError as error:
                done.problems[name] = str(error).partition("\n")[0]
                continue
            with whole_file(folder / names[name], force=force) as stream:
                stream.write(text)
            done.written += 1
    return done


def written_as(format_: ExportFormat, plain: Doc, title: str) -> str:
    """Text of a file that holds a stored structure.

    Raises
    ------
    ValueError
        It is no structure, or the format can't hold it.
    """
    # A second of imports, for those who ask for structures.
    from ....builders.exports.file_text import as_cif, as_poscar
    from ....models.structure.serialization import from_plain

    structure = from_plain(plain)
    return as_cif(structure) if format_ is ExportFormat.cif else as_poscar(structure, clean(title))


def _export_documents(connection: Connection, asked: Search, format_: ExportFormat, path: Path, *, force: bool) -> int:
    _check_file(path, asked, format_)
    documents = asked.documents(connection)
    columns = [asked.known.get(name) for name in all_columns(asked.collection)]
    if format_ is ExportFormat.parquet:
        from ....builders.exports.parquet import write_parquet  # half a second of imports

        with whole_path(path, force=force) as temporary:
            return write_parquet(documents, [field for field in columns if field.path != "structure"], temporary)
    with whole_file(path, force=force) as stream:

        def write(line: str) -> None:
            stream.write(f"{line}\n")

        return write_csv(documents, columns, write) if format_ is ExportFormat.csv else write_jsonl(documents, write)


def _export_set(connection: Connection, asked: Search, format_: ExportFormat, path: Path, *, force: bool) -> Exported:
    from ....builders.exports.structure_sets import require_ase, write_archive, write_ase_database, write_extxyz

    _check_file(path, asked, format_)
    if "structure" not in asked.known.by_path:
        raise ConfigurationError(f"{asked.collection} have no structures", "Export jsonl or csv instead.")
    writers = {
        ExportFormat.extxyz: write_extxyz,
        ExportFormat.ase: write_ase_database,
    }
    if format_ is not ExportFormat.cifs:
        require_ase()
    done = Exported()
    scalars = _scalars(asked)
    with whole_path(path, force=force) as temporary:
        described = _described(connection, asked, scalars, done)
        if format_ is ExportFormat.cifs:
            done.written = write_archive(described, temporary, done.problems, columns=names_of(scalars))
        else:
            done.written = writers[format_](described, temporary, done.problems)
    return done


def _scalars(asked: Search) -> list[Field]:
    """Fields of plain values, which formats for structures hold."""
    bookkeeping = RegistryDocument._fields_ordered
    fields = (field for field in asked.known if "." not in field.path and field.path not in bookkeeping)
    return [field for field in fields if field.kind in _SCALARS and not field.many]


def _described(
    connection: Connection, asked: Search, scalars: Sequence[Field], done: Exported
) -> Iterator[tuple[str, Doc, Doc]]:
    """Yield id, structure and the plain values known of it, for each document that has a structure or names one.

    Beside a value stand the ends of its interval and its method, as ``band_gap_low``, ``band_gap_high`` and
    ``band_gap_method``.
    """
    names = names_of(scalars)
    documents = iter(replace(asked, fields=()).documents(connection))
    while batch := list(islice(documents, _BATCH)):
        named = {doc["structure_id"] for doc in batch if not doc.get("structure") and doc.get("structure_id")}
        proposed = _proposed(connection, named)
        for doc in batch:
            plain = doc.get("structure") or proposed.get(str(doc.get("structure_id")))
            if plain is None:
                done.without_structure += 1
                continue
            told = {name: value for name, value in zip(names, row_of(doc, scalars), strict=True) if value is not None}
            methods = doc.get("methods") or {}
            told |= {f"{name}_method": method for name, method in methods.items() if name in told}
            yield str(doc[asked.known.key]), plain, told


def _check_file(path: Path, asked: Search, format_: ExportFormat) -> None:
    if path.is_dir():
        ending = {"cifs": "zip", "extxyz": "xyz", "ase": "db"}.get(format_.value, format_.value)
        raise ConfigurationError(f"{path} is a folder", f"Name a file: --out {path / asked.collection}.{ending}")


def _structures(connection: Connection, asked: Search) -> Iterator[tuple[str, Doc | None]]:
    """Yield id and structure; a candidate that holds none has that of the proposed structure it names."""
    key = asked.known.key
    shown = {"_id": 0, key: 1, "structure": 1, "structure_id": 1}
    documents = connection.database[asked.collection].find(asked.query, shown).sort(key, 1)
    documents.max_time_ms(milliseconds(connection, asked.collection, None))
    while batch := list(islice(documents, _BATCH)):
        named = {doc["structure_id"] for doc in batch if not doc.get("structure") and doc.get("structure_id")}
        proposed = _proposed(connection, named)
        for doc in batch:
            yield str(doc[key]), doc.get("structure") or proposed.get(str(doc.get("structure_id")))


def _proposed(connection: Connection, ids: set[str]) -> Doc:
    shown = {"_id": 0, "structure_id": 1, "structure": 1}
    found = connection.database["structures"].find({"structure_id": {"$in": sorted(ids)}}, shown) if ids else ()
    return {doc["structure_id"]: doc.get("structure") for doc in found}


def _report(done: Exported, collection: str, format_: ExportFormat, to: Path) -> None:
    if not (done.written or done.without_structure or done.problems):
        err.print(f"No {collection.replace('_', ' ')} found.")
    elif format_ in ENDINGS:
        out.print(f"{done.written:,} {format_.value} file{'' if done.written == 1 else 's'} in {to}", soft_wrap=True)
    else:
        out.print(f"{plural(done.written, collection)} in {to}", soft_wrap=True)
    if done.without_structure:
        err.print(f"{plural(done.without_structure, collection)} without a structure left out", soft_wrap=True)
    for name, reason in list(done.problems.items())[:_SHOWN_PROBLEMS]:
        err.print(f"{name}: {reason}", style="red", markup=False, soft_wrap=True)
    if len(done.problems) > _SHOWN_PROBLEMS:
        err.print(f"… and {len(done.problems) - _SHOWN_PROBLEMS:,} more that could not be written")
