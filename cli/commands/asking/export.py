"""``exfolio export``: structures as CIF or POSCAR files, documents as JSON lines or CSV."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from enum import StrEnum
from hashlib import blake2b
from itertools import islice
from pathlib import Path
from typing import IO, Annotated, Any, Final

import typer
from rich.progress import Progress

from ....stores.connection import Connection, connect
from ....stores.errors import ConfigurationError
from ....stores.query.columns import all_columns
from ....stores.query.language.fields import fields_of
from ....stores.query.patience import milliseconds
from ....stores.query.search import Search, require_initialised
from ...display.cells import plural
from ...display.clean_text import clean
from ...display.console import JsonOption, begin, err, out, print_json
from ...display.rows import write_csv, write_jsonl
from ...views.selection import Selection, takes_selection
from .export_vasp import ExportCommand

Doc = dict[str, Any]

_NAME_LENGTH: Final = 150
_BATCH: Final = 200
_SHOWN_PROBLEMS: Final = 5


class ExportFormat(StrEnum):
    """What is written."""

    cif = "cif"
    poscar = "poscar"
    jsonl = "jsonl"
    csv = "csv"


ENDINGS: Final = {ExportFormat.cif: ".cif", ExportFormat.poscar: ".vasp"}
"""Endings of the files of structures; VESTA, ASE and pymatgen know a POSCAR by .vasp."""


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
    to: Annotated[
        Path, typer.Option("--out", metavar="PATH", help="Folder for cif and poscar, file for jsonl and csv.")
    ],
    force: Annotated[bool, typer.Option("--force", help="Replace files that are there already.")] = False,
    json: JsonOption = False,
) -> None:
    """Write structures, a file each, or documents, all into one file.

    Files are named after the id, with _ for what a file name can't have. Each is complete or not there.
    Input for calculations: exfolio export vasp --help

    \b
    Examples:
      exfolio export candidates --status promoted --format cif --out promoted
      exfolio export structures 'route = "top-down"' --format poscar --out monolayers
      exfolio export materials --layered --format csv --out layered.csv
    """  # noqa: D301 - the backspace tells the help to keep the lines
    asked = selection.search()
    with connect(begin()) as connection:
        require_initialised(connection)
        if format_ in ENDINGS:
            done = export_structures(connection, asked, format_, to, force=force)
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


_NAMES_OF_FORMATS: Final = re.compile(
    r"(?:POS|CONT|CENT|OUT|XDAT|CHG|POT|IN)(?=CAR)|LOC(?=POT)|vas(?=p)|CON(?=FIG)", re.IGNORECASE
)
"""Words in a name by which ASE or pymatgen would take a file for another format than its ending says."""


def file_names(keys: list[str], ending: str) -> dict[str, str]:
    """File name of each id: plain letters, no folder, told apart even where case is not.

    The only dot is that of the ending, by which other programs know the format: some take ``a.cif.vasp`` for a CIF.
    """
    names: dict[str, str] = {}
    taken: set[str] = set()
    for key in keys:
        plain = re.sub(r"[^A-Za-z0-9_+-]", "_", key).lstrip("_-")[:_NAME_LENGTH]
        name = _NAMES_OF_FORMATS.sub(lambda found: f"{found[0]}_", plain) or "_"
        if f"{name}{ending}".casefold() in taken:
            name = f"{name}-{blake2b(key.encode(), digest_size=4).hexdigest()}"
        taken.add(f"{name}{ending}".casefold())
        names[key] = f"{name}{ending}"
    return names


def written_as(format_: ExportFormat, plain: Doc, title: str) -> str:
    """Text of a file that holds a stored structure.

    Raises
    ------
    ValueError
        It is no structure, or the format can't hold it.
    """
    # A second of imports, for those who ask for structures.
    from ....models.structure.file_text import as_cif, as_poscar
    from ....models.structure.serialization import from_plain

    structure = from_plain(plain)
    return as_cif(structure) if format_ is ExportFormat.cif else as_poscar(structure, clean(title))


@contextmanager
def whole_file(path: Path, *, force: bool) -> Iterator[IO[str]]:
    """Write a file that appears under its name when it is complete, and never replaces another unless forced.

    Raises
    ------
    ConfigurationError
        It is there already, or can't be written.
    """
    try:
        handle, name = tempfile.mkstemp(prefix=".exfolio-", dir=path.parent)
    except OSError as error:
        raise ConfigurationError(f"nothing can be written into {path.parent}: {error.strerror}") from error
    temporary = Path(name)
    try:
        with open(handle, "w", encoding="utf-8", newline="\n") as stream:  # noqa: PTH123 - a handle
            yield stream
        mask = os.umask(0)
        os.umask(mask)
        temporary.chmod(0o666 & ~mask)
        if force:
            temporary.replace(path)
        else:
            os.link(temporary, path)  # unlike a rename, it refuses to replace
            temporary.unlink()
    except FileExistsError as error:
        temporary.unlink(missing_ok=True)
        raise ConfigurationError(
            f"{path} is there already", "Choose another name, or replace it with --force."
        ) from error
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise ConfigurationError(f"{path} can't be written: {error.strerror}") from error
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _there_already(path: Path) -> ConfigurationError:
    return ConfigurationError(f"{path} is there already", "Choose another name, or replace it with --force.")


def _export_documents(connection: Connection, asked: Search, format_: ExportFormat, path: Path, *, force: bool) -> int:
    if path.is_dir():
        raise ConfigurationError(f"{path} is a folder", f"Name a file: --out {path / asked.collection}.{format_.value}")
    if path.exists() and not force:
        raise _there_already(path)
    documents = asked.documents(connection)
    with whole_file(path, force=force) as stream:

        def write(line: str) -> None:
            stream.write(f"{line}\n")

        if format_ is ExportFormat.csv:
            known = fields_of(asked.collection)
            return write_csv(documents, [known.get(name) for name in all_columns(asked.collection)], write)
        return write_jsonl(documents, write)


def _structures(connection: Connection, asked: Search) -> Iterator[tuple[str, Doc | None]]:
    """Yield id and structure; a candidate that holds none has that of the proposed structure it names."""
    key = asked.known.key
    shown = {"_id": 0, key: 1, "structure": 1, "structure_id": 1}
    documents = connection.database[asked.collection].find(asked.query, shown).sort(key, 1)
    documents.max_time_ms(milliseconds(connection, asked.collection, None))
    while batch := list(islice(documents, _BATCH)):
        named = sorted({doc["structure_id"] for doc in batch if not doc.get("structure") and doc.get("structure_id")})
        proposed = {
            doc["structure_id"]: doc.get("structure")
            for doc in connection.database["structures"].find(
                {"structure_id": {"$in": named}}, {"_id": 0, "structure_id": 1, "structure": 1}
            )
        }
        for doc in batch:
            yield str(doc[key]), doc.get("structure") or proposed.get(doc.get("structure_id"))


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
