"""The same calculations as a jobflow flow, for who runs them with atomate2, which has to be installed for that.

Structures pass from a relaxation to the runs that follow it; each job carries its manifest, as a folder does.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from .....models.calculation.inputs import NoInput, input_set, inputs
from .....models.calculation.plan import Choices
from .....models.structure.serialization import BadStructure, from_plain
from .....stores.errors import ConfigurationError
from ..crawl import MANIFEST
from .input_export import Order


def as_flow(orders: Iterable[Order], campaign: str, choices: Choices | None = None) -> Any:
    """Make a flow of calculations.

    Parameters
    ----------
    orders
        As `export.orders` gives them: each after those it depends on.
    campaign
        Its name, for the flow's and for the manifests.
    choices
        Functionals, vacuum; the defaults when None.

    Returns
    -------
    jobflow.Flow
        One job a calculation, its name ``<folder>/<calculation>``.

    Raises
    ------
    ConfigurationError
        jobflow or atomate2 is not installed, or there is nothing to calculate.
    """
    require_atomate2()
    choices = choices or Choices()
    base, jobflow = import_module("atomate2.vasp.jobs.base"), import_module("jobflow")
    jobs: dict[str, Any] = {}
    for order in orders:
        structure = from_plain(order.start)
        try:
            settings = input_set(structure, order.step, choices)
            manifest = order.manifest(inputs(structure, order.step, choices), choices, campaign)
        except (NoInput, BadStructure):  # the export of folders names them
            continue
        maker = base.BaseVaspMaker(
            name=order.path,
            input_set_generator=settings,
            # jobflow's stores may not take a dot in a name; atomate2 turns the colon into one.
            write_additional_data={MANIFEST.replace(".", ":"): manifest},
        )
        before = jobs.get(f"{order.folder}/{order.after}") if order.after else None
        job = maker.make(before.output.structure if before else settings.structure)
        job.update_metadata({"exfolio": manifest})
        jobs[order.path] = job
    if not jobs:
        raise ConfigurationError(f"no candidate of {campaign} waits for a calculation", "There is no flow to write.")
    return jobflow.Flow(list(jobs.values()), name=f"exfolio {campaign}")


def write_flow(orders: Iterable[Order], campaign: str, path: Path, choices: Choices | None = None) -> int:
    """Write the flow as JSON, for jobflow to read.

    Parameters
    ----------
    orders, campaign, choices
        As `as_flow` takes them.
    path
        File to make.

    Returns
    -------
    int
        Number of its jobs.

    Raises
    ------
    ConfigurationError
        As `as_flow`; or the file is there already or can't be written.
    """
    flow = as_flow(orders, campaign, choices)
    text = json.dumps(flow.as_dict(), cls=import_module("monty.json").MontyEncoder)
    try:
        with path.open("x", encoding="utf-8") as stream:
            stream.write(text)
    except OSError as error:
        raise ConfigurationError(f"{path} can't be written: {error.strerror}", "Name a new file.") from error
    return len(flow.jobs)


def require_atomate2() -> None:
    """Check that what makes flows is installed.

    Raises
    ------
    ConfigurationError
        It is not.
    """
    missing = [name for name in ("jobflow", "atomate2") if find_spec(name) is None]
    if missing:
        raise ConfigurationError(
            f"a flow needs {' and '.join(missing)}, which {'are' if len(missing) > 1 else 'is'} not installed",
            "pip install exfolio[atomate2], or leave out --flow: the folders can be run without it.",
        )
