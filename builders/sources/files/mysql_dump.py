"""Read rows of chosen tables of a MySQL dump (mysqldump), in memory of one statement; nothing of it is executed.

Knows CREATE TABLE as far as the names of columns go, and INSERT; knows nothing of what the tables mean. See the MySQL
reference manual, "Literal values" and "mysqldump".
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ..records.raw_record import BadRecord
from .open_files import MAX_LINE_BYTES, SourceFileError, numbered_lines, quoted

Value = str | None
"""A value as it is written: text unescaped, number as text, NULL as None."""

_CREATE: Final = re.compile(rb"CREATE TABLE (?:IF NOT EXISTS )?`([^`]+)`", re.IGNORECASE)
_COLUMN: Final = re.compile(rb"\s*`([^`]+)`\s")
_INSERT: Final = re.compile(r"INSERT (?:IGNORE )?INTO `([^`]+)`\s*(?:\(([^)]*)\)\s*)?VALUES\s*", re.IGNORECASE)
_VALUE: Final = re.compile(r"\s*(?:(?:_binary\s*)?'((?:[^'\\]|\\.|'')*)'|([^\s,()']+))\s*([,)])", re.DOTALL)
_BEGUN: Final = (b"-- MySQL dump", b"-- MariaDB dump")
_COMPLETED: Final = b"-- Dump completed"
"""Comments that mysqldump begins and ends with: a dump with the first alone was cut, be it between two statements."""
_ESCAPED: Final = re.compile(r"\\(.)|''", re.DOTALL)
_ESCAPES: Final = {"0": "\0", "b": "\b", "n": "\n", "r": "\r", "t": "\t", "Z": "\x1a"}


@dataclass(frozen=True, slots=True)
class TableRows:
    """Rows of one INSERT statement: the chosen columns of each."""

    table: str
    rows: list[tuple[Value, ...]]


def table_rows(path: Path, columns: Mapping[str, Sequence[str]]) -> Iterator[TableRows | BadRecord]:
    """Read the rows of tables.

    Parameters
    ----------
    path
        A dump, compressed or not.
    columns
        Names of the columns to read, by table. Other tables are passed over.

    Yields
    ------
    TableRows or BadRecord
        Rows, statement by statement; a `BadRecord` with ``rest_unread`` where the file is damaged or no dump.

    Raises
    ------
    SourceFileError
        The file can't be opened, or a table lacks a column.
    """
    inside, created, order = "", [], {}
    pending, started = b"", 0
    number, whole = 0, True
    for number, line in numbered_lines(path):
        if isinstance(line, BadRecord):
            yield line if line.rest_unread else _unread(line.reason, number)
            return
        if pending:
            pending += b"\n" + line
        elif line.startswith((*_BEGUN, _COMPLETED)):
            whole = line.startswith(_COMPLETED)
            continue
        elif inside:
            if column := _COLUMN.match(line):
                created.append(column[1].decode("utf-8", "replace"))
            elif line.lstrip().startswith(b")"):
                order[inside], inside = tuple(created), ""
            continue
        elif made := _CREATE.match(line):
            name = made[1].decode("utf-8", "replace")
            inside, created = (name, []) if name in columns else ("", [])
            continue
        elif line.startswith((b"INSERT", b"insert")) and _names(line) in columns:
            pending, started = line, number
        else:
            continue
        if len(pending) > MAX_LINE_BYTES:
            yield _unread("a statement has no end", started)
            return
        if not pending.rstrip().endswith(b";"):
            continue
        statement, pending = _text(pending), b""
        head = _INSERT.match(statement)
        if head is None:
            yield _unread(f"the statement {statement[:60]!r} is not understood", started)
            return
        table = head[1]
        named = tuple(name.strip(" `") for name in head[2].split(",")) if head[2] else order.get(table)
        if named is None:
            raise SourceFileError(f"{quoted(path)} does not say which columns the table {table} has")
        if missing := [name for name in columns[table] if name not in named]:
            raise SourceFileError(f"{quoted(path)} lacks the columns {', '.join(missing)} of the table {table}")
        chosen = [named.index(name) for name in columns[table]]
        rows = _rows(statement[head.end() :].rstrip().removesuffix(";").rstrip(), len(named), chosen)
        if rows is None:
            yield _unread(f"a row of the table {table} does not have its {len(named)} values", started)
            return
        yield TableRows(table, rows)
    if pending:
        yield _unread("the last statement has no end", started)
    elif not whole:
        yield _unread("the dump has no end", number + 1)


def _unread(reason: str, line: int) -> BadRecord:
    return BadRecord(reason, remedy="fetch the dump again", place=f"line {line} and all after it", rest_unread=True)


def _names(line: bytes) -> str:
    parts = line[:200].split(b"`", 2)
    return parts[1].decode("utf-8", "replace") if len(parts) == 3 else ""


def _text(statement: bytes) -> str:
    try:
        return statement.decode("utf-8")
    except UnicodeDecodeError:
        return statement.decode("latin-1")


def _rows(text: str, number: int, chosen: Sequence[int]) -> list[tuple[Value, ...]] | None:
    """Chosen values of each row of ``(…),(…)``; None where a row has not as many values as the table has columns."""
    texts = "".join(text.split("'")[1::2])
    if not any(sign in texts for sign in ",()") and "\\" not in text and "''" not in text:
        # Nothing but separators looks like one: cutting is three times as fast as reading sign by sign.
        rows = [row.split(",") for row in text[1:-1].replace("), (", "),(").replace("),\n(", "),(").split("),(")]
        if text[:1] != "(" or text[-1:] != ")" or any(len(row) != number for row in rows):
            return None
        return [tuple(_plain(row[i]) for i in chosen) for row in rows]
    return _sign_by_sign(text, number, chosen)


def _plain(written: str) -> Value:
    written = written.strip()
    return written[1:-1] if written[:1] == "'" else None if written == "NULL" else written


def _sign_by_sign(text: str, number: int, chosen: Sequence[int]) -> list[tuple[Value, ...]] | None:
    rows: list[tuple[Value, ...]] = []
    place = 0
    while place < len(text):
        if text[place] in " ,\n":
            place += 1
            continue
        if text[place] != "(":
            return None
        values: list[Value] = []
        place, end = place + 1, ","
        while end == ",":
            if (value := _VALUE.match(text, place)) is None:
                return None
            quoted_text, bare, end = value.groups()
            if quoted_text is not None:
                values.append(_ESCAPED.sub(_unescaped, quoted_text))
            else:
                values.append(None if bare == "NULL" else bare)
            place = value.end()
        if len(values) != number:
            return None
        rows.append(tuple(values[i] for i in chosen))
    return rows


def _unescaped(match: re.Match[str]) -> str:
    return "'" if match[1] is None else _ESCAPES.get(match[1], match[1])
