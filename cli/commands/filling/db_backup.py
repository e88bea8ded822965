"""``exfolio db backup``, ``restore`` and ``verify``: the whole database of one moment, as files."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from pydantic import SecretStr
from rich.markup import escape
from rich.progress import Progress

from ....stores.backup.backup import Backup, back_up, describe
from ....stores.backup.backup import Progress as Told
from ....stores.backup.backup import restore as bring_back
from ....stores.backup.backup import verify as look
from ....stores.backup.keeping import read_passphrase, remove_older, set_aside
from ....stores.connection import connect
from ....stores.errors import ConfigurationError
from ...display.console import JsonOption, begin, err, out, print_json

PassphraseOption = Annotated[
    Path | None,
    typer.Option("--passphrase-file", metavar="FILE", help="File whose first line seals the backup, or opens it."),
]
FolderArgument = Annotated[Path, typer.Argument(metavar="FOLDER", help="A backup.")]


def backup(
    *,
    to: Annotated[Path, typer.Option("--out", metavar="FOLDER", help="Where the folder of the backup is made.")],
    passphrase_file: PassphraseOption = None,
    keep: Annotated[
        int, typer.Option(min=0, help="Take older backups of this database in there away but for so many; 0 keeps all.")
    ] = 0,
    json: JsonOption = False,
) -> None:
    """Write the whole database as it is at one moment into a new folder; work may go on meanwhile.

    Examples
    --------
      exfolio db backup --out backups --keep 7

      exfolio db backup --out backups --passphrase-file passphrase.txt
    """
    passphrase = _passphrase(passphrase_file)
    with connect(begin()) as connection, _bar("writing") as told:
        made = back_up(connection, to, passphrase=passphrase, progress=told)
        if keep and (wrong := list(look(made.folder, passphrase=passphrase, progress=told))):
            raise ConfigurationError(
                f"{set_aside(made.folder)} is not whole: {'; '.join(wrong)}", "No older backup was taken away."
            )
        removed = remove_older(to, connection.name, keep) if keep else []
    if json:
        print_json(_plain(made) | {"removed": [str(folder) for folder in removed]})
        return
    out.print(_sentence(made), soft_wrap=True)
    for folder in removed:
        out.print(f"[dim]taken away: {escape(str(folder))}[/]", soft_wrap=True)


def restore(folder: FolderArgument, *, passphrase_file: PassphraseOption = None, json: JsonOption = False) -> None:
    """Bring a backup back into an empty database, and prove by hash that all is there.

    Example: EXFOLIO_DATABASE=restored exfolio db restore backups/exfolio-20261130T023000Z
    """
    passphrase = _passphrase(passphrase_file)
    with connect(begin(), autostart=True) as connection, _bar("restoring") as told:
        made = bring_back(connection, folder, passphrase=passphrase, progress=told)
        where = connection.describe()
    if json:
        print_json(_plain(made))
    else:
        out.print(f"{sum(made.documents.values()):,} documents are back in {where}, equal by hash.", soft_wrap=True)


def verify(folder: FolderArgument, *, passphrase_file: PassphraseOption = None, json: JsonOption = False) -> None:
    """Check that a backup is whole, document by document; exit status 1 if not.

    Example: exfolio db verify backups/exfolio-20261130T023000Z
    """
    begin()
    passphrase = _passphrase(passphrase_file)
    with _bar("reading") as told:
        wrong = look(folder, passphrase=passphrase, progress=told)
    if json:
        print_json({"folder": str(folder), "wrong": wrong})
    else:
        for line in wrong:
            out.print(f"[red]✗[/] {escape(line)}", soft_wrap=True)
        if not wrong:
            out.print(f"[green]✓[/] {_sentence(describe(folder))}", soft_wrap=True)
    if wrong:
        raise typer.Exit(1)


@contextmanager
def _bar(what: str) -> Iterator[Told]:
    with Progress(console=err, transient=True, disable=not err.is_terminal) as bar:
        task = bar.add_task(what, total=None)
        yield lambda name, number: bar.update(task, description=f"{what} {name}: {number:,} documents")


def _passphrase(file: Path | None) -> SecretStr | None:
    return None if file is None else read_passphrase(file)


def _plain(made: Backup) -> dict[str, object]:
    return asdict(made) | {"folder": str(made.folder), "made_at": made.made_at.isoformat()}


def _sentence(made: Backup) -> str:
    number, size = sum(made.documents.values()), made.bytes_on_disk / 1e6
    told = [f"{number:,} documents of {len(made.documents)} collections", f"{size:,.1f} MB"]
    told += ["sealed"] if made.sealed else []
    return f"{escape(str(made.folder))}: {', '.join(told)}, {made.made_at:%Y-%m-%d %H:%M} UTC"
