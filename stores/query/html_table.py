"""Documents as a table in a notebook: units in the head, intervals beside values, amounts of formulas below the line.

The text is escaped, whatever a source wrote. Colours and lines are those of the notebook.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from markupsafe import Markup, escape

from .language.fields import Field, value_at
from .language.intervals import ends

Doc = Mapping[str, Any]

MOST_ROWS: Final = 20
"""Rows that are shown; what is beyond them is counted."""
_LONGEST: Final = 60  # characters of a text
_NUMBERS: Final = ("number", "integer")
_RIGHT: Final = Markup(' style="text-align: right"')


def formula_html(formula: str) -> Markup:
    """Formula with its amounts below the line.

    Examples
    --------
    >>> str(formula_html("Mg(OH)2"))
    'Mg(OH)<sub>2</sub>'
    """
    parts = re.split(r"([0-9.]+)", formula)
    pieces = (Markup("<sub>{}</sub>").format(part) if i % 2 else escape(part) for i, part in enumerate(parts))
    return Markup("").join(pieces)


def value_html(document: Doc, field: Field) -> Markup:
    """Value of a document with its interval; a bound with its sign, nothing where there is none."""
    value = value_at(document, field.path)
    if value is None:
        return Markup("")
    if field.path.startswith("formula") and isinstance(value, str):
        return formula_html(value)
    low, high = ends(document, field)
    if low is None and high is None:
        return escape(_text(value))
    if low is not None and high is not None:
        return Markup("{} <small>({} to {})</small>").format(_text(value), _text(low), _text(high))
    sign, end = ("≥", low) if high is None else ("≤", high)
    return escape(f"{sign} {_text(end)}" if end == value else f"{_text(value)} ({sign} {_text(end)})")


def table_html(documents: Sequence[Doc], fields: Sequence[Field], title: str) -> str:
    """Table of documents; of many the first `MOST_ROWS`.

    Parameters
    ----------
    documents
        The documents.
    fields
        Columns. Those without any value are left out, but for the first.
    title
        What stands below the table.
    """
    shown = documents[:MOST_ROWS]
    columns = [
        field
        for i, field in enumerate(fields)
        if i == 0 or not shown or any(value_at(doc, field.path) is not None for doc in shown)
    ]
    heads = Markup("").join(
        Markup('<th title="{}"{}>{}{}</th>').format(
            field.description,
            _RIGHT if field.kind in _NUMBERS else "",
            field.path,
            Markup("<br><small>{}</small>").format(field.unit) if field.unit else "",
        )
        for field in columns
    )
    rows = Markup("").join(
        Markup("<tr>{}</tr>").format(
            Markup("").join(
                Markup("<td{}>{}</td>").format(_RIGHT if field.kind in _NUMBERS else "", value_html(doc, field))
                for field in columns
            )
        )
        for doc in shown
    )
    left = f", the first {len(shown)} are shown" if len(documents) > len(shown) else ""
    table = Markup('<table class="dataframe"><thead><tr>{}</tr></thead><tbody>{}</tbody></table><p>{}{}</p>')
    return str(table.format(heads, rows, title, left))


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.3f}" if 0.0005 <= abs(value) < 1e5 or value == 0 else f"{value:.3g}"
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M}"
    if isinstance(value, list | tuple):
        value = ", ".join(_text(part) for part in value)
    text = str(value)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
