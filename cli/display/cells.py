"""How values look to a person: sensible digits, units in the head, colours for verdicts, tables that fit."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final

from rich.markup import escape
from rich.table import Table

from ...builders.exports.rows import FORMULAS
from ...models.composition.formula.chemists_formula import chemists_formula
from ...stores.query.language.fields import Field, value_at
from ...stores.query.language.intervals import ends

COLOURS: Final = {
    "promoted": "green",
    "waiting": "yellow",
    "rejected": "red",
    "succeeded": "green",
    "running": "cyan",
    "partial": "yellow",
    "failed": "red",
    "interrupted": "yellow",
    "died": "red",
    "passed": "green",
    "unknown": "yellow",
}
"""Colour of a status or verdict."""
MARKS: Final = {
    "passed": "[green]✓[/]",
    "failed": "[red]✗[/]",
    "unknown": "[yellow]?[/]",
    "not-applicable": "[dim]–[/]",
}
"""Sign of a verdict of a gate."""
_SIGNIFICANT: Final = 5
_DECIMALS: Final = 3  # 1 meV, in energies that are given in eV
_ROUNDING: Final = 1e-9  # eV, what is left of a zero
_LONGEST_LIST: Final = 6
_LONGEST_TEXT: Final = 400
_FIXED: Final = re.compile(r"-?\d+\.\d+")


def text_of(value: Any, field: Field | None = None) -> str:
    """Text of a value as a person reads it; empty for a missing one."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return _number(value, field.unit if field else "")
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M}"
    if isinstance(value, list):
        shown = ", ".join(text_of(element) for element in value[:_LONGEST_LIST])
        return f"{shown}, … ({len(value)})" if len(value) > _LONGEST_LIST else shown
    if isinstance(value, dict):
        if "lattice" in value and "sites" in value:
            return f"structure of {len(value['sites'])} sites"
        amount = value.get("amount", value.get("share_of_atoms"))
        if value.get("formula") and isinstance(amount, float):  # a competing phase, whose id says nothing
            return f"{amount:.3g} {chemists_formula(value['formula'])}"
        return ", ".join(f"{name} {text_of(part)}" for name, part in value.items())
    text = chemists_formula(str(value)) if field is not None and field.path in FORMULAS else str(value)
    return f"{text[:_LONGEST_TEXT]}…" if len(text) > _LONGEST_TEXT else text


def with_interval(value: Any, low: Any, high: Any, field: Field | None = None) -> str:
    """Text of a value with its interval: ``≥ 0.050`` of a bound, ``0.050 (0.010 to 0.090)``; as `text_of` without.

    Parameters
    ----------
    value
        The value; empty text for a missing one.
    low, high
        Ends of the interval; one is None where it is open, both where none is stated.
    field
        What the value is one of.
    """
    text = text_of(value, field)
    if value is None or (low is None and high is None):
        return text
    if low is not None and high is not None:
        return f"{text} ({end_text(low, text, field)} to {end_text(high, text, field)})"
    sign, end = ("≥", low) if high is None else ("≤", high)
    return f"{sign} {text}" if end == value else f"{text} ({sign} {end_text(end, text, field)})"


def end_text(end: float, text: str, field: Field | None = None) -> str:
    """Text of an end of an interval, with as many decimals as the text of its value.

    Examples
    --------
    >>> end_text(0.00031, "0.048"), end_text(-1.23456, "0.0"), end_text(0.1117, "0.07435")
    ('0.000', '-1.2', '0.11170')
    """
    if not _FIXED.fullmatch(text):
        return text_of(end, field)
    shown = f"{end:.{len(text.partition('.')[2])}f}"
    return shown.removeprefix("-") if not float(shown) else shown


def in_words(value: Any, low: Any, high: Any, field: Field | None = None, unit: str = "") -> str:
    """Text of a value with its interval and unit, bounds in words: ``at least 0.050 eV, a lower bound``."""
    if value is None or (low is None) == (high is None):
        return f"{with_interval(value, low, high, field)} {unit}".rstrip()
    words, end, what = ("at least", low, "a lower bound") if high is None else ("at most", high, "an upper bound")
    text = text_of(value, field)
    bound = f"{words} {end_text(end, text, field)} {unit}".rstrip()
    return f"{bound}, {what}" if end == value else f"{text}, {bound}"


def marked_up(value: Any, field: Field | None = None) -> str:
    """Markup of a value: as `text_of`, verdicts and statuses in colour."""
    text = escape(text_of(value, field))
    colour = COLOURS.get(text) if field is None or field.path in ("status", "state", "verdict") else None
    return f"[{colour}]{text}[/]" if colour else text


def table_of(columns: Sequence[Field], rows: Iterable[Sequence[Any]], *, key: str = "") -> Table:
    """Make a table: numbers to the right, units in the head, columns without any value left out.

    Parameters
    ----------
    columns
        The fields.
    rows
        A value of each, for every row.
    key
        The field whose values are never cut.
    """
    listed = [list(row) for row in rows]
    cells = [[marked_up(value, column) for value, column in zip(row, columns, strict=True)] for row in listed]
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    shown = [i for i, column in enumerate(columns) if column.path == key or any(row[i] is not None for row in listed)]
    for i in shown:
        column = columns[i]
        numeric = column.kind in ("number", "integer")
        # Blanks instead of the underscores let a long name take several short lines.
        name = column.path if column.path == key else column.path.replace("_", " ").replace(".", " ")
        table.add_column(
            f"{name}\n[dim not bold]{column.unit}[/]" if column.unit else name,
            justify="right" if numeric else "left",
            no_wrap=column.path == key,
            overflow="fold",
        )
    for row in cells:
        table.add_row(*(row[i] for i in shown))
    return table


def values_in_table(document: dict[str, Any], columns: Sequence[Field]) -> list[Any]:
    """Values of a document for a row of a table, those with an interval as text."""
    return [_value_in_table(document, column) for column in columns]


def _value_in_table(document: dict[str, Any], column: Field) -> Any:
    value = value_at(document, column.path)
    low, high = ends(document, column)
    if isinstance(value, dict) and column.low:  # by kind
        among = ((kind, (low or {}).get(kind), (high or {}).get(kind)) for kind in value)
        return {kind: with_interval(value[kind], *interval) for kind, *interval in among}
    return value if low is None and high is None else with_interval(value, low, high, column)


def plural(number: int, collection: str) -> str:
    """Say how many documents there are, in words, e.g. ``1 candidate``."""
    singular = {
        "properties": "property",
        "reference_entries": "reference entry",
        "quarantine": "piece of bad input",
        "failures": "failure",
    }
    if number == 1:
        return f"1 {singular.get(collection, collection.removesuffix('s').replace('_', ' '))}"
    several = {"quarantine": "pieces of bad input"}
    return f"{number:,} {several.get(collection, collection.replace('_', ' '))}"


def _number(value: float, unit: str) -> str:
    if unit.startswith("eV"):
        value = 0.0 if abs(value) < _ROUNDING else value
        return f"{value:.{_DECIMALS}f}" if abs(value) >= 10**-_DECIMALS or value == 0 else f"{value:.1e}"
    if value == int(value) and abs(value) < 10**_SIGNIFICANT:
        return f"{int(value)}"
    return f"{value:.{_SIGNIFICANT - 1}g}"
