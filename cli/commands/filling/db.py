"""``exfolio db``: the embedded server, the collections, the settings."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

import typer
from pydantic import SecretStr
from pymongo.errors import PyMongoError
from rich.table import Table

from ....stores import schema
from ....stores.bookkeeping.lease_holders import lease_holders
from ....stores.connection import connect, hosts_of, may_write
from ....stores.driver_errors import in_words
from ....stores.errors import DatabaseUnavailable, LeaseHeld
from ....stores.registry_version import CURRENT
from ....stores.server import embedded
from ....stores.settings import PREFIX, Settings, find_settings_file
from ...display.cells import plural, text_of
from ...display.console import JsonOption, begin, err, out, print_facts, print_json, write_line
from ...display.tables import print_table
from .db_backup import backup, restore, verify

BYTES_PER_MB = 1_000_000
_UPGRADES = {
    "created": "collections",
    "validators": "validators of",
    "made": "indexes made",
    "dropped": "indexes dropped",
}


def register(app: typer.Typer) -> None:
    """Add the group ``db`` to the app."""
    group = typer.Typer(no_args_is_help=True, help="Start, stop, prepare, back up and look at the database server.")
    group.command()(start)
    group.command()(stop)
    group.command()(status)
    group.command()(init)
    group.command()(upgrade)
    group.command()(backup)
    group.command()(restore)
    group.command()(verify)
    group.command()(uri)
    group.command()(settings)
    app.add_typer(group, name="db")


def start(*, json: JsonOption = False) -> None:
    """Start the embedded server; does nothing when it runs.

    Example: exfolio db start
    """
    chosen = begin()
    server = embedded.start(chosen)
    if json:
        print_json(asdict(embedded.status(chosen)) | {"already_running": server.already_running})
    else:
        out.print(f"{'Already running' if server.already_running else 'Started'}.")
        _print_status(embedded.status(chosen))
        _note_uri(chosen)


def stop(
    *,
    force: Annotated[bool, typer.Option("--force", help="Stop it although somebody works with it.")] = False,
    json: JsonOption = False,
) -> None:
    """Stop the embedded server in order, and wait until it has; exit status 3 while a run works with it.

    Example: exfolio db stop
    """
    chosen = begin()
    if not force:
        _refuse_while_in_use(chosen)
    stopped = embedded.stop(chosen)
    if json:
        print_json({"stopped": stopped})
    else:
        out.print("Stopped." if stopped else "It was not running.")


def status(*, json: JsonOption = False) -> None:
    """Show whether the server runs, where, and how large it is; exit status 3 if it does not.

    Example: exfolio db status --json
    """
    chosen = begin()
    if chosen.mongo_uri is not None:
        _status_of_uri(chosen, json=json)
        return
    server = embedded.status(chosen)
    if json:
        print_json(asdict(server))
    else:
        _print_status(server)
    if not server.running:
        raise typer.Exit(DatabaseUnavailable.exit_code)


def init(*, json: JsonOption = False) -> None:
    """Make the collections with their indexes and validators; the embedded server is started if need be.

    Example: exfolio db init
    """
    with connect(begin(), autostart=True) as connection:
        report = schema.initialise(connection)
        if json:
            print_json(report)
        else:
            out.print(f"Prepared {connection.describe()}.")
            print_facts({name: _listed(value) for name, value in report.items()})


def upgrade(
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what it would do.")] = False,
    json: JsonOption = False,
) -> None:
    """Bring a registry that an earlier exfolio made up to date: documents, indexes and validators.

    Whatever writes next does it too. Cut off, it goes on where it stopped; programs of before refuse the registry
    afterwards, so a backup comes first: exfolio db backup.

    Examples
    --------
      exfolio db upgrade --dry-run

      exfolio db upgrade
    """
    with connect(begin(), reader=dry_run) as connection:
        due = schema.look(connection)
        if not dry_run:
            schema.initialise(connection)
        where = connection.describe()
    steps: list[dict[str, Any]] = [
        {"number": step.number, "does": step.does, "documents": number} for step, number in due.steps
    ]
    facts = {name: list(getattr(due, name)) for name in ("created", "validators", "made", "dropped")}
    if json:
        print_json({"version": due.version, "current": CURRENT, "steps": steps} | facts)
        return
    if not steps and not any(facts.values()):
        out.print(f"{where}: nothing to do.", markup=False, soft_wrap=True)
        return
    out.print(f"{where}, {'to do' if dry_run else 'done'}:", markup=False, soft_wrap=True)
    for row in steps:
        out.print(f"  {row['number']}  {row['does']}: {plural(row['documents'], 'documents')}", soft_wrap=True)
    for name, listed in facts.items():
        if listed:
            out.print(f"  {_UPGRADES[name]}: {', '.join(listed)}", markup=False, soft_wrap=True)


def uri(
    *,
    writer: Annotated[bool, typer.Option("--writer", help="Of the user who may write: with care.")] = False,
) -> None:
    """Print the URI of the database, password included, for mongosh, Compass, pymongo: of a user who can only read.

    Examples
    --------
      mongosh "$(exfolio db uri)"

      exfolio db uri --writer
    """
    with connect(begin(), reader=not writer) as connection:
        if not writer and may_write(connection):
            err.print("This user may write: name one who can only read in EXFOLIO_MONGO_READER_URI.", markup=False)
        address = connection.uri.get_secret_value()
        if connection.origin == "embedded":  # its path says which database is meant
            address = address.replace("/?", f"/{connection.name}?", 1)
    write_line(address)


def settings(*, json: JsonOption = False) -> None:
    """Show every setting: its value, its environment variable, its meaning. Passwords are not shown.

    Example: exfolio db settings
    """
    chosen = begin()
    values = {name: _shown(name, getattr(chosen, name)) for name in Settings.model_fields}
    if json:
        print_json(values)
        return
    table = Table("setting", "value", "variable", "meaning", box=None, pad_edge=False)
    for name, field in Settings.model_fields.items():
        table.add_row(name, "" if values[name] is None else str(values[name]), PREFIX + name.upper(), field.description)
    out.print(f"Settings file: {find_settings_file() or 'none'}")
    print_table(table)


def _refuse_while_in_use(chosen: Settings) -> None:
    server = embedded.find_running(chosen)
    if server is None:
        return
    try:
        with server.admin_client() as client:
            holders = [holder for name in client.list_database_names() for holder in lease_holders(client[name])]
    except PyMongoError as error:
        raise DatabaseUnavailable(
            f"whether somebody works with the server can't be asked: {in_words(error)}",
            "exfolio db stop --force stops it anyway",
        ) from error
    working = [
        f"{holder.job} is being run by {holder.owner}, since {text_of(holder.since) or 'an unknown time'} UTC"
        for holder in holders
        if holder.alive
    ]
    if working:
        raise LeaseHeld(
            "\n".join(working), "Wait until it ends, or stop it first; exfolio db stop --force cuts it off in mid-work."
        )


def _status_of_uri(chosen: Settings, *, json: bool) -> None:
    with connect(chosen) as connection:
        facts = {
            "running": True,
            "hosts": hosts_of(connection.uri),
            "database": connection.name,
            "version": connection.client.server_info()["version"],
        }
    if json:
        print_json(facts)
    else:
        print_facts({"server": "running"} | facts | {"running": None})


def _print_status(server: embedded.Status) -> None:
    print_facts(
        {
            "server": "running" if server.running else "not running",
            "uri": server.uri,
            "process": server.pid,
            "port": server.port,
            "version": server.version,
            "uptime": None if server.uptime_seconds is None else f"{server.uptime_seconds:,.0f} s",
            "on disk": f"{server.size_bytes / BYTES_PER_MB:,.1f} MB",
            "folder": server.home,
            "log": server.log,
            "last errors": "; ".join(server.last_errors) or None,
        }
    )


def _note_uri(chosen: Settings) -> None:
    if chosen.mongo_uri is not None:
        out.print(f"Not in use while {PREFIX}MONGO_URI names {hosts_of(chosen.mongo_uri)}.", soft_wrap=True)


def _shown(name: str, value: Any) -> Any:
    if isinstance(value, SecretStr):
        return f"(hidden) at {hosts_of(value)}" if name in ("mongo_uri", "mongo_reader_uri") else "(hidden)"
    return value if value is None or isinstance(value, (int, float, str)) else str(value)


def _listed(value: object) -> object:
    return ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else value
