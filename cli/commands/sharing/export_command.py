"""The command ``export``, which has two commands of its own below it."""

from __future__ import annotations

from typing import Any, Final

import typer
from typer.core import TyperCommand

from .export_jobflow import export_jobflow
from .export_vasp import export_vasp

COMMANDS: Final[dict[str, Any]] = {"vasp": export_vasp, "jobflow": export_jobflow}


class ExportCommand(TyperCommand):
    """The command ``export``, which hands over where its first argument is ``vasp`` or ``jobflow``."""

    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:
        """Make the context of whichever command is meant."""
        if not args or args[0] not in COMMANDS:
            return super().make_context(info_name, args, parent, **extra)
        app = typer.Typer(add_completion=False, context_settings={"help_option_names": ["-h", "--help"]})
        app.command()(COMMANDS[args[0]])
        return typer.main.get_command(app).make_context(f"{info_name} {args[0]}", args[1:], parent, **extra)
