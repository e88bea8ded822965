"""Read the rows of a CSV or TSV file of whatever encoding and separator, in memory of a few lines.

Knows quoting, blank lines and line numbers; knows nothing of what the columns mean.
"""

import codecs
import csv
import io
import re
from collections import deque
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

from ..records.raw_record import BadRecord
from .open_files import CutShortError, SourceFileError, open_source, quoted, read_head, rest_unread

MAX_ROW_CHARS = 2**20
"""Longest line taken as a row."""
MAX_ROW_LINES = 64
"""Most lines of one row (a quoted cell may hold line ends); beyond it a quote was left open."""
SEPARATORS = (",", "\t", ";", "|")
COMMENT = "#"
"""Lines that begin with it above the header, or with another number of cells below it, are comments."""

_HEAD_BYTES = 2**20
_SNIFFED_ROWS = 20
_SEPARATOR_LINE = re.compile(r'"?sep=(.)"?\s*', re.IGNORECASE)
"""First line of a table that tells a spreadsheet its separator."""
_SPREADSHEETS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")


@dataclass(frozen=True, slots=True)
class Row:
    """The cells of a row and the line it begins on, from 1."""

    line: int
    cells: tuple[str, ...]


def sniff_encoding(path: Path) -> str:
    """Tell the encoding of a text file: by its byte-order mark, UTF-8 where that fits, else Windows-1252."""
    head = read_head(path, _HEAD_BYTES)
    if head.startswith(codecs.BOM_UTF8):
        return "utf-8-sig"
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8"


def sniff_separator(path: Path, encoding: str) -> str:
    """Tell the separator: what a line ``sep=;`` says, or what splits the first rows into the most columns, all alike.

    Comments do not count.
    """
    text = read_head(path, _HEAD_BYTES).decode(encoding, "replace").removeprefix("\ufeff")
    lines = text.splitlines()[: 2 * _SNIFFED_ROWS]
    if lines and (match := _SEPARATOR_LINE.fullmatch(lines[0])):
        return match[1]
    short = [line for line in lines if line.strip() and len(line) < csv.field_size_limit()]
    sample = [line for line in short if not line.lstrip().startswith(COMMENT)][:_SNIFFED_ROWS] or short[:_SNIFFED_ROWS]
    best, best_score = SEPARATORS[0], (False, 1)
    for separator in SEPARATORS:
        counts = [len(cells) for cells in csv.reader(sample, delimiter=separator) if cells]
        score = (len(set(counts)) == 1, counts[0] if counts else 1)
        if score[1] > 1 and score > best_score:
            best, best_score = separator, score
    return best


def rows(path: Path, *, encoding: str, separator: str) -> Generator[Row | BadRecord]:
    """Read the rows of a table, the header among them; blank rows are passed over.

    Raises
    ------
    SourceFileError
        Where the file can't be opened, or is a spreadsheet or other binary file.
    """
    lines = _Lines(path, encoding)
    try:
        while (numbered := lines.next()) is not None:
            number, line = numbered
            if number == 1 and _SEPARATOR_LINE.fullmatch(line.removeprefix("\ufeff")):
                continue
            if len(line) > MAX_ROW_CHARS:
                yield _bad(number, f"the line is longer than {MAX_ROW_CHARS} characters", "one row a line")
            elif not line.isascii() and _undecodable(line):
                yield _bad(number, f"it holds bytes that are not {encoding}", "recode the file, or give its encoding")
            elif '"' not in line:
                cells = line.rstrip("\r\n").split(separator)
                if any(cells) and not line.isspace():
                    yield Row(number, tuple(cells))
            else:
                yield _quoted_row(number, line, lines, separator)
        if lines.failure is not None:
            yield rest_unread(lines.failure, place=f"row {lines.number + 1}")
    finally:
        lines.close()


def _quoted_row(number: int, line: str, lines: "_Lines", separator: str) -> Row | BadRecord:
    block = [line]
    while True:
        try:
            return Row(number, tuple(next(csv.reader(block, delimiter=separator, strict=True))))
        except csv.Error as error:
            fault = str(error)
        if "".join(block).count('"') % 2 == 0 or len(block) == MAX_ROW_LINES:
            break
        following = lines.next()
        if following is None:
            break
        block.append(following[1])
    lines.give_back(number + 1, block[1:])
    return _bad(number, f"its quotes don't fit: {fault}", "close the quote, or double it within a cell")


def _bad(number: int, reason: str, remedy: str) -> BadRecord:
    return BadRecord(reason, remedy=remedy, place=f"row {number}")


def _undecodable(line: str) -> bool:
    return any("\udc80" <= character <= "\udcff" for character in line)


class _Lines:
    """The lines of a text file with their numbers; lines may be given back. A damaged file ends in `failure`."""

    def __init__(self, path: Path, encoding: str) -> None:
        if read_head(path, 4).startswith(_SPREADSHEETS):
            msg = f"{quoted(path)} is a spreadsheet; export it as CSV"
            raise SourceFileError(msg)
        self._stream = io.TextIOWrapper(open_source(path), encoding, "surrogateescape", newline="")
        self._returned: deque[str] = deque()
        self.number = 0
        self.failure: SourceFileError | None = None

    def next(self) -> tuple[int, str] | None:
        if self._returned:
            line = self._returned.popleft()
        elif self._stream.closed:
            return None
        else:
            line = self._read()
        if not line:
            self._stream.close()
            return None
        self.number += 1
        return self.number, line

    def _read(self) -> str:
        try:
            line = self._stream.readline(MAX_ROW_CHARS + 2)
            rest = line
            while len(rest) == MAX_ROW_CHARS + 2 and not rest.endswith("\n"):
                rest = self._stream.readline(MAX_ROW_CHARS + 2)
        except SourceFileError as error:
            if not isinstance(error, CutShortError) and not self.number:
                raise
            self.failure = error
            return ""
        return line

    def close(self) -> None:
        self._stream.close()

    def give_back(self, number: int, lines: list[str]) -> None:
        self._returned.extendleft(reversed(lines))
        self.number = number - 1
