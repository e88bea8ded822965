"""``exfolio funnel``: where candidates fall out, gate by gate."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.measure import Measurement
from rich.table import Table

from ....builders.candidates.campaigns.gate_outline import outline_of
from ....builders.candidates.funnel import OPEN, count, count_compositions
from ....stores.connection import connect
from ... import completion
from ...display.console import JsonOption, begin, out, print_json
from ...display.tables import print_table

_BAR = 30
_LEAST_BAR = 4


def register(app: typer.Typer) -> None:
    """Add ``funnel`` to the app."""
    app.command()(funnel)


def funnel(
    campaign: Annotated[
        str | None,
        typer.Argument(
            help="Name of the campaign; two-dimensional, or the one there is, without.",
            show_default=False,
            autocompletion=completion.campaigns,
        ),
    ] = None,
    *,
    json: JsonOption = False,
) -> None:
    """Show how many candidates reach and pass each gate of a campaign.

    Example: exfolio funnel two-dimensional
    """
    with connect(begin()) as connection:
        chosen = outline_of(connection, campaign)
        drawn = count_compositions(connection, chosen)
        rows, totals = count(connection, chosen)
    if json:
        print_json({"campaign": chosen.name, "compositions": drawn, "gates": rows, **totals})
    else:
        print_funnels(drawn, rows, totals)
        if totals["waiting"] and not totals["promoted"]:
            told = f"exfolio next --campaign {chosen.name} tells which of those that wait are worth a calculation"
            out.print(f"[dim]{escape(told)}[/]", soft_wrap=True)


def print_funnels(
    compositions: Sequence[dict[str, Any]], rows: Sequence[dict[str, Any]], totals: dict[str, int]
) -> None:
    """Print the funnel of generated compositions, where there are any, and that of structures."""
    if compositions and compositions[0]["reached"]:
        out.print("[bold]Generated compositions[/]")
        print_gates(compositions)
        out.print()
        out.print("[bold]Structures[/]")
    print_funnel(rows, totals)


def print_funnel(rows: Sequence[dict[str, Any]], totals: dict[str, int]) -> None:
    """Print a funnel as a table with bars, and what the candidates came to."""
    print_gates(rows)
    if undecided := [f"{row['gate']} {row[OPEN]:,}" for row in rows if row[OPEN]]:
        out.print(f"[dim]unknown though a bound or an interval is known: {escape(', '.join(undecided))}[/]")
    out.print(
        f"{totals['candidates']:,} candidates: [green]{totals['promoted']:,} promoted[/], "
        f"[yellow]{totals['waiting']:,} waiting for a value[/], [red]{totals['rejected']:,} rejected[/]"
    )


def print_gates(rows: Sequence[dict[str, Any]]) -> None:
    """Print gates as a table, with bars where there is room beside the numbers."""
    rows = [
        row for row in rows if not row["reached"] or row["reached"] != row["not_applicable"]
    ]  # no route nobody took
    table = _table_of_gates(rows)
    gap = table.padding[1] + table.padding[3]
    room = out.width - Measurement.get(out, out.options.update(max_width=10_000), table).maximum - gap
    print_table(_table_of_gates(rows, min(_BAR, room)) if room >= _LEAST_BAR else table)
    if any(row["not_applicable"] for row in rows):
        out.print("[dim]n/a: reached it, and it does not concern their route, or an element[/]")


def _table_of_gates(rows: Sequence[dict[str, Any]], bar: int = 0) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column("gate", no_wrap=True)
    table.add_column("condition", style="dim", no_wrap=True)
    columns = {name: name for name in ("reached", "passed", "rejected", "unknown")}
    if any(row["not_applicable"] for row in rows):  # so that the others add up to what reached the gate
        columns["not_applicable"] = "n/a"
    for head in columns.values():
        table.add_column(head, justify="right", no_wrap=True)
    if bar:
        table.add_column("", no_wrap=True)
    most = max((row["reached"] for row in rows), default=0) or 1
    for row in rows:
        numbers = (f"{row[name]:,}" for name in columns)
        bars = [f"[cyan]{'█' * round(bar * row['reached'] / most)}[/]"] if bar else []
        table.add_row(row["gate"], row["condition"], *numbers, *bars)
    return table
