"""Read the records of a JSON or JSON-lines file one by one, in memory of one record, whatever the file's form.

Knows the forms people write lists of records in; knows nothing of structures or energies. JSON never names a class to
import here: it is read as plain lists, dicts, texts and numbers.
"""

import codecs
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..records.raw_record import BadRecord
from .json_text import JsonText, MalformedError, why_malformed
from .open_files import MAX_LINE_BYTES, SourceFileError, numbered_lines, open_source, quoted, read_head, rest_unread

RECORD_KEYS = frozenset(
    {"@module", "@class", "structure", "lattice", "sites", "composition", "energy", "energy_adjustments"}
    | {"entry_id", "material_id", "task_id", "formula_pretty", "snl"}
)
"""Keys that tell an object that is one record from an object that holds records by key."""
_BESIDE_RECORDS = 8
"""Objects (``links``, ``meta``) that a web service may send before its list of records; more are records by key."""


@dataclass(frozen=True, slots=True)
class JsonItem:
    """One record: where it stands, its key or column names where the file has them, its text and its value."""

    place: str
    index: int
    key: str | None
    columns: tuple[str, ...] | None
    text: str
    value: Any


@dataclass(frozen=True, slots=True)
class _Shape:
    """Form of a file: ``lines``, ``array``, ``keyed``, ``single``, or ``under`` a key of an object."""

    form: str
    key: str = ""
    columns: tuple[str, ...] | None = None


def load(text: str) -> Any:
    """Read the text of one record again.

    Raises
    ------
    BadRecord
        Where it is not JSON.
    """
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadRecord(f"it is not JSON: {why_malformed(error)}") from error


def json_items(path: Path) -> Iterator[JsonItem | BadRecord]:
    """Read the records of a file: JSON lines; a list; an object of records by key; one record; or an object with them.

    The last are ``{"links": {...}, "data": [...]}`` of web services and ``{"index": ..., "columns": ..., "data":
    [[...], ...]}`` of pandas (orient="split") and Matbench.

    Raises
    ------
    SourceFileError
        Where the file can't be opened or is no JSON at all.
    """
    shape = _shape(path)
    index = -1
    try:
        for item in _lines(path) if shape.form == "lines" else _streamed(path, shape):
            index = item.index
            yield item
    except SourceFileError as error:
        yield rest_unread(error, place=f"record {index + 2}", index=index + 1)


def _lines(path: Path) -> Iterator[JsonItem | BadRecord]:
    index = 0
    for number, line in numbered_lines(path):
        place = f"line {number}"
        if isinstance(line, BadRecord):
            yield line.moved(line.place, index)
        elif not (stripped := line.removeprefix(codecs.BOM_UTF8).strip()):
            continue
        else:
            try:
                text = stripped.decode("utf-8")
                yield JsonItem(place, index, None, None, text, json.loads(text))
            except UnicodeDecodeError as error:
                yield BadRecord(f"it is not UTF-8: {error}", remedy="recode the file", place=place, index=index)
            except (ValueError, RecursionError) as error:
                remedy = "one whole JSON object a line"
                yield BadRecord(f"it is not JSON: {why_malformed(error)}", remedy=remedy, place=place, index=index)
        index += 1


def _shape(path: Path) -> _Shape:
    head = read_head(path, 4)
    if head.startswith((codecs.BOM_UTF16_BE, codecs.BOM_UTF16_LE)):
        msg = f"{quoted(path)} is UTF-16; recode it to UTF-8"
        raise SourceFileError(msg)
    with open_source(path) as stream:
        text = JsonText(stream)
        first = text.peek()
        if first == "[":
            return _Shape("array")
        if first != "{":
            msg = (
                f"{quoted(path)} is no JSON of records: it begins with {first!r}"
                if first
                else f"{quoted(path)} is empty"
            )
            raise SourceFileError(msg)
    if _has_lines(path):
        return _Shape("lines")
    with open_source(path) as stream:
        return _shape_of_object(JsonText(stream))


def _has_lines(path: Path) -> bool:
    """Whether the first two lines that aren't blank both begin an object, which happens in JSON lines only."""
    begun = 0
    try:
        with open_source(path) as stream:
            while line := stream.readline(MAX_LINE_BYTES):
                stripped = line.removeprefix(codecs.BOM_UTF8).lstrip()
                if stripped and not stripped.startswith(b"{"):
                    return False
                begun += bool(stripped)
                if begun == 2:
                    return True
                if not line.endswith(b"\n"):
                    return False
    except SourceFileError:
        return False  # damaged: the second reading tells
    return False


def _shape_of_object(text: JsonText) -> _Shape:
    """Form of a file that is an object, by its values: records, or a list of them among what else a service says."""
    columns: tuple[str, ...] | None = None
    rows = False
    objects = 0
    begins_otherwise = none_found = False
    try:
        for key in text.pairs():
            if key in RECORD_KEYS:
                return _Shape("single")
            begins = text.beginning()
            if begins == "[{":
                return _Shape("under", key)
            if key == "columns" and begins.startswith("["):
                names, _ = text.value()
                columns = tuple(str(name) for name in names)
            elif key == "data" and begins == "[[":
                rows = True
                if columns is None:
                    text.skip_value()
            elif begins.startswith("{"):
                objects += 1
                value, _ = text.value()
                if RECORD_KEYS & value.keys() or objects > _BESIDE_RECORDS:
                    return _Shape("keyed")
            else:
                text.value()
                none_found |= key == "data" and begins == "[]"
                begins_otherwise |= not objects
            if rows and columns is not None:
                return _Shape("under", "data", columns)
    except (MalformedError, SourceFileError):
        return _Shape("keyed" if objects else "single")  # the second reading tells, with the place
    if none_found:
        return _Shape("under", "data")
    return _Shape("keyed" if objects and not begins_otherwise else "single")


def _streamed(path: Path, shape: _Shape) -> Iterator[JsonItem | BadRecord]:
    given = 0
    try:
        with open_source(path) as stream:
            for item in _items(JsonText(stream), shape):
                yield item
                given += 1
    except MalformedError as error:
        yield BadRecord(
            f"the JSON is broken: {error}",
            remedy="write the file again; what came before was read",
            place=f"after {given} records",
            index=given,
            rest_unread=True,
        )


def _items(text: JsonText, shape: _Shape) -> Iterator[JsonItem | BadRecord]:
    if shape.form == "single":
        yield _item(text, "the record", 0, None, None)
        _end(text)
        return
    if shape.form == "keyed":
        for index, key in enumerate(text.pairs()):
            yield _item(text, f"key {key}", index, key, None)
        _end(text)
        return
    if shape.form == "under":
        for key in text.pairs():
            if key == shape.key:
                break
            text.value()
    word = "row" if shape.columns else "item"
    for index, _ in enumerate(text.elements()):
        yield _item(text, f"{word} {index + 1}", index, None, shape.columns)
    if shape.form == "array":
        _end(text)


def _end(text: JsonText) -> None:
    """See that nothing follows: objects one behind the other are no JSON, and more than the first of them."""
    if following := text.peek():
        raise MalformedError(f"more follows behind its end, beginning with {following!r}")


def _item(
    text: JsonText, place: str, index: int, key: str | None, columns: tuple[str, ...] | None
) -> JsonItem | BadRecord:
    try:
        value, source = text.value()
    except MalformedError as error:
        try:
            text.skip_value()
        except MalformedError as lost:
            raise MalformedError(f"{place}: {error}, and {lost}") from error
        return BadRecord(f"it is not JSON: {error}", remedy="correct the record", place=place, index=index)
    if not source.isascii() and _undecodable(source):
        return BadRecord("it holds bytes that are not UTF-8", remedy="recode the file", place=place, index=index)
    return JsonItem(place, index, key, columns, source, value)


def _undecodable(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return True
    return False
