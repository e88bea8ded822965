"""``exfolio report campaign``: a page on a campaign, with its figures and data."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ....stores.connection import connect
from ....stores.errors import ConfigurationError
from ... import completion
from ...display.console import JsonOption, begin, out, print_json


def campaign(
    name: Annotated[
        str, typer.Argument(help="Name of a campaign that was refreshed.", autocompletion=completion.campaigns)
    ],
    *,
    to: Annotated[Path, typer.Option("--out", metavar="FOLDER", help="Where the page and its files go.")],
    force: Annotated[bool, typer.Option("--force", help="Replace a report that is there already.")] = False,
    json: JsonOption = False,
) -> None:
    """Write a page on a campaign: funnel, shortlist with pictures, diagrams, what waits, models, citations.

    The page needs nothing beside it; figures go beside it as SVG and PNG, candidates as Parquet and CSV, citations as
    BibTeX.

    Example: exfolio report campaign two-dimensional --out report
    """
    if (to / "report.html").exists() and not force:
        raise ConfigurationError(f"{to / 'report.html'} is there already", "Choose another folder, or --force.")
    from ....builders.reports.campaign.page import write_report  # matplotlib and pyarrow

    with connect(begin()) as connection:
        try:
            written = write_report(connection, name, to)
        except OSError as error:
            raise ConfigurationError(f"{to} can't be written: {error.strerror or error}") from error
    if json:
        print_json({"files": [str(path) for path in written]})
    else:
        out.print(f"{written[0]}, and {len(written) - 1} files beside it", markup=False, soft_wrap=True)
