"""Documents for programs: JSON, JSON lines, CSV, written one by one as they come."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from bson import ObjectId

from ...models.composition.formula.chemists_formula import chemists_formula
from ...stores.query.language.fields import Field
from ...stores.query.language.intervals import names_of, row_of
from .clean_text import clean, escaped

Doc = dict[str, Any]
FORMULAS: Final = frozenset({"formula_reduced"})
"""Fields that hold the registry's spelling of a formula, which people see as chemists write it."""
Write = Callable[[str], None]
"""Takes one line, without its end."""


class Format(StrEnum):
    """How documents are written."""

    table = "table"
    json = "json"
    jsonl = "jsonl"
    csv = "csv"


def write_jsonl(documents: Iterable[Doc], write: Write) -> int:
    """Write a line of JSON for each document; gives how many."""
    number = 0
    for number, document in enumerate(documents, 1):  # noqa: B007 - it is the answer
        write(_json(document))
    return number


def write_json(documents: Iterable[Doc], write: Write, **facts: Any) -> int:
    """Write one JSON object: the facts, and ``documents``; gives how many."""
    head = _json(facts)[1:-1]
    write(f'{{{head}{", " if head else ""}"documents": [')
    number = 0
    held: str | None = None
    for number, document in enumerate(documents, 1):  # noqa: B007 - it is the answer
        if held is not None:
            write(f"{held},")
        held = _json(document)
    if held is not None:
        write(held)
    write("]}")
    return number


def write_csv(documents: Iterable[Doc], columns: Sequence[Field], write: Write) -> int:
    """Write comma-separated values with a head; lists and objects as JSON, missing values empty; gives how many.

    Beside a value that may be an interval stand its ends: both the value where nothing is known of its error, empty on
    the side where it is open. Formulas are written as chemists do; a text that a spreadsheet would run as a formula of
    its own has an apostrophe in front.
    """

    class Lines:
        def write(self, line: str) -> None:
            write(line.removesuffix("\n"))

    # The end of lines is what tells the writer to quote a cell that holds one.
    writer = csv.writer(Lines(), lineterminator="\n")
    names = names_of(columns)
    writer.writerow(names)
    number = 0
    for number, document in enumerate(documents, 1):  # noqa: B007 - it is the answer
        writer.writerow([csv_cell(value, name) for value, name in zip(row_of(document, columns), names, strict=True)])
    return number


def csv_cell(value: Any, name: str) -> Any:
    """Cell of comma-separated values for a value of the field of that name, as `write_csv` writes it."""
    if name in FORMULAS and value:
        value = chemists_formula(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, dict | list):
        return _json(value)
    return _quoted(clean(value)) if isinstance(value, str) else value


_RUN_BY_SPREADSHEETS: Final = re.compile(r"\s*[=+@\-\uff1d\uff0b\uff20\uff0d]")
_NUMBER: Final = re.compile(r"[+-]?\d+(\.\d*)?([eE][+-]?\d+)?")


def _quoted(text: str) -> str:
    """Put an apostrophe before a text that a spreadsheet would run as a formula; it shows the text then."""
    return f"'{text}" if _RUN_BY_SPREADSHEETS.match(text) and not _NUMBER.fullmatch(text) else text


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, ObjectId):
        return str(value)
    raise TypeError(f"{type(value).__name__} has no form in JSON")


_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, default=_plain).encode


def _json(value: Any) -> str:
    return escaped(_encode(value))
