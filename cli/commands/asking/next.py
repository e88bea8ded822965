"""``exfolio next``: which candidates are worth a calculation, the best first."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from ....models.composition.formula.chemists_formula import chemists_formula
from ....stores.connection import Connection, connect
from ....stores.query.search import require_initialised
from ...display.console import JsonOption, begin, err, out, print_json
from ...display.tables import print_table
from ..sharing.export_vasp import campaign_name

_USUAL = "two-dimensional"
_SHORT = len("st-") + 7
_SHOWN = 20
_SURE = 0.995


def register(app: typer.Typer) -> None:
    """Add the command ``next`` to the app."""
    app.command("next")(next_)


def next_(
    filter_: Annotated[
        str,
        typer.Argument(
            metavar="FILTER",
            help="Of candidates, as in exfolio query candidates, or the name of a campaign; all when left out.",
        ),
    ] = "",
    *,
    campaign: Annotated[
        str | None,
        typer.Option(help="Its name; two-dimensional, or the one there is, without.", show_default=False),
    ] = None,
    limit: Annotated[int, typer.Option(min=0, help="How many are shown; 0 for all.")] = _SHOWN,
    json: JsonOption = False,
) -> None:
    """Show which candidates are worth a calculation, the best first.

    By the chance P to pass all gates that wait, times what the verdict tells, its entropy H in bits, per cost: P H /
    cost. Of each composition the likeliest structure first, the others when every composition has had its turn.
    exfolio export vasp --first N writes the calculations of the first N.

    \b
    Examples:
      exfolio next
      exfolio next 'elements HAS "S"' --campaign two-dimensional --limit 50
    """  # noqa: D301 - the backspace tells the help to keep the lines
    # A second of imports, for those who ask.
    from ....builders.calculations.vasp.inputs.due import next_due

    with connect(begin()) as connection:
        require_initialised(connection)
        if campaign is None and filter_ in connection.database["candidates"].distinct("campaign"):
            campaign, filter_ = filter_, ""
        name = campaign_name(connection, campaign or _usual(connection))
        ranked, due = next_due(connection, name, filter_, limit or None)
    if json:
        print_json({"campaign": name, "candidates": [asdict(one) for one in ranked], "blocked": due.blocked})
        return
    if not ranked:
        err.print(f"No candidate of {name} waits for a calculation.", soft_wrap=True, markup=False)
        return
    _print(ranked)
    out.print("[dim]score: 1000 times chance times bits per cost, in static runs of silicon[/]", soft_wrap=True)
    out.print(
        f"[dim]exfolio export vasp --campaign {escape(name)} --first {len(ranked)} --out calculations writes them[/]",
        soft_wrap=True,
    )


def _usual(connection: Connection) -> str:
    """The campaign that a person means who names none."""
    known = sorted(connection.database["candidates"].distinct("campaign"))
    likely = [*(name for name in known if name.startswith(_USUAL)), *known]
    return _USUAL if _USUAL in known or not likely else str(likely[0])


def _print(ranked: list[Any]) -> None:
    table = Table(box=None, pad_edge=False)
    table.add_column("formula", no_wrap=True)
    of_composition = any(one.structures > 1 for one in ranked)
    if of_composition:
        table.add_column("structure", justify="right", no_wrap=True)
    for name in ("score", "chance", "bits", "cost"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("id", no_wrap=True, style="dim")  # its beginning, which `show` and `why` take
    table.add_column("waits for (chance)")
    for one in ranked:
        waits = ", ".join(f"{name} ({_share(chance)})" for name, chance in one.waits_for.items())
        numbers = (f"{1000 * one.score:.3g}", _share(one.chance), f"{one.information:.2f}", f"{one.cost:,.0f}")
        place = (f"{one.turn + 1} of {one.structures}",) if of_composition else ()
        name = one.candidate_id.rpartition("/")[2][:_SHORT]
        table.add_row(chemists_formula(one.formula), *place, *numbers, name, waits)
    print_table(table)


def _share(chance: float) -> str:
    """Text of a chance; one that is not certain is not told as if."""
    return f"{100 * chance:.0f} %" if 1 - _SURE < chance < _SURE else "> 99 %" if chance > 0.5 else "< 1 %"
