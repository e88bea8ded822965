"""``exfolio ions``: the Materials Project's aqueous ions as a file."""

from __future__ import annotations

import json as json_
from pathlib import Path
from typing import Annotated

import typer

from ....builders.exports.whole_file import whole_file
from ....builders.sources.services.ion_reference import download_ions
from ....stores.errors import ConfigurationError
from ...display.console import JsonOption, begin, err, print_json


def register(app: typer.Typer) -> None:
    """Add the command ``ions`` to the app."""
    app.command()(ions)


def ions(
    file: Annotated[Path, typer.Argument(help="Where to write them, as JSON.")],
    *,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there already.")] = False,
    json: JsonOption = False,
) -> None:
    """Save the aqueous ions of the Materials Project as a file that Pourbaix diagrams can be drawn with.

    Needs a key of the Materials Project (EXFOLIO_MP_API_KEY). Without such a file the bundled ions are used.

    \b
    Examples:
      exfolio ions ions.json
      exfolio report pourbaix Mg-Mn-O --ions ions.json
    """  # noqa: D301 - the backspace tells the help to keep the lines
    if file.exists() and not force:  # before anything is asked
        raise ConfigurationError(f"{file} is there already", "Choose another name, or replace it with --force.")
    records = download_ions(begin())
    with whole_file(file, force=force) as stream:
        stream.write(json_.dumps(records, ensure_ascii=False, indent=1) + "\n")
    if json:
        print_json({"file": str(file), "ions": len(records)})
    else:
        err.print(f"{len(records):,} ions in {file}; give it to a campaign's gate or to --ions", soft_wrap=True)
