"""``exfolio report route``: what routes and models are worth by the measures of the field, and a folder of CIFs."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Annotated, Any

import typer

from ....builders.exports.names import file_names
from ....builders.exports.rows import csv_cell
from ....builders.exports.whole_file import whole_file
from ....stores.connection import Connection, connect
from ....stores.query.search import Search, require_initialised
from ...display.console import JsonOption, begin, err, print_json, write_line
from .export import ExportFormat, export_structures

LISTING = "structures.csv"


def route(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="[NAME]...", help="Routes (top-down, bottom-up, template …) or models; all without."),
    ] = None,
    *,
    json: JsonOption = False,
    export: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Write what was made as CIF files, a folder for each, and structures.csv."),
    ] = None,
    coverage: Annotated[
        int,
        typer.Option(metavar="N", min=0, help="Compare so many structures of each set by fingerprints (COV, AMSD)."),
    ] = 0,
    held_out: Annotated[
        int,
        typer.Option(
            metavar="N", min=0, help="Leave out so many known structures, and see whether templates find them again."
        ),
    ] = 0,
    force: Annotated[bool, typer.Option("--force", help="Replace files that are there already.")] = False,
) -> None:
    r"""Report what routes and models are worth: valid, unique, novel, stable (S.U.N.), like known ones, found again.

    \b
    Examples:
      exfolio report route
      exfolio report route template --json
      exfolio report route --coverage 200 --held-out 100
      exfolio report route --export crystals
    """
    from ....builders.reports.routes.route_figures import route_report
    from ....builders.reports.routes.route_tables import plain, tables

    with connect(begin()) as connection:
        require_initialised(connection)
        report = route_report(connection, names or (), coverage=coverage, held_out=held_out)
        told = plain(report)
        if export is not None:
            told["exported"] = _export(connection, names or [], export, force=force)
    if json:
        print_json(told)
        return
    for line in tables(report).splitlines():
        write_line(line)
    if export is not None:
        err.print(f"{told['exported']:,} CIF files and {LISTING} in {export}", soft_wrap=True)


def _export(connection: Connection, names: list[str], folder: Path, *, force: bool) -> int:
    """Write the crystals, a folder for each route and model, and one list of them all; gives how many."""
    from ....builders.reports.routes.route_listing import COLUMNS, route_listing

    made: dict[str, list[dict[str, Any]]] = {}
    for name, line in route_listing(connection, names):
        made.setdefault(name, []).append(line)
    folders = file_names(sorted(made), "")
    written = 0
    for name, lines in sorted(made.items()):
        route_name = lines[0]["route"]
        conditions: list[dict[str, Any]] = [{"route": route_name}]
        if name != route_name:
            conditions.append({"parent_id": name})
        asked = Search("structures", conditions=conditions)
        done = export_structures(connection, asked, ExportFormat.cif, folder / folders[name], force=force)
        written += done.written
        files = file_names(sorted(line["structure_id"] for line in lines), ".cif")
        for line in lines:
            line["file"] = f"{folders[name]}/{files[line['structure_id']]}"
    folder.mkdir(parents=True, exist_ok=True)
    with whole_file(folder / LISTING, force=force) as stream:
        writer = csv.DictWriter(stream, COLUMNS, lineterminator="\n")
        writer.writeheader()
        for _, lines in sorted(made.items()):
            writer.writerows({name: csv_cell(value, name) for name, value in line.items()} for line in lines)
    return written
