"""``exfolio release``: the registry of a day, frozen, to cite and to compare."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import asdict
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from ....models.composition.formula.chemists_formula import chemists_formula
from ....stores.connection import connect
from ....stores.errors import ConfigurationError
from ....stores.query.search import require_initialised
from ...display.cells import text_of
from ...display.console import JsonOption, begin, err, out, print_json
from ...display.tables import print_table

_MOST = 40
_DIGEST = re.compile(r"[0-9a-fA-F]{12,64}")


def register(app: typer.Typer) -> None:
    """Add the group ``release`` to the app."""
    group = typer.Typer(no_args_is_help=True, help="Freeze the registry into files to cite; compare them.")
    group.command()(create)
    group.command("list")(list_releases)
    group.command()(diff)
    group.command()(verify)
    app.add_typer(group, name="release")


def create(
    *,
    to: Annotated[Path, typer.Option("--out", metavar="FOLDER", help="Where the folder of the release is made.")],
    title: Annotated[str, typer.Option(help="What the release is called.")] = "",
    day: Annotated[datetime | None, typer.Option("--date", formats=["%Y-%m-%d"], help="Its date, or today.")] = None,
    json: JsonOption = False,
) -> None:
    """Freeze candidates, structures, values, and what they rest on, into a new folder.

    Example: exfolio release create --out releases --title "Layered halides"
    """
    from ....builders.releases.create import create_release  # pyarrow, for those who release

    with connect(begin()) as connection:
        made = create_release(connection, to, title=title, day=day.date() if day else None)
    if json:
        print_json(asdict(made) | {"folder": str(made.folder)})
        return
    rows = ", ".join(f"{number:,} {name}".replace(".parquet", "").replace("structures.zip", "CIF files")
                     for name, number in made.rows.items())  # fmt: skip
    out.print(f"Release {made.number} in {made.folder}: {rows}", soft_wrap=True, markup=False)
    out.print(f"SHA-256 of its manifest: {made.digest}", soft_wrap=True)


def list_releases(*, json: JsonOption = False) -> None:
    """List the releases that were made of this registry.

    Example: exfolio release list
    """
    with connect(begin()) as connection:
        require_initialised(connection)
        found = list(connection.database["releases"].find({}, {"_id": 0}).sort("number", 1))
    if json:
        print_json(found)
        return
    if not found:
        out.print("None was made yet: exfolio release create --out releases")
        return
    table = Table("release", "made", "title", "candidates", "manifest", box=None, pad_edge=False)
    for one in found:
        cells = (text_of(one["created_at"]), escape(one["title"]), f"{one['rows'].get('candidates', 0):,}")
        table.add_row(str(one["number"]), *cells, one["digest"][:12])
    print_table(table)


def diff(
    before: Annotated[Path, typer.Argument(metavar="FOLDER", help="The earlier release.")],
    after: Annotated[Path, typer.Argument(metavar="FOLDER", help="The later one.")],
    *,
    limit: Annotated[int, typer.Option(min=0, help="Most candidates shown; 0 for all.")] = _MOST,
    json: JsonOption = False,
) -> None:
    """Say which candidates entered, left and changed between two releases, and why.

    Example: exfolio release diff releases/release-2 releases/release-3
    """
    from ....builders.releases.compare import differences

    begin()
    found = list(differences(before, after))
    numbers = Counter(one.kind for one in found)
    if json:
        print_json({"numbers": dict(numbers), "differences": [asdict(one) for one in found]})
        return
    if not found:
        out.print("No candidate differs.")
        return
    table = Table("", "candidate", "formula", "before", "after", "what changed", box=None, pad_edge=False)
    for one in islice(found, limit or None):
        changed = ", ".join(f"{name} {_short(a)} → {_short(b)}" for name, (a, b) in list(one.changed.items())[:3])
        formula = chemists_formula(one.formula) if one.formula else ""
        table.add_row(one.kind, escape(one.candidate_id), formula, one.before, one.after, escape(changed))
    print_table(table)
    if limit and len(found) > limit:
        err.print(f"… and {len(found) - limit:,} more (--limit 0 shows all)")
    out.print(", ".join(f"{number:,} {kind}" for kind, number in sorted(numbers.items())))


def verify(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="A release.")],
    *,
    digest: Annotated[
        str | None,
        typer.Option(
            metavar="SHA256",
            help="Of its manifest, as `release create` and `release list` tell it: then the manifest is checked too.",
        ),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Check that the files of a release are what was released; exit status 1 if not.

    Without --digest they are compared with the release's own manifest.

    Example: exfolio release verify releases/release-3
    """
    from ....builders.releases.compare import read_manifest
    from ....builders.releases.compare import verify as look

    begin()
    if digest is not None and not _DIGEST.fullmatch(digest):
        raise ConfigurationError(f"{digest!r} is no SHA-256, nor the beginning of one", "12 to 64 digits from 0 to f.")
    wrong = look(folder, digest)
    if json:
        print_json({"release": read_manifest(folder)["release"], "wrong": wrong})
    else:
        for line in wrong:
            out.print(f"[red]✗[/] {escape(line)}", soft_wrap=True)
        if not wrong:
            manifest = read_manifest(folder)
            told = f"release {manifest['release']} of {manifest['date']}: {len(manifest['files'])} files whole"
            told += "" if digest else ", by its own manifest (--digest checks that too)"
            out.print(f"[green]✓[/] {told}")
    if wrong:
        raise typer.Exit(1)


def _short(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    text = "none" if value is None else str(value)
    return text if len(text) <= 24 else f"{text[:23]}…"
