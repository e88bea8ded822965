"""``exfolio ingest jobflow``: states of a jobflow-remote project, and the results of what is completed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import typer

from ....stores.connection import connect
from ....stores.errors import ConfigurationError
from ....stores.settings import Settings
from ...display.cells import plural
from ...display.console import err, print_json
from ...display.progress import stage_progress

JOBFLOW = "jobflow"
_SHOWN = 5


def ingest_jobflow(settings: Settings, paths: Sequence[Path], *, processes: int | None, json: bool) -> None:
    """Show the states of a project's jobs, and ingest the folders of completed ones that this machine finds."""
    from ....builders.calculations.vasp.jobflow_states import read_jobs
    from ....builders.calculations.vasp_results_stage import VaspStage
    from ....builders.sources.ingestion import ingest

    if len(paths) != 1:
        raise ConfigurationError("ingest jobflow takes one project", "exfolio ingest jobflow project.yaml")
    [path] = paths
    jobs = read_jobs(path / "project.yaml" if path.is_dir() else path)
    report = None
    if jobs.folders:
        stage = VaspStage([str(folder) for folder in sorted(jobs.folders)])
        with connect(settings, autostart=True) as connection, stage_progress(quiet=json) as progress:
            report = ingest(stage, connection, processes=processes or settings.processes, progress=progress)
    if json:
        print_json(
            {
                "states": jobs.states,
                "failed": jobs.failed,
                "elsewhere": jobs.elsewhere,
                "ingested": asdict(report) if report is not None else None,
            }
        )
    else:
        said = ", ".join(f"{number:,} {state}" for state, number in jobs.states.most_common())
        err.print(said or "no job of exfolio is in the project", soft_wrap=True, markup=False)
        for name, reason in list(jobs.failed.items())[:_SHOWN]:
            err.print(f"failed: {name}: {reason}", style="red", soft_wrap=True, markup=False)
        for worker, folders in jobs.elsewhere.items():
            where = f"results of {plural(len(folders), 'jobs')} lie with worker {worker}, as {folders[0]}"
            said = f"{where}: mount that file system under the same path"
            err.print(said, style="yellow", soft_wrap=True, markup=False)
        if report is not None:
            new = f"{report.inserted:,} new calculations, {report.updated:,} changed"
            err.print(f"{new}, {report.quarantined:,} in quarantine", soft_wrap=True)
    if jobs.failed or jobs.elsewhere or (report is not None and report.incomplete):
        raise typer.Exit(1)
