"""``exfolio work``: what is due as files, for clusters that can reach nothing; computed there, brought back here."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ....stores.connection import Connection, connect
from ....stores.errors import ConfigurationError
from ... import completion
from ...display.cells import plural
from ...display.console import JsonOption, begin, err, print_json
from .refresh import ProcessesOption, find_campaigns, stage_called

if TYPE_CHECKING:
    from ....builders.engine.stage import Stage
    from ....builders.engine.work.importing import Imported

app = typer.Typer(no_args_is_help=True, help="Work units as files, for clusters that can reach nothing.")
FolderArgument = Annotated[Path, typer.Argument(metavar="DIR", help="Folder of `exfolio work export`.")]
CampaignOption = Annotated[
    str | None,
    typer.Option(
        help="Campaign whose settings the stage takes; the refreshed ones without.", autocompletion=completion.campaigns
    ),
]


def register(main: typer.Typer) -> None:
    """Add the group ``work``."""
    main.add_typer(app, name="work")


@app.command("export")
def export_command(
    what: Annotated[
        str,
        typer.Argument(
            metavar="STAGE|CAMPAIGN",
            help="A stage, or a campaign: all of its stages that are due and wait for no other one.",
            autocompletion=completion.stages,
        ),
    ],
    *,
    to: Annotated[
        Path, typer.Option("--out", metavar="DIR", help="New folder; of a campaign, one in it for each stage.")
    ],
    campaign: CampaignOption = None,
    items: Annotated[int | None, typer.Option("--items", min=1, help="Items of a unit; as in a run without.")] = None,
    json: JsonOption = False,
) -> None:
    """Write what is due as units of work. The registry stays as it is, and what is written stays due.

    Copy the folder to where it is computed, with `exfolio work run`, and its results back; `exfolio work import` writes
    them. The folder holds what the stage needs of the registry, and no password. Run only folders that you exported.

    \b
    Examples:
      exfolio work export potential-energies --out work
      exfolio work export two-dimensional --out work
    """  # noqa: D301 - the backspace tells the help to keep the lines
    from ....builders.engine.work.exporting import export

    with connect(begin()) as connection:
        chosen = _chosen(connection, what, campaign)
        done = {folder: export(stage, connection, to / folder, batch_size=items) for folder, stage in chosen.items()}
    done = {folder: one for folder, one in done.items() if one.units}  # a counter may be behind where nothing is due
    if not done:
        raise ConfigurationError(f"nothing is due for {what}", "There is no work to export.")
    if json:
        print_json([{"stage": one.stage, "units": one.units, "items": one.items} for one in done.values()])
        return
    for folder, one in done.items():
        said = f"{one.stage}: {plural(one.items, 'items')} in {plural(one.units, 'units')} in {to / folder}"
        err.print(said, soft_wrap=True, markup=False)


@app.command("run")
def run_units(
    folder: FolderArgument,
    *,
    processes: ProcessesOption = None,
    part: Annotated[
        str, typer.Option(metavar="I/N", help="The I-th of N parts of the units, for jobs side by side.")
    ] = "1/1",
    json: JsonOption = False,
) -> None:
    """Compute the units of a folder that have no result yet. Needs no MongoDB and no network.

    One that is stopped goes on where it was. Exit status 1: files of some units are damaged.

    \b
    Examples:
      exfolio work run work -n 16
      exfolio work run work --part $SLURM_ARRAY_TASK_ID/8
    """  # noqa: D301 - the backspace tells the help to keep the lines
    from ....builders.engine.limits import Limits
    from ....builders.engine.work.computing import compute
    from ....builders.engine.work.folder import WorkFolder

    settings = begin()
    done = compute(
        WorkFolder(folder),
        processes=processes or settings.processes,
        limits=Limits.of(settings),
        part=_part(part),
    )
    if json:
        print_json({"units": done.units, "items": done.items, "there": done.there, "refused": done.refused})
    else:
        there = f", {done.there:,} there already" if done.there else ""
        err.print(f"{plural(done.items, 'items')} in {plural(done.units, 'units')} computed{there}", soft_wrap=True)
        _list(done.refused)
    if done.refused:
        raise typer.Exit(1)


@app.command("import")
def import_command(folder: FolderArgument, *, campaign: CampaignOption = None, json: JsonOption = False) -> None:
    """Write the results of a folder into the registry, each once.

    What has no result yet, or has changed since, stays due. Exit status 1: something was refused or is not there yet.

    Example: exfolio work import work
    """
    from ....builders.engine.work.folder import WorkFolder
    from ....builders.engine.work.importing import bring_in

    work = WorkFolder(folder)
    name = work.manifest["stage"]
    with connect(begin()) as connection:
        stage = stage_called(connection, name, find_campaigns(connection, [campaign] if campaign else []))
        done = bring_in(stage, connection, work)
    if json:
        print_json(
            {
                "stage": name,
                "taken": done.taken,
                "written": done.report.written,
                "left": done.left,
                "units_without_result": done.without,
                "refused": done.refused,
            }
        )
    else:
        _say(name, done)
    if done.refused or done.without or done.report.incomplete:
        raise typer.Exit(1)


def _say(name: str, done: Imported) -> None:
    if not (done.taken or done.left):
        err.print(f"{name}: nothing of it is due any more", soft_wrap=True)
    else:
        left = f"; {plural(done.left, 'items')} are left, due still" if done.left else ""
        err.print(f"{name}: {plural(done.taken, 'items')} taken{left}", soft_wrap=True)
    if done.without:
        err.print(f"{plural(len(done.without), 'units')} without a result yet", soft_wrap=True)
    _list(done.refused)


def _list(refused: dict[int, str]) -> None:
    for reason in refused.values():
        err.print(f"refused: {reason}", style="red", soft_wrap=True, markup=False)


def _part(text: str) -> tuple[int, int]:
    told = re.fullmatch(r"(\d{1,6})/(\d{1,6})", text)
    if told is None or not 1 <= int(told[1]) <= int(told[2]):
        raise typer.BadParameter(f"{text!r} is not like 2/8", param_hint="--part")
    return int(told[1]), int(told[2])


def _chosen(connection: Connection, what: str, campaign: str | None) -> dict[str, Stage]:
    """Stages to export, by the folder each gets within the named one."""
    from ....builders.candidates.known import find_campaigns as find
    from ....builders.engine.work.exporting import due_elsewhere
    from ....builders.refresh import planned_stages

    try:
        campaigns = find(connection, [what])
    except ConfigurationError:
        return {"": stage_called(connection, what, find_campaigns(connection, [campaign] if campaign else []))}
    stages = [stage for circle in planned_stages(connection, campaigns, claim=False) for stage in circle]
    free = due_elsewhere(stages, connection)
    if not free:
        what_is_not = f"nothing is due for {what} that can be computed elsewhere"
        raise ConfigurationError(what_is_not, "What is due: exfolio refresh --dry-run")
    return {re.sub(r"[^\w.-]", "_", stage.name): stage.fresh() for stage in free}
