"""``exfolio status``: how the registry stands; the exit status says whether anything is wrong."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from ....builders.resting_point import is_at_rest
from ....stores.bookkeeping.health import health
from ....stores.bookkeeping.overview import overview
from ....stores.connection import connect
from ...display.cells import COLOURS, text_of
from ...display.console import JsonOption, begin, out, print_json
from ...display.tables import print_table
from ...views.status_lines import five_lines

Doc = dict[str, Any]


def register(app: typer.Typer) -> None:
    """Add ``status`` to the app."""
    app.command()(status)


def status(
    *,
    for_monitor: Annotated[
        bool, typer.Option("--health", help="Only whether scheduled jobs run and get through, for a monitor: quick.")
    ] = False,
    whole: Annotated[
        bool, typer.Option("--all", help="Collections, runs, stages, failures and leases too, as tables.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Say what the registry holds, when it was refreshed, what is due, what went wrong, and what to do next.

    Exit status: 0 nothing is wrong, 1 something is (failures, bad input, a run that failed), 3 the database is away.
    With --health: 0 what should run does, 1 something wants attention, 3 the database is away.

    Examples
    --------
      exfolio status --all

      exfolio status --json

      exfolio status --health
    """
    if for_monitor:
        _health(json=json)
        return
    with connect(begin()) as connection:
        state = overview(connection, at_rest=is_at_rest(connection, ()))
    if json:
        print_json({"summary": five_lines(state), **state})
    else:
        _print_summary(state)
        if whole:
            print_tables(state)
    if state["wrong"]:
        raise typer.Exit(1)


def _health(*, json: bool) -> None:
    with connect(begin()) as connection:
        checks = health(connection)
    well = all(check.well for check in checks)
    if json:
        print_json({"well": well, "checks": [asdict(check) for check in checks]})
    else:
        for check in checks:
            mark = "[green]✓[/]" if check.well else "[red]✗[/]"
            out.print(f"{mark} [bold]{escape(check.name)}[/]: {escape(check.message)}", soft_wrap=True)
    if not well:
        raise typer.Exit(1)


def _print_summary(state: Doc) -> None:
    marks = {"due": "[yellow]…[/]" if state["due"] else "[green]✓[/]"}
    marks["wrong"] = "[red]✗[/]" if state["wrong"] else "[green]✓[/]"
    for about, text in five_lines(state).items():
        out.print(f"{marks.get(about, ' ')} [bold]{about:<9}[/]  {escape(text)}", soft_wrap=True)


def print_tables(state: Doc) -> None:
    """Print what `overview` gave, all of it."""
    out.print(f"\n[bold]{escape(state['database'])}[/]", soft_wrap=True)
    _print_collections(state["collections"])
    _print_runs(state["runs"])
    _print_stages(state["stages"])
    _print_reasons("failures", state["failures"])
    _print_reasons("quarantine", state["quarantine"])
    for lease in state["leases"]:
        how = "[yellow]no sign of life since it ran out[/]" if lease["expired"] else "held"
        until = text_of(lease["expires_at"])
        out.print(f"\n[bold]lease[/] {escape(lease['job'])}: {how} by {escape(lease['owner'])} until {until}")
    if state["wrong"]:
        out.print()
        for line in state["wrong"]:
            out.print(f"[red]✗[/] {escape(line)}", soft_wrap=True)
        out.print("[dim]Look closer: exfolio query failures, exfolio query quarantine, exfolio show RUN[/]")


def _table(title: str, *columns: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column(f"[bold not dim]{title}[/]")
    for column in columns:
        table.add_column(column.lstrip(">"), justify="right" if column.startswith(">") else "left", overflow="fold")
    return table


def _print_collections(rows: list[Doc]) -> None:
    table = _table("collections", ">current", ">deprecated", ">revision")
    empty = []
    for row in rows:
        if not row["documents"] and not row["deprecated"]:
            empty.append(row["collection"].replace("_", " "))
            continue
        gone = f"{row['deprecated']:,}" if row["deprecated"] else ""
        table.add_row(row["collection"].replace("_", " "), f"{row['documents']:,}", gone, f"{row['revision']:,}")
    out.print()
    if table.row_count:
        print_table(table)
    if empty:
        out.print(f"[dim]empty: {', '.join(empty)}[/]")


def _print_runs(rows: list[Doc]) -> None:
    if not rows:
        return
    table = _table("last runs", "started", "state", ">written", ">failed", "run")
    for run in rows:
        stages = [stage for stage in run.get("stages") or [] if isinstance(stage, dict)]
        written = sum(int(stage.get(name) or 0) for stage in stages for name in ("inserted", "updated", "deprecated"))
        failed = sum(int(stage.get("failed") or 0) for stage in stages)
        state = run["state"]
        table.add_row(
            escape(run["job"]),
            text_of(run["started_at"]),
            f"[{COLOURS.get(state, 'default')}]{state}[/]",
            f"{written:,}",
            f"[red]{failed:,}[/]" if failed else "0",
            f"[dim]{run['run_id']}[/]",
        )
    out.print()
    print_table(table)
    for run in rows:
        if run.get("error"):
            out.print(f"  [red]{escape(run['run_id'])}: {escape(str(run['error']))}[/]", soft_wrap=True)


def _print_stages(rows: list[Doc]) -> None:
    if not rows:
        return
    table = _table("stages", ">due", "reads: revision consumed of current", "last change")
    for row in rows:
        reads = [f"{one['reads']} {one['consumed']:,} of {one['current']:,}" for one in row["reads"]]
        if files := row.get("files"):
            reads.append(f"{files['read']:,} file{'s' if files['read'] != 1 else ''}, {files['records']:,} records")
            reads += [
                f"[yellow]{files[name]:,} {name}[/]" for name in ("incomplete", "changed", "missing") if files[name]
            ]
        due = "[yellow]yes[/]" if row["due"] is None else f"[yellow]{row['due']:,}[/]" if row["due"] else "0"
        if row.get("files") and not row["reads"]:
            due = ""
        unfinished = "  [yellow]unfinished[/]" if row["unfinished"] else ""
        table.add_row(f"{escape(row['stage'])}{unfinished}", due, "\n".join(reads), text_of(row["updated_at"]))
    out.print()
    print_table(table)


def _print_reasons(title: str, rows: list[Doc]) -> None:
    if not rows:
        return
    table = _table(title, *((">waiting", ">parked") if title == "failures" else (">pieces",)), "most frequent reasons")
    for row in rows:
        numbers = (row["waiting"], row["parked"]) if title == "failures" else (row["pieces"],)
        reasons = "\n".join(f"{one['items']:,} × {escape(one['reason'])}" for one in row["reasons"])
        table.add_row(escape(row["stage"]), *(f"{number:,}" for number in numbers), reasons)
    out.print()
    print_table(table)
