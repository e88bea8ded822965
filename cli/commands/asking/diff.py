"""``exfolio diff``: what has changed since a run or a date."""

from __future__ import annotations

from collections import Counter
from itertools import chain, islice
from typing import Annotated, Final

import typer
from rich.markup import escape
from rich.table import Table

from ....models.composition.formula.chemists_formula import chemists_formula
from ....stores.connection import connect
from ....stores.query.changes import Change, changes_since, many_changes, moment_of
from ... import completion
from ...display.cells import COLOURS, plural, text_of
from ...display.console import JsonOption, begin, err, out, print_json
from ...display.tables import print_table

_SHOWN: Final = 50
_SIGNS: Final = {"new": "[green]+[/]", "changed": "[yellow]~[/]", "deprecated": "[red]-[/]"}


def register(app: typer.Typer) -> None:
    """Add ``diff`` to the app."""
    app.command()(diff)


def diff(
    since: Annotated[str, typer.Argument(metavar="SINCE", help="A run, `last` for the last one, or a date (UTC).")],
    collection: Annotated[
        str, typer.Argument(metavar="COLLECTION", help="Where to look.", autocompletion=completion.collections)
    ] = "candidates",
    *,
    limit: Annotated[int, typer.Option(min=0, help="Rows to show; 0 for all.")] = _SHOWN,
    json: JsonOption = False,
) -> None:
    """Show what is new, changed or deprecated since a run began or a date.

    Where more than 10,000 documents changed, how many in which way is an estimate (~), unless all are asked for.

    \b
    Examples:
      exfolio diff last
      exfolio diff 2026-07-01 materials
      exfolio diff 20260701T080000-1f2e3d4c --json
    """  # noqa: D301 - the backspace tells the help to keep the lines
    with connect(begin()) as connection:
        moment = moment_of(connection, since)
        many = None if json or limit == 0 else many_changes(connection, collection, moment)
        changes = changes_since(connection, collection, moment, limit=limit if many else None)
        if json:
            listed = [change.as_dict() for change in changes]
            print_json({"collection": collection, "since": moment, "changes": listed})
            return
        counts: Counter[str] = Counter(many or {})
        moves: Counter[tuple[str, str]] = Counter()
        table = _table()
        shown = list(islice(changes, limit or None))
        for change in shown:
            _add_row(table, change)
        for change in () if many else chain(shown, changes):
            _count(change, counts, moves)
    if shown:
        print_table(table)
    total = counts.total()
    if not total:
        err.print(f"No {collection.replace('_', ' ')} changed since {text_of(moment)}.", soft_wrap=True)
        return
    about = "~" if many else ""
    told = ", ".join(f"{about}{counts[kind]:,} {kind}" for kind in _SIGNS if counts[kind])
    cut = f"; the first {len(shown):,} shown (--limit 0 shows all)" if total > len(shown) else ""
    found = f"{plural(total, collection)}: {told}{cut}"
    err.print(f"Since {text_of(moment)}: {found}", soft_wrap=True, style="dim")
    for (before, after), number in sorted(moves.items()):
        out.print(f"{number:,} × {_coloured(before)} → {_coloured(after)}")


def _table() -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for name in ("", "id", "formula", "status", "reason", "written"):
        table.add_column(name, no_wrap=name == "id", overflow="fold")
    return table


def _add_row(table: Table, change: Change) -> None:
    moved = change.before and change.before != change.after
    status = f"{_coloured(change.before)} → {_coloured(change.after)}" if moved else _coloured(change.after)
    table.add_row(
        _SIGNS[change.kind],
        escape(change.key),
        escape(chemists_formula(change.formula)),
        status,
        escape(change.reason),
        f"[dim]{escape(', '.join(change.facets))}[/]",
    )


def _count(change: Change, counts: Counter[str], moves: Counter[tuple[str, str]]) -> None:
    counts[change.kind] += 1
    if change.kind == "changed" and change.before != change.after:
        moves[change.before, change.after] += 1


def _coloured(status: str) -> str:
    return f"[{COLOURS.get(status, 'default')}]{escape(status)}[/]" if status else ""
