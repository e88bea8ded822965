"""Documents for programs: JSON, JSON lines, CSV, written one by one as they come."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any

from bson import ObjectId

from ...stores.query.fields import Field
from ...stores.query.intervals import names_of, row_of

Doc = dict[str, Any]
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
    the side where it is open.
    """

    class Lines:
        def write(self, line: str) -> None:
            write(line)

    writer = csv.writer(Lines(), lineterminator="")
    writer.writerow(names_of(columns))
    number = 0
    for number, document in enumerate(documents, 1):  # noqa: B007 - it is the answer
        writer.writerow([_cell(value) for value in row_of(document, columns)])
    return number


def _cell(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, dict | list):
        return _json(value)
    return value


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, ObjectId):
        return str(value)
    raise TypeError(f"{type(value).__name__} has no form in JSON")


_json = json.JSONEncoder(ensure_ascii=False, allow_nan=False, default=_plain).encode
