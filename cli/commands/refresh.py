"""``exfolio refresh`` and ``exfolio run``: bring the registry up to date, all of it or one stage."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer
from rich.markup import escape

from ...builders.candidates.known import known_campaigns, load_campaigns
from ...builders.engine.runner import run_stage
from ...builders.engine.stage import Stage
from ...builders.materials.template_library_stage import TemplateStage
from ...builders.refresh import RefreshReport, known_sources, refresh, stages_of
from ...stores.bookkeeping.runs import StageReport
from ...stores.connection import Connection, connect
from ...stores.errors import ConfigurationError
from ..display.console import JsonOption, begin, err, print_json
from ..display.progress import stage_progress, summary

ProcessesOption = Annotated[
    int | None, typer.Option("-n", "--processes", min=1, help="Worker processes of heavy stages.")
]


def register(app: typer.Typer) -> None:
    """Add ``refresh`` and ``run`` to the app."""
    app.command(name="refresh")(refresh_command)
    app.command(name="run")(run_command)


def refresh_command(
    campaigns: Annotated[
        list[str] | None, typer.Argument(help="Shipped campaigns or YAML files; those of earlier refreshes without.")
    ] = None,
    *,
    processes: ProcessesOption = None,
    json: JsonOption = False,
) -> None:
    """Run whatever is due: sources, what follows from them, campaigns. One refresh runs at a time.

    Running it again changes nothing; one that was cut off goes on where it stopped. Exit status 0: all done, 1: some
    items failed (see exfolio status), 3: could not run.

    Examples
    --------
      exfolio refresh two-dimensional

      exfolio refresh my-campaign.yaml -n 4

      exfolio refresh
    """
    settings = begin()
    chosen = load_campaigns(campaigns or [])
    with connect(settings, autostart=True) as connection:
        report = run_refresh(connection, chosen, processes=processes or settings.processes, quiet=json)
        if json:
            print_json(
                {
                    "run_id": report.run_id,
                    "state": report.state,
                    "stages": [asdict(stage) for stage in report.stages],
                    "errors": report.errors,
                }
            )
    if report.exit_code:
        raise typer.Exit(report.exit_code)


def run_refresh(connection: Connection, campaigns: list, *, processes: int, quiet: bool = False) -> RefreshReport:  # type: ignore[type-arg]
    """Refresh with progress, and say what each stage did."""

    def say(done: StageReport) -> None:
        if not quiet:
            err.print(f"  [bold]{done.stage:<28}[/] {summary(done)}  [dim]{done.seconds:.1f} s[/]", soft_wrap=True)
            if done.note:
                err.print(f"  {'':<28} {done.note}", soft_wrap=True)

    with stage_progress(quiet=quiet) as progress:
        report = refresh(connection, campaigns, processes=processes, progress=progress, stage_done=say)
    if not quiet:
        for stage, error in report.errors.items():
            what, _, remedy = error.partition("\n")
            err.print(f"  [bold red]{stage}[/]: {escape(what)}", soft_wrap=True)
            if remedy:
                err.print(f"    {escape(remedy)}", soft_wrap=True)
        failed = sum(stage.failed for stage in report.stages)
        if failed:
            err.print(f"{failed:,} items failed and will be tried again: exfolio query failures", soft_wrap=True)
    return report


def run_command(
    stage: Annotated[str, typer.Argument(help="Name of the stage, e.g. layers, or judge:two-dimensional.")],
    *,
    campaign: Annotated[
        str | None, typer.Option(help="Campaign whose settings the stage takes; the refreshed ones without.")
    ] = None,
    processes: ProcessesOption = None,
    json: JsonOption = False,
) -> None:
    """Run one stage on what is due for it.

    Example: exfolio run layers -n 2
    """
    settings = begin()
    chosen = load_campaigns([campaign] if campaign else [])
    with connect(settings, autostart=True) as connection:
        wanted = _stage(connection, stage, chosen)
        with stage_progress(quiet=json) as progress:
            report = run_stage(wanted, connection, processes=processes or settings.processes, progress=progress)
        if json:
            print_json(asdict(report))
        else:
            err.print(f"{report.stage}: {summary(report)} ({report.seconds:.1f} s)", soft_wrap=True)
    if report.failed:
        raise typer.Exit(1)


def _stage(connection: Connection, name: str, campaigns: list) -> Stage:  # type: ignore[type-arg]
    campaigns = campaigns or known_campaigns(connection) or load_campaigns(["two-dimensional"])
    stages: list[Stage] = [TemplateStage()]  # whatever the campaigns' routes: single formulas are predicted from it too
    stages += [*known_sources(connection), *(stage for one in campaigns for stage in stages_of(one))]
    found = {stage.name: stage for stage in stages}
    if name not in found:
        raise ConfigurationError(f"no stage is called {name!r}", f"There are: {', '.join(found)}.")
    return found[name]
