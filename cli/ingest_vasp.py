"""``exfolio ingest vasp DIR…``: brings VASP results into the registry."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Final

import typer

from ..builders.running import run_stage
from ..stores.connection import connect
from ..stores.errors import ConfigurationError
from ..stores.settings import Settings
from .console import out, print_json
from .progress import say_ingested, stage_progress

KIND: Final = "vasp"


def directories_of(paths: Sequence[Path] | None, kind: str | None) -> list[Path] | None:
    """Give the folders of VASP results that a command line names, or None where it is about another kind."""
    given = list(paths or [])
    word = kind is None and bool(given) and str(given[0]) == KIND and (len(given) > 1 or not given[0].exists())
    if word:
        given = given[1:]
    elif kind != KIND:
        return None
    if not given:
        raise ConfigurationError("no folder of VASP results is given", "Example: exfolio ingest vasp runs/")
    return given


def ingest_vasp(
    settings: Settings, directories: Sequence[Path], *, processes: int | None, dry_run: bool, json: bool
) -> None:
    """Ingest every calculation below the folders, or with `dry_run` say what would be read."""
    # emmet and pymatgen take seconds to import, which other kinds need not wait for.
    from ..builders.vasp.crawl import Run, crawl
    from ..builders.vasp_stage import VaspStage

    if dry_run:
        found = list(crawl(directories))
        runs = [one for one in found if isinstance(one, Run)]
        troubles = [asdict(one) for one in found if not isinstance(one, Run)]
        if json:
            print_json({"dry_run": True, "calculations": [run.place for run in runs], "quarantine": troubles})
            return
        out.print(f"would look at {len(runs):,} calculations")
        out.print(f"would put {len(troubles):,} folders and links into quarantine")
        for trouble in troubles:
            out.print(f"  {trouble['path']}: {trouble['reason']}", markup=False, soft_wrap=True)
        return
    stage = VaspStage([str(directory) for directory in directories])
    with connect(settings, autostart=True) as connection, stage_progress(quiet=json) as progress:
        report = run_stage(stage, connection, processes=processes or settings.processes, progress=progress)
    if json:
        print_json(asdict(report))
    else:
        say_ingested("VASP", report)
    if report.failed:
        raise typer.Exit(1)
