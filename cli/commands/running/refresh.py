"""``exfolio refresh`` and ``exfolio run``: bring the registry up to date, all of it or one stage."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict
from importlib import import_module
from typing import TYPE_CHECKING, Annotated, Any

import typer
from pydantic import ValidationError
from rich.markup import escape
from rich.text import Text

from ....builders.resting_point import is_at_rest
from ....stores.bookkeeping.runs import StageReport
from ....stores.connection import Connection, connect
from ....stores.errors import ConfigurationError
from ....stores.settings import Settings
from ....stores.settings_tables.dask import DaskSettings
from ... import completion
from ...display.cells import plural
from ...display.console import JsonOption, begin, err, out, print_indented, print_json

if TYPE_CHECKING:
    from ....builders.candidates.campaigns.campaign import Campaign
    from ....builders.engine.execution.workers import Workforce
    from ....builders.engine.stage import Stage
    from ....builders.refresh import RefreshReport

ProcessesOption = Annotated[
    int | None, typer.Option("-n", "--processes", min=1, help="Worker processes of heavy stages.")
]
DaskOption = Annotated[
    str | None,
    typer.Option(
        "--dask",
        metavar="ADDRESS|QUEUE",
        help="Compute on a Dask cluster: tcp://host:8786 of its scheduler, or slurm, pbs or lsf to start one.",
    ),
]
_PACKAGE = __package__.rpartition(".cli.")[0]
_UNKNOWN = "something, only a run can tell how much"
_NOTE_COLUMN = 31
_NOTHING = "Nothing is due: the registry is up to date."


def _needed(module: str) -> Any:
    # Imported once something is due: the science takes seconds, and to find nothing to do none of it is needed.
    return import_module(module, _PACKAGE)


def find_campaigns(connection: Connection, names: list[str]) -> list[Campaign]:
    """Campaigns by name or file; none for no names."""
    chosen: list[Campaign] = _needed(".builders.candidates.known").find_campaigns(connection, names) if names else []
    return chosen


def register(app: typer.Typer) -> None:
    """Add ``refresh`` and ``run`` to the app."""
    app.command(name="refresh")(refresh_command)
    app.command(name="run")(run_command)


def refresh_command(
    campaigns: Annotated[
        list[str] | None,
        typer.Argument(
            help="Campaigns, by name, or YAML files; those of earlier refreshes without.",
            autocompletion=completion.campaigns,
        ),
    ] = None,
    *,
    processes: ProcessesOption = None,
    dask: DaskOption = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what is due, how much, and how long.")] = False,
    json: JsonOption = False,
) -> None:
    """Run whatever is due: sources, what follows from them, campaigns. One refresh runs at a time.

    Running it again changes nothing; one that was cut off goes on where it stopped. Exit status 0: all done, 1: some
    items failed or went into quarantine (see exfolio status), 3: could not run.

    Examples
    --------
      exfolio refresh two-dimensional

      exfolio refresh my-campaign.yaml -n 4

      exfolio refresh --dask tcp://head:8786

      exfolio refresh --dry-run

      exfolio refresh
    """
    settings = begin()
    with connect(settings, autostart=True) as connection:
        chosen = find_campaigns(connection, campaigns or [])
        if dry_run:
            _show_due(connection, chosen, json=json)
            return
        report = run_refresh(
            connection, chosen, processes=processes or settings.processes, quiet=json, dask=cluster_of(settings, dask)
        )
        if json:
            print_json(
                {
                    "run_id": report.run_id if report else None,
                    "state": report.state if report else "succeeded",
                    "stages": [asdict(stage) for stage in report.stages] if report else [],
                    "errors": report.errors if report else {},
                }
            )
    if report is not None and report.exit_code:
        raise typer.Exit(report.exit_code)


def run_refresh(
    connection: Connection,
    campaigns: list[Campaign],
    *,
    processes: int,
    quiet: bool = False,
    dask: DaskSettings | None = None,
) -> RefreshReport | None:
    """Refresh with progress, and say what each stage did; None where the registry is at rest."""
    if is_at_rest(connection, campaigns):
        if not quiet:
            err.print(_NOTHING, soft_wrap=True)
        return None
    progress_of = _needed(".cli.display.progress")

    def say(done: StageReport) -> None:
        if not quiet:
            said = progress_of.summary(done)
            err.print(f"  [bold]{done.stage:<28}[/] {said}  [dim]{done.seconds:.1f} s[/]", soft_wrap=True)
            if done.note:
                print_indented(err, Text(done.note), by=_NOTE_COLUMN)

    with workforce_of(dask) as workforce, progress_of.stage_progress(quiet=quiet) as progress:
        report: RefreshReport = _needed(".builders.refresh").refresh(
            connection, campaigns, processes=processes, workforce=workforce, progress=progress, stage_done=say
        )
    if quiet:
        return report
    if report.nothing_done:
        err.print(_NOTHING, soft_wrap=True)
    for stage, error in report.errors.items():
        what, _, remedy = error.partition("\n")
        err.print(f"  [bold red]{stage}[/]: {escape(what)}", soft_wrap=True)
        if remedy:
            err.print(f"    {escape(remedy)}", soft_wrap=True)
    failed = sum(stage.failed for stage in report.stages)
    if failed:
        err.print(f"{failed:,} items failed and will be tried again: exfolio query failures", soft_wrap=True)
    if quarantined := sum(stage.quarantined for stage in report.stages):
        err.print(f"{quarantined:,} pieces of input are in quarantine: exfolio query quarantine", soft_wrap=True)
    return report


def cluster_of(settings: Settings, named: str | None) -> DaskSettings:
    """Settings of the Dask cluster, with the one that a command names.

    Raises
    ------
    BadParameter
        It names no cluster.
    """
    if named is None:
        return settings.dask
    try:
        return DaskSettings.model_validate({**settings.dask.model_dump(), "cluster": named})
    except ValidationError as error:
        raise typer.BadParameter(error.errors()[0]["msg"].removeprefix("Value error, "), param_hint="--dask") from None


def workforce_of(dask: DaskSettings | None) -> AbstractContextManager[Workforce | None]:
    """Open the cluster that the settings name; None where they name none."""
    if dask is None or dask.cluster is None:
        return nullcontext()
    opened: AbstractContextManager[Workforce | None] = _needed(".builders.engine.execution.clusters").opened(dask)
    return opened


def _show_due(connection: Connection, campaigns: list[Campaign], *, json: bool) -> None:
    due = []
    if not is_at_rest(connection, campaigns):
        due = _needed(".builders.dry_run").what_is_due(connection, campaigns)
    if json:
        print_json([asdict(stage) for stage in due])
        return
    if not due:
        out.print(_NOTHING, soft_wrap=True)
        return
    out.print("[bold]Due now[/] (what these write may make others due)")
    for stage in due:
        items = _UNKNOWN if stage.items is None else plural(stage.items, "items")
        if stage.items is None and stage.stage.startswith("ingest:"):
            items = "looks at its files, or asks its service"
        seconds = "" if stage.seconds is None else f"  [dim]about {_duration(stage.seconds)}, by its last run[/]"
        out.print(f"  [bold]{stage.stage:<28}[/] {items}{seconds}", soft_wrap=True)
    known = [stage.seconds for stage in due if stage.seconds is not None]
    if known:
        others = len(due) - len(known)
        rest = f", and {plural(others, 'stages')} that never had anything to do yet" if others else ""
        out.print(f"About {_duration(sum(known))} in all{rest}.", soft_wrap=True)


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def run_command(
    stage: Annotated[
        str,
        typer.Argument(
            help="Name of the stage, e.g. layers, or judge:two-dimensional.", autocompletion=completion.stages
        ),
    ],
    *,
    campaign: Annotated[
        str | None,
        typer.Option(
            help="Campaign whose settings the stage takes; the refreshed ones without.",
            autocompletion=completion.campaigns,
        ),
    ] = None,
    processes: ProcessesOption = None,
    dask: DaskOption = None,
    json: JsonOption = False,
) -> None:
    """Run one stage on what is due for it.

    Example: exfolio run layers -n 2
    """
    settings = begin()
    progress_of = _needed(".cli.display.progress")
    with connect(settings, autostart=True) as connection:
        chosen = find_campaigns(connection, [campaign] if campaign else [])
        wanted = stage_called(connection, stage, chosen)
        cluster = workforce_of(cluster_of(settings, dask))
        with cluster as workforce, progress_of.stage_progress(quiet=json) as progress:
            report = _needed(".builders.engine.execution.runner").run_stage(
                wanted,
                connection,
                processes=processes or settings.processes,
                workforce=workforce,
                progress=progress,
            )
        if json:
            print_json(asdict(report))
        else:
            err.print(f"{report.stage}: {progress_of.summary(report)} ({report.seconds:.1f} s)", soft_wrap=True)
    if report.incomplete:
        raise typer.Exit(1)


def stage_called(connection: Connection, name: str, campaigns: list[Campaign]) -> Stage:
    """Stage of that name, with the settings of the campaigns.

    Raises
    ------
    ConfigurationError
        There is none.
    """
    known = _needed(".builders.candidates.known")
    campaigns = campaigns or known.known_campaigns(connection) or known.load_campaigns(["two-dimensional"])
    by_name: dict[str, Stage] = {}
    for claim in (False, True):  # a name that there is not claims no settings for a campaign
        circles = _needed(".builders.refresh").planned_stages(connection, campaigns, claim=claim)
        stages: list[Stage] = [stage for circle in circles for stage in circle]
        # Whatever the campaigns' routes: single formulas are predicted from the templates too.
        stages.append(_needed(".builders.materials.template_library_stage").TemplateStage())
        by_name = {stage.name: stage for stage in stages}
        if name not in by_name:
            raise ConfigurationError(f"no stage is called {name!r}", f"There are: {', '.join(by_name)}.")
    return by_name[name]
