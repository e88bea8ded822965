"""``exfolio export jobflow``: the calculations that candidates wait for, as a project of jobflow-remote."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ....stores.connection import connect
from ....stores.query.search import require_initialised
from ...display.cells import plural
from ...display.console import JsonOption, begin, err, print_json
from .export_vasp import campaign_name, choices_of, limit_and_order, one_of


def export_jobflow(
    filter_: Annotated[
        str,
        typer.Argument(metavar="FILTER", help="Of candidates, as in exfolio query candidates; all when left out."),
    ] = "",
    *,
    campaign: Annotated[str, typer.Option(help="Name of the campaign, or its YAML file.")],
    to: Annotated[Path, typer.Option("--out", metavar="DIR", help="New folder for the project.")],
    functional: Annotated[str, typer.Option(help="For the hull: PBE (with MP's U) or r2SCAN.")] = "PBE",
    van_der_waals: Annotated[
        str, typer.Option("--vdw", help="For exfoliation energies: optB88-vdW or r2SCAN+rVV10.")
    ] = "optB88-vdW",
    first: Annotated[
        str | None, typer.Option(metavar="N", help="So many candidates, those that exfolio next has first.")
    ] = None,
    everything: Annotated[
        bool, typer.Option("--everything", help="Also what is not due yet: behind open gates, and band gaps at once.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Write the calculations that a campaign's candidates wait for as a project of jobflow-remote.

    The folder holds project.yaml (worker and database are yours to set), flow.json, and submit.py, which submits it.
    exfolio ingest jobflow reads states and results back. Each job carries the manifest of exfolio export vasp.

    \b
    Example:
      exfolio export jobflow --campaign two-dimensional --out project --first 20
    """  # noqa: D301 - the backspace tells the help to keep the lines
    from ....builders.calculations.vasp.inputs.due import FIRST, Part, find_due
    from ....builders.calculations.vasp.inputs.flow import require_atomate2
    from ....builders.calculations.vasp.inputs.input_export import orders
    from ....builders.calculations.vasp.inputs.jobflow_project import write_project

    require_atomate2()
    choices = choices_of(functional, van_der_waals, 20.0, relax_in_plane=True)
    limit, order = limit_and_order(None, first)
    part = Part(filter=filter_, limit=limit, first=one_of(order or FIRST[0], FIRST, "--first"))
    with connect(begin()) as connection:
        require_initialised(connection)
        name = campaign_name(connection, campaign)
        due = find_due(connection, name, everything=everything, part=part)
        jobs = write_project(orders(connection, due, choices), name, to, choices)
    if json:
        print_json({"campaign": name, "out": str(to), "jobs": jobs})
    else:
        err.print(f"{plural(jobs, 'jobs')} in {to}; set worker and database in project.yaml", soft_wrap=True)
