"""Read the records of a JSON or JSON-lines file one by one, in memory of one record, whatever the file's form.

Knows the forms people write lists of records in; knows nothing of structures or energies. JSON never names a class to
import here: it is read as plain lists, dicts, texts and numbers.
"""

import codecs
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import Any

from ..record import BadRecord
from .open_files import MAX_LINE_BYTES, SourceFileError, numbered_lines, open_source, quoted, read_head, rest_unread

MAX_RECORD_CHARS = MAX_LINE_BYTES
"""Longest record taken, in characters of JSON."""
RECORD_KEYS = frozenset(
    {"@module", "@class", "structure", "lattice", "sites", "composition", "energy", "energy_adjustments"}
    | {"entry_id", "material_id", "task_id", "formula_pretty", "snl"}
)
"""Keys that tell an object that is one record from an object that holds records by key."""

_CHUNK_BYTES = 256 * 1024
_SPACE = re.compile(r"[ \t\n\r]*")
_BRACKET = re.compile(r'["\[\]{},]')
_QUOTE = re.compile(r'["\\]')
_OPENER = {"}": "{", "]": "["}
# A decoder that stops within this distance of the end of what is read so far may only lack the rest ("-Infinity").
_LONGEST_TOKEN = 16


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


class _MalformedError(ValueError):
    """The value that begins here is not JSON, or is too long."""


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
        raise BadRecord(f"it is not JSON: {_reason(error)}") from error


def json_items(path: Path) -> Iterator[JsonItem | BadRecord]:
    """Read the records of a file: JSON lines; a list; an object of records by key; one record; or an object with them.

    The last are ``{"data": [...]}`` of web services and ``{"index": ..., "columns": ..., "data": [[...], ...]}`` of
    pandas (orient="split") and Matbench.

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
            yield BadRecord(
                line.reason, remedy=line.remedy, place=line.place, index=index, rest_unread=line.rest_unread
            )
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
                yield BadRecord(f"it is not JSON: {_reason(error)}", remedy=remedy, place=place, index=index)
        index += 1


def _shape(path: Path) -> _Shape:
    head = read_head(path, 4)
    if head.startswith((codecs.BOM_UTF16_BE, codecs.BOM_UTF16_LE)):
        msg = f"{quoted(path)} is UTF-16; recode it to UTF-8"
        raise SourceFileError(msg)
    with open_source(path) as stream:
        text = _JsonText(stream)
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
        return _shape_of_object(_JsonText(stream))


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


def _shape_of_object(text: "_JsonText") -> _Shape:
    columns: tuple[str, ...] | None = None
    rows = False
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
                return _Shape("keyed")
            else:
                text.value()
            if rows and columns is not None:
                return _Shape("under", "data", columns)
    except (_MalformedError, SourceFileError):
        pass  # the second reading tells, with the place
    return _Shape("single")


def _streamed(path: Path, shape: _Shape) -> Iterator[JsonItem | BadRecord]:
    given = 0
    try:
        with open_source(path) as stream:
            for item in _items(_JsonText(stream), shape):
                yield item
                given += 1
    except _MalformedError as error:
        yield BadRecord(
            f"the JSON is broken: {error}",
            remedy="write the file again; what came before was read",
            place=f"after {given} records",
            index=given,
            rest_unread=True,
        )


def _items(text: "_JsonText", shape: _Shape) -> Iterator[JsonItem | BadRecord]:
    if shape.form == "single":
        yield _item(text, "the record", 0, None, None)
        return
    if shape.form == "keyed":
        for index, key in enumerate(text.pairs()):
            yield _item(text, f"key {key}", index, key, None)
        return
    if shape.form == "under":
        for key in text.pairs():
            if key == shape.key:
                break
            text.value()
    word = "row" if shape.columns else "item"
    for index in text.elements():
        yield _item(text, f"{word} {index + 1}", index, None, shape.columns)


def _item(
    text: "_JsonText", place: str, index: int, key: str | None, columns: tuple[str, ...] | None
) -> "JsonItem | BadRecord":
    try:
        value, source = text.value()
    except _MalformedError as error:
        try:
            text.skip_value()
        except _MalformedError as lost:
            raise _MalformedError(f"{place}: {error}, and {lost}") from error
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


def _reason(error: BaseException) -> str:
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    return f"{error.msg} at character {error.pos}" if isinstance(error, json.JSONDecodeError) else str(error)


class _JsonText:
    """JSON read piece by piece: what has been read and not yet used is kept, nothing else."""

    def __init__(self, stream: BufferedReader) -> None:
        self._stream = stream
        self._bytes_to_text = codecs.getincrementaldecoder("utf-8-sig")("surrogateescape")
        self._decode = json.JSONDecoder().raw_decode
        self._text = ""
        self._at = 0
        self._ended = False
        self._failure: SourceFileError | None = None

    def _more(self) -> bool:
        """Read on: as much again as is pending, so that a long record is tried only a few times."""
        if self._failure:
            raise self._failure
        if self._ended:
            return False
        pieces = [self._text[self._at :]]
        wanted = max(_CHUNK_BYTES, len(pieces[0]))
        while wanted > 0 and not self._ended:
            try:
                piece = self._stream.read1(wanted)
            except SourceFileError as error:
                self._failure = error  # told when what precedes the damage is used up
                break
            self._ended = not piece
            pieces.append(self._bytes_to_text.decode(piece, final=self._ended))
            wanted -= len(piece)
        self._text, self._at = "".join(pieces), 0
        return True

    def peek(self) -> str:
        """Pass over space and give the next character, empty at the end."""
        while True:
            space = _SPACE.match(self._text, self._at)
            self._at = space.end() if space else self._at
            if self._at < len(self._text):
                return self._text[self._at]
            if not self._more():
                return ""

    def beginning(self) -> str:
        """Give the first two characters of the value ahead that aren't space, and stay before it."""
        first = self.peek()
        if first not in ("[", "{"):
            return first
        while True:
            space = _SPACE.match(self._text, self._at + 1)
            after = space.end() if space else self._at + 1
            if after < len(self._text):
                return first + self._text[after]
            if not self._more():
                return first

    def _take(self, expected: str) -> str:
        found = self.peek()
        if not found or found not in expected:
            what = repr(found) if found else "the end of the file"
            raise _MalformedError(f"found {what} where one of {' '.join(expected)} is needed")
        self._at += 1
        return found

    def value(self) -> tuple[Any, str]:
        """Read the next value; give it with its text.

        Raises
        ------
        _MalformedError
            Where it is not JSON or too long; the reading stays before it.
        """
        self.peek()
        while True:
            try:
                value, end = self._decode(self._text, self._at)
            except json.JSONDecodeError as error:
                cut = error.pos >= len(self._text) - _LONGEST_TOKEN or error.msg.startswith("Unterminated string")
                if not (cut and self._can_grow()):
                    raise _MalformedError(_reason(error)) from error
            except (ValueError, RecursionError) as error:
                raise _MalformedError(_reason(error)) from error
            else:
                # A number may go on in what has not been read yet.
                if end < len(self._text) or not self._can_grow():
                    source = self._text[self._at : end]
                    self._at = end
                    return value, source

    def _can_grow(self) -> bool:
        if len(self._text) - self._at > MAX_RECORD_CHARS:
            raise _MalformedError(f"the record is longer than {MAX_RECORD_CHARS} characters")
        return self._more()

    def skip_value(self) -> None:
        """Pass over a value that isn't JSON, by its brackets and quotes, without keeping it.

        Raises
        ------
        _MalformedError
            Where it has no end.
        """
        stack: list[str] = []
        quoted_text = False
        while True:
            found = (_QUOTE if quoted_text else _BRACKET).search(self._text, self._at)
            if not found:
                self._at = len(self._text)
                if not self._more():
                    raise _MalformedError("the file ends within a record")
                continue
            mark = found[0]
            if quoted_text:
                if mark == "\\" and found.end() == len(self._text) and not self._ended:
                    self._at = found.start()
                    self._more()
                    continue
                self._at = found.end() + (mark == "\\")
                quoted_text = mark != '"'
            elif mark == '"':
                quoted_text, self._at = True, found.end()
            elif mark in "[{":
                stack.append(mark)
                self._at = found.end()
            elif not stack:
                self._at = found.start()  # a scalar ends before a comma or the bracket of its container
                break
            else:
                self._at = found.end()
                if mark != "," and _OPENER[mark] in stack:
                    while stack.pop() != _OPENER[mark]:
                        pass  # brackets left open inside
                    if not stack:
                        break

    def elements(self) -> Iterator[int]:
        """Go through an array; the caller takes each value."""
        self._take("[")
        if self.peek() == "]":
            self._at += 1
            return
        index = 0
        while True:
            yield index
            index += 1
            if self._take(",]") == "]":
                return

    def pairs(self) -> Iterator[str]:
        """Go through an object key by key; the caller takes each value."""
        self._take("{")
        if self.peek() == "}":
            self._at += 1
            return
        while True:
            if self.peek() != '"':
                raise _MalformedError(f"found {self.peek()!r} where a key is needed")
            key, _ = self.value()
            self._take(":")
            yield key
            if self._take(",}") == "}":
                return
