"""Asks on the terminal: for what is looked for, and before something is taken out. Ctrl-C ends any question."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TypeVar

import typer

from ...stores.errors import ConfigurationError
from .console import err

T = TypeVar("T")


def ask(question: str, read: Callable[[str], T], *, default: str = "") -> T:
    """Answer to a question, which is asked again until `read` takes what was typed.

    Parameters
    ----------
    question
        Without the colon.
    read
        Makes a value of what was typed; what it can't read raises `ConfigurationError`.
    default
        What counts as typed where nothing was; shown unless it is empty.

    Raises
    ------
    KeyboardInterrupt
        The question was left, by Ctrl-C or Ctrl-D.
    """

    def value(typed: str) -> T:
        try:
            return read(typed.strip())
        except ConfigurationError as error:
            raise typer.BadParameter(f"{error.message}. {error.remedy}") from None

    try:
        return typer.prompt(question, default=default, show_default=bool(default), value_proc=value, err=True)  # type: ignore[no-any-return]
    except typer.Abort:
        raise _left("Interrupted: nothing was written.") from None


def ask_before_removing(name: str) -> None:
    """Ask whether something is to be removed, and leave with status 1 where it is not.

    Raises
    ------
    ConfigurationError
        There is no terminal to ask on.
    KeyboardInterrupt
        The question was left, by Ctrl-C or Ctrl-D.
    """
    if not sys.stdin.isatty():
        raise ConfigurationError("there is no terminal to ask on", "Say --yes, or look first with --dry-run.")
    try:
        agreed = typer.confirm(f"Remove {name}?", err=True)
    except typer.Abort:
        raise _left("Interrupted: nothing was removed.") from None
    if not agreed:
        err.print("Nothing was removed.")
        raise typer.Exit(1)


def _left(said: str) -> KeyboardInterrupt:
    err.print()  # the cursor still stands behind the question
    return KeyboardInterrupt(said)
