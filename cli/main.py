"""The ``exfolio`` command: puts the command groups together and turns exceptions into exit codes.

A command group is a module of `commands` with ``register(app)``, which adds its commands to the Typer app, and a
line in `COMMANDS`. Only the modules a call names are imported, so `exfolio db status` does not wait for the science.
"""

from __future__ import annotations

import os
import signal
import sys
import traceback
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from types import FrameType
from typing import Annotated, Any, Final, NoReturn

import typer
from pymongo.errors import PyMongoError
from typer.core import TyperGroup

from .. import __version__
from ..builders.engine.execution.interruption import EXIT_CODE as INTERRUPTED
from ..builders.engine.execution.interruption import end_workers, may_end_this_process
from ..stores.connection import explain
from ..stores.errors import CannotRunError, ExfolioError
from ..stores.settings import CONFIG_VARIABLE
from . import completion
from .display.console import err, print_error, write_line

PANELS: Final = {"filling": "Fill the registry", "running": "Run", "asking": "Ask", "sharing": "Share"}
"""Headings of `exfolio --help`, by room of commands."""

# module -> the commands it registers, with the line that `exfolio --help` shows for each
COMMANDS: Final[dict[str, dict[str, str]]] = {
    "filling.db": {"db": "Start, stop, prepare, back up and look at the database server."},
    "filling.ingest": {"ingest": "Bring known materials and VASP results into the registry."},
    "filling.source": {"source": "List the sources that were ingested, and remove one."},
    "running.campaign": {"campaign": "List campaigns, begin one, check its file, and remove one."},
    "running.refresh": {
        "refresh": "Run whatever is due: sources, what follows from them, campaigns.",
        "run": "Run one stage on what is due for it.",
    },
    "running.work": {"work": "Hand out what is due as files, for clusters that can reach nothing."},
    "running.demo": {"demo": "Run the shipped campaigns on the bundled sources and show what comes out."},
    "running.train": {"train": "Train a model on what the registry holds."},
    "asking.funnel": {"funnel": "Show how many candidates reach and pass each gate of a campaign."},
    "asking.why": {"why": "Say why a candidate was promoted, rejected, or waits."},
    "asking.predict": {"predict": "Predict the structures of a formula from the registry's templates."},
    "asking.query": {"query": "Ask the registry, in OPTIMADE's filter language and with plain options."},
    "asking.show": {"show": "Show one document, its gates, and where it comes from."},
    "asking.next": {"next": "Show which candidates are worth a calculation, the best first."},
    "sharing.export": {"export": "Write structures as CIF or POSCAR, VASP input, documents as JSON lines or CSV."},
    "sharing.report": {"report": "Draw phase and Pourbaix diagrams, report on campaigns, routes and models."},
    "filling.ions": {"ions": "Save the Materials Project's aqueous ions as a file for Pourbaix diagrams."},
    "sharing.serve": {"serve": "Serve the registry over HTTP: pages, OPTIMADE, JSON; to read only."},
    "sharing.open": {"open": "Open the page of a document in a browser, as `exfolio serve` shows it."},
    "sharing.release": {"release": "Freeze the registry into files to cite; list, compare, verify them."},
    "asking.diff": {"diff": "Show what has changed since a run or a date."},
    "running.status": {"status": "Show what the registry holds, what is due, and what went wrong."},
    "running.schedule": {"schedule": "Refresh sources and campaigns on a schedule, until stopped."},
    "running.retry": {"retry": "Make failed items due again."},
}

EXIT_CODES: Final = (
    "Exit status: 0 all done, 1 some items failed, 2 bad usage or configuration, "
    "3 could not run (server away, job already running), 130 interrupted."
)


def main() -> None:
    """Run the command line and leave with its exit code."""
    signal.signal(signal.SIGTERM, _as_ctrl_c)
    may_end_this_process()
    _keep_quiet_about_semaphores()
    if completion.VARIABLE in os.environ:
        completion.answer(lambda words: typer.main.get_command(build(words))(args=[], prog_name="exfolio"))
        return
    code = run(sys.argv[1:])
    if code == INTERRUPTED:  # at once: what libraries tidy up as they end takes them seconds
        end_workers()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)


def _keep_quiet_about_semaphores() -> None:
    # A command that is stopped leaves those of its workers to Python's tracker, which takes them away - and says so,
    # after the closing line.
    quiet = "ignore::UserWarning:multiprocessing.resource_tracker"
    os.environ["PYTHONWARNINGS"] = ",".join(filter(None, (os.environ.get("PYTHONWARNINGS"), quiet)))


def run(arguments: Sequence[str]) -> int:
    """Run one command line and give its exit code; prints errors to stderr.

    Parameters
    ----------
    arguments
        Without the program's name.
    """
    try:
        typer.main.get_command(build(arguments))(args=list(arguments), prog_name="exfolio")
    except SystemExit as leaving:
        return leaving.code if isinstance(leaving.code, int) else int(leaving.code is not None)
    except ExfolioError as error:
        print_error(error)
        return error.exit_code
    except PyMongoError as error:  # one that no command expected: the server went away while it ran, most often
        explained = explain(error)
        print_error(explained)
        some_failed = explained.exit_code == ExfolioError.exit_code  # which would say that the others were done
        return CannotRunError.exit_code if some_failed else explained.exit_code
    except KeyboardInterrupt as stopped:  # before there was a command to run
        return _interrupted(stopped)
    except Exception:  # noqa: BLE001  status 1 would say that only some items failed
        traceback.print_exc()
        err.print("This is a defect of exfolio: please report it with the lines above.")
        return CannotRunError.exit_code
    return 0


class _Commands(TyperGroup):
    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as stopped:  # click would say no more than that it was aborted
            raise typer.Exit(_interrupted(stopped)) from None


def _interrupted(stopped: KeyboardInterrupt) -> int:
    err.print(str(stopped) or "Interrupted.", markup=False, soft_wrap=True)
    return INTERRUPTED


def _as_ctrl_c(_number: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


def build(arguments: Sequence[str] | None = None) -> typer.Typer:
    """Put the app together.

    Parameters
    ----------
    arguments
        Modules whose commands are not among these are left out but for their line of help; None takes all in.
    """
    app = typer.Typer(
        name="exfolio",
        cls=_Commands,
        help=f"A database of known materials and a registry of candidates. {EXIT_CODES}",
        no_args_is_help=True,
        add_completion=True,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_options_of_every_command)
    for module, commands in COMMANDS.items():
        alone, groups = len(app.registered_commands), len(app.registered_groups)
        if arguments is None or not commands.keys().isdisjoint(arguments):
            import_module(f".commands.{module}", __package__).register(app)
        else:
            for name, text in commands.items():
                app.command(name, help=text)(_not_imported)
        panel = PANELS[module.partition(".")[0]]
        for command in app.registered_commands[alone:]:
            command.rich_help_panel = panel
        for group in app.registered_groups[groups:]:
            group.rich_help_panel = panel
    return app


def _not_imported() -> None:
    raise AssertionError("a command that was called has not been imported")


def _show_version(*, wanted: bool) -> None:
    if wanted:
        write_line(f"exfolio {__version__}")
        raise typer.Exit


def _options_of_every_command(
    config: Annotated[
        Path | None, typer.Option(help=f"Settings file, in place of {CONFIG_VARIABLE}.", show_default=False)
    ] = None,
    *,
    version: Annotated[  # noqa: ARG001
        bool, typer.Option("--version", help="Show the version and leave.", callback=_show_version, is_eager=True)
    ] = False,
) -> None:
    if config is not None:  # worker processes of the command inherit it
        os.environ[CONFIG_VARIABLE] = str(config.absolute())
