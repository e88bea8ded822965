"""Asks before something is taken out."""

from __future__ import annotations

import sys

import typer

from ...stores.errors import ConfigurationError
from .console import err


def ask_before_removing(name: str) -> None:
    """Ask whether something is to be removed, and leave with status 1 where it is not.

    Raises
    ------
    ConfigurationError
        There is no terminal to ask on.
    """
    if not sys.stdin.isatty():
        raise ConfigurationError("there is no terminal to ask on", "Say --yes, or look first with --dry-run.")
    if not typer.confirm(f"Remove {name}?", err=True):
        err.print("Nothing was removed.")
        raise typer.Exit(1)
