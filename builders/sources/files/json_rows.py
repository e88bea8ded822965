"""Rows of a JSON file of flat records, as of pandas, matminer and web services: what a table holds, in another form.

Knows forms of files; knows nothing of what the columns mean.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..records.raw_record import BadRecord
from .json_stream import JsonItem, json_items
from .open_files import SourceFileError, quoted, read_head
from .table_lines import Row

_START = re.compile(rb"(?:\xef\xbb\xbf)?\s*(?:\{|\[\s*[\[{])")
_HEAD_BYTES = 4096


def is_json(path: Path) -> bool:
    """Whether a file begins as JSON of records does, which no header of a table does."""
    return _START.match(read_head(path, _HEAD_BYTES)) is not None


def json_rows(path: Path) -> Iterator[Row | BadRecord]:
    """Read the header, which is every name that a record has, and a row a record; they are counted as lines are.

    Raises
    ------
    SourceFileError
        The file can't be opened, is no JSON, or holds no records of names and values.
    """
    header: dict[str, None] = {}
    for item in json_items(path):
        if isinstance(item, JsonItem) and isinstance(record := _record(item), dict):
            header |= dict.fromkeys(record)
    if not header:
        msg = f"{quoted(path)} holds no records of names and values"
        raise SourceFileError(msg)
    yield Row(1, tuple(header))
    for number, item in enumerate(json_items(path), start=2):
        if isinstance(item, BadRecord):
            yield item
        elif isinstance(record := _record(item), dict):
            yield Row(number, tuple(_cell(record.get(name)) for name in header))
        else:
            yield BadRecord("it has no values by name", remedy="one JSON object a record", place=f"row {number}")


def _record(item: JsonItem) -> Any:
    if item.columns is not None and isinstance(item.value, list):
        return dict(zip(item.columns, item.value, strict=False))
    return item.value


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value)
