"""Tables within the width of a terminal: columns that do not fit are left out and named, no number is cut."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import Final

from rich.cells import cell_len
from rich.markup import escape
from rich.measure import Measurement
from rich.table import Column, Table
from rich.text import Text

from ...builders.exports.clean_text import clean
from .console import out

_NUMBER: Final = re.compile(r"[(≥≤±-]*\d[\d.,eE+:-]*[%),;…]*")
_PIECES: Final = re.compile(r"[^\s_-]*[_-]?\s|[^\s_-]+[_-]?|[_-]")
"""Of a head: words and parts of words that a line may end after."""
_NARROWEST: Final = 8
"""Characters that a column of text gets at least, where its words are as long."""
_KEPT: Final = 0.5
"""Share of the columns that has to fit; else each row is printed as a list of names and values."""


@dataclass(slots=True)
class _Widths:
    """Of one column, in characters: what it needs, what its head likes, what it would take."""

    least: int
    liked: int
    natural: int


def print_table(table: Table, *, remedy: str = "a wider window") -> None:
    """Print a table: within the width of a terminal, as wide as it likes to a file or a pipe.

    Parameters
    ----------
    table
        The table; columns that do not fit are taken out of it.
    remedy
        What makes room for columns that were left out.
    """
    if not out.is_terminal and "COLUMNS" not in os.environ:
        out.width = max(out.width, Measurement.get(out, out.options.update(max_width=10_000), table).maximum)
        out.print(table)
        return
    widths = [_widths(column, head=table.show_header) for column in table.columns]
    gap = table.padding[1] + table.padding[3]
    fitting, taken = 0, -gap
    for width in widths:
        taken += width.least + gap
        if taken > out.width:
            break
        fitting += 1
    if fitting < _KEPT * len(widths) or (fitting < 2 <= len(widths)):
        _print_lists(table)
        return
    left_out = [_head(column) for column in table.columns[fitting:]]
    del table.columns[fitting:]
    for column, given in zip(table.columns, _shared(widths[:fitting], out.width - gap * (fitting - 1)), strict=True):
        column.width = given
        if table.show_header:
            column.header = _broken(_plain(column.header), given)
        column.no_wrap = False
        column.overflow = "fold"
    out.print(table)
    if left_out:
        told = ", ".join(left_out)
        out.print(f"[dim]No room for: {escape(told)} ({remedy})[/]", soft_wrap=True)


def _widths(column: Column, *, head: bool) -> _Widths:
    lines = [line for cell in column.cells for line in _plain(cell).split("\n")]
    natural = max(map(cell_len, lines), default=0)
    if column.justify == "right" or column.no_wrap:
        least = natural
    else:
        words = [word for line in lines for word in line.split()]
        numbers = [cell_len(word) for word in words if _NUMBER.fullmatch(word)]
        least = max([min(_NARROWEST, max(map(cell_len, words), default=0)), *numbers])
    shown = _plain(column.header) if head else ""
    least = max([least, *(cell_len(piece.rstrip()) for piece in _PIECES.findall(shown))])
    whole_head = max(map(cell_len, shown.split("\n")), default=0)
    liked = max([least, *map(cell_len, shown.split())])
    return _Widths(least, liked, max(liked, natural, whole_head if column.justify != "right" else 0))


def _broken(head: str, width: int) -> str:
    """Head in lines of at most so many characters, broken after words and signs, never inside a word."""
    lines = [""]
    for piece in _PIECES.findall(head):
        if lines[-1] and cell_len(lines[-1] + piece.rstrip()) > width:
            lines.append("")
        lines[-1] += piece.rstrip("\n")
        if piece.endswith("\n"):
            lines.append("")
    return escape("\n".join(line.rstrip() for line in lines))


def _shared(widths: list[_Widths], room: int) -> list[int]:
    """Share the room out: what each needs, then words of heads unbroken, then what each would take, narrowest first."""
    given = [width.least for width in widths]
    room -= sum(given)
    for wanted in ([width.liked for width in widths], [width.natural for width in widths]):
        while room > 0:
            short = [i for i, width in enumerate(wanted) if given[i] < width]
            if not short:
                break
            given[min(short, key=given.__getitem__)] += 1
            room -= 1
    return given


def _print_lists(table: Table) -> None:
    """Print each row as a list: what no width of a table can hold."""
    heads = [_head(column) for column in table.columns]
    for row in zip(*(list(column.cells) for column in table.columns), strict=True):
        for head, cell in zip(heads, row, strict=True):
            text = _plain(cell)
            if text.strip():
                out.print(f"[dim]{escape(head)}[/] {escape(text)}".strip(), soft_wrap=True)
        out.print()


def _head(column: Column) -> str:
    return _plain(column.header).split("\n")[0]


def _plain(cell: object) -> str:
    return clean(Text.from_markup(cell, emoji=False).plain if isinstance(cell, str) else str(cell))
