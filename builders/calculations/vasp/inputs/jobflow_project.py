"""The same calculations as a project of jobflow-remote, which submits them to a cluster and keeps their states.

jobflow-remote lives in an environment of its own (its version 1.0 wants an older pymongo than exfolio), so nothing of
it is imported here: what is written are its project file, the flow, and the few lines that submit it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from ruamel.yaml import YAML

from .....models.calculation.plan import Choices
from .....stores.errors import ConfigurationError
from .flow import write_flow
from .input_export import Order

FLOW: Final = "flow.json"
PROJECT: Final = "project.yaml"
SUBMIT: Final = "submit.py"
_SUBMIT: Final = '''\
"""Submit the flow to jobflow-remote: run it with the Python of jobflow-remote, once."""

import json
from pathlib import Path

from jobflow_remote import submit_flow
from monty.json import MontyDecoder

flow = MontyDecoder().process_decoded(json.loads((Path(__file__).parent / "{flow}").read_text()))
print(submit_flow(flow, project="{project}", worker="{worker}"))
'''
_WORKER: Final = "cluster"


def write_project(orders: Iterable[Order], campaign: str, to: Path, choices: Choices | None = None) -> int:
    """Write a project into a new folder.

    Parameters
    ----------
    orders, campaign, choices
        As `flow.as_flow` takes them.
    to
        Folder to make.

    Returns
    -------
    int
        Number of jobs.

    Raises
    ------
    ConfigurationError
        As `flow.write_flow`; or there is something in the folder.
    """
    try:
        to.mkdir(parents=True, exist_ok=True)
        if any(to.iterdir()):
            raise ConfigurationError(f"{to} is not empty", "Name a new folder with --out.")
        jobs = write_flow(orders, campaign, to / FLOW, choices)
        name = "exfolio_" + re.sub(r"\W", "_", campaign)
        (to / SUBMIT).write_text(_SUBMIT.format(flow=FLOW, project=name, worker=_WORKER), encoding="utf-8")
        with (to / PROJECT).open("w", encoding="utf-8") as stream:
            YAML(typ="safe", pure=True).dump(_project(name, to.absolute() / "runs"), stream)
    except OSError as error:
        raise ConfigurationError(f"{to} can't be written: {error.strerror}", "Name another folder.") from error
    return jobs


def _project(name: str, runs: Path) -> dict[str, object]:
    """Settings of the project: a worker on this machine and a database, both for a person to change."""
    database = {"type": "MongoStore", "host": "localhost", "port": 27017, "database": name}
    return {
        "name": name,
        "workers": {
            _WORKER: {
                "type": "local",
                "scheduler_type": "shell",
                "work_dir": str(runs),
                "pre_run": "export ATOMATE2_VASP_CMD='vasp_std'",
            }
        },
        "queue": {"store": {**database, "collection_name": "jobs"}},
        "jobstore": {
            "docs_store": {**database, "collection_name": "outputs"},
            "additional_stores": {"data": {**database, "type": "GridFSStore", "collection_name": "outputs_blobs"}},
        },
    }
