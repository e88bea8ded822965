"""Where the command prints: answers to stdout (tables, or JSON for programs), everything else to stderr.

Commands print through this module only, so that a closed pipe and a log line in the JSON cannot happen.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Final, NoReturn

import typer
from bson import ObjectId
from rich.console import Console, ConsoleOptions
from rich.logging import RichHandler
from rich.markup import escape
from rich.padding import Padding
from rich.segment import Segment
from rich.text import Text

from ...builders.exports.clean_text import clean, escaped
from ...stores.errors import ExfolioError
from ...stores.settings import Settings, load_settings
from .json_log import JsonFormatter

PIPE_CLOSED: Final = 141  # what a shell reports for a program that SIGPIPE ended: 128 + 13

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for a program to read.")]


class _Console(Console):
    """Prints data without the control characters that are in it: those of a terminal are rich's own alone."""

    def __init__(self, **settings: Any) -> None:
        # Data are shown as they are: no colours of numbers, and :a: is a part of an id, not a picture.
        super().__init__(highlight=False, emoji=False, **settings)

    def render_str(self, text: str, **how: Any) -> Text:
        """Text of a string, clean, so that its width is measured right."""
        return super().render_str(clean(text), **how)

    def render(self, renderable: Any, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Segments of whatever is printed, clean."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else Segment(clean(segment.text), segment.style)

    def on_broken_pipe(self) -> NoReturn:
        _leave_quietly()


out: Final = _Console()
err: Final = _Console(stderr=True)


def print_indented(console: Console, text: str | Text, *, by: int = 2) -> None:
    """Print a line some columns in; a terminal that is narrower breaks it between words, a file gets one line."""
    if console.is_terminal:
        console.print(Padding(text, (0, 0, 0, by), expand=False))
    else:
        line = console.render_str(text) if isinstance(text, str) else text
        console.print(Text.assemble(" " * by, line), soft_wrap=True)


def begin() -> Settings:
    """Read the settings and send log lines to stderr: the first thing a command does.

    Raises
    ------
    ConfigurationError
        As from `load_settings`.
    """
    settings = load_settings()
    handler: logging.Handler = RichHandler(console=err, show_path=False, log_time_format="%H:%M:%S")
    if settings.log_format == "json":
        handler = logging.StreamHandler()
    logging.basicConfig(level=settings.log_level, handlers=[handler], format="%(message)s", force=True)
    if settings.log_format == "json":
        handler.setFormatter(JsonFormatter())
    logging.getLogger("pymongo").setLevel(logging.WARNING)  # its debug lines hold whole commands
    return settings


def print_json(value: Any) -> None:
    """Print a value as JSON; dates in ISO 8601, paths and object ids as text. NaN is refused, being no JSON.

    Raises
    ------
    ValueError
        The value holds NaN or infinity.
    """
    write_line(escaped(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False, default=_plain)))


def write_line(line: str) -> None:
    """Print a line as it is, but for control characters: no wrapping, no markup."""
    try:
        sys.stdout.write(f"{clean(line)}\n")
        sys.stdout.flush()
    except BrokenPipeError:
        _leave_quietly()


def print_facts(facts: dict[str, Any]) -> None:
    """Print names and values, one pair a line, None left out; never cut, so that an address can be copied."""
    width = max(map(len, facts), default=0)
    for name, value in facts.items():
        if value is not None:
            out.print(f"[bold]{escape(name):<{width}}[/]  {escape(str(value))}", soft_wrap=True)


def print_error(error: ExfolioError) -> None:
    """Print what happened and what to do about it."""
    err.print(f"[bold red]Error:[/] {escape(error.message)}", soft_wrap=True)
    if error.remedy:
        err.print(escape(error.remedy), soft_wrap=True)


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, (Path, ObjectId)):
        return str(value)
    raise TypeError(f"{type(value).__name__} cannot be printed as JSON")


def _leave_quietly() -> NoReturn:
    # Python would complain once more when it flushes stdout at exit.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    raise SystemExit(PIPE_CLOSED)
