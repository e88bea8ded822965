"""``exfolio schedule``: keeps the registry current, as the table ``[schedule]`` of the settings says."""

from __future__ import annotations

from datetime import datetime
from importlib import import_module
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer
from rich.markup import escape
from rich.table import Table

from ....stores.connection import connect
from ...display.cells import text_of
from ...display.console import JsonOption, begin, err, out, print_json
from ...display.tables import print_table
from .refresh import ProcessesOption

_PACKAGE = __package__.rpartition(".cli.")[0]
_SCHEDULER = ".builders.schedule.scheduler"  # all that can be done, in seconds: not for those who ask for help


def register(app: typer.Typer) -> None:
    """Add ``schedule`` to the app."""
    app.command()(schedule)


def schedule(
    *,
    once: Annotated[
        bool, typer.Option("--once", help="Run what is due by now, once, and leave: for cron and timers.")
    ] = False,
    show: Annotated[bool, typer.Option("--show", help="Show the jobs and when they run next; run nothing.")] = False,
    processes: ProcessesOption = None,
    json: JsonOption = False,
) -> None:
    """Refresh sources and campaigns when their cron expressions say, until stopped (SIGTERM or Ctrl-C).

    One job runs at a time. What was missed while nothing ran is caught up once; a source that is down is tried again
    after longer and longer waits. A signal lets the batch in work finish; a second one stops at once.

    Exit status: 0 stopped as asked, or with --once all done; 1 with --once, some jobs failed; 2 wrong schedule;
    3 database away; 130 stopped at once.

    Examples
    --------
      exfolio schedule --show

      EXFOLIO_LOG_FORMAT=json exfolio schedule

      exfolio schedule --once
    """
    settings = begin()
    with connect(settings, autostart=True) as connection:
        scheduler = import_module(_SCHEDULER, _PACKAGE).Scheduler(connection, processes=processes or settings.processes)
        if show:
            _show(scheduler.plan(), settings.schedule.timezone, json=json)
            return
        failed = False
        if once:
            endings = scheduler.run_due()
            failed = any(ending.state != "succeeded" for _, ending in endings)
            if json:
                print_json(
                    [
                        {"job": job.name, "state": ending.state, "error": ending.error, "written": ending.written}
                        for job, ending in endings
                    ]
                )
            elif not endings:
                err.print("Nothing is due.")
        else:
            scheduler.serve()
    if scheduler.stopped_at_once:
        raise typer.Exit(130)
    if failed:
        raise typer.Exit(1)


def _show(rows: list[dict[str, Any]], timezone: str, *, json: bool) -> None:
    if json:
        print_json(rows)
        return
    zone = ZoneInfo(timezone)  # that of the expressions
    table = Table("job", "cron", "next", "last", "ended", "failures", box=None, pad_edge=False)
    for row in rows:
        table.add_row(
            escape(row["job"]),
            escape(row["cron"]),
            _time(row.get("next_due_at"), zone),
            row.get("state", ""),
            _time(row.get("ended_at"), zone),
            str(row.get("failures") or ""),
        )
    print_table(table)
    out.print(f"[dim]times: {escape(timezone)}[/]")


def _time(when: datetime | None, zone: ZoneInfo) -> str:
    return text_of(None if when is None else when.astimezone(zone))
