"""Opens the Dask cluster that a command or a setting names: one that runs, or jobs of a queueing system.

Needs the extra `dask`, which is imported only here and only when a cluster is asked for.
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Final

from ....stores.errors import CannotRunError, ConfigurationError
from ....stores.settings_tables.dask import QUEUES, DaskSettings
from .dask_workers import DaskWorkers

_CONNECT_SECONDS: Final = 15
_CLUSTERS: Final = {"slurm": "SLURMCluster", "pbs": "PBSCluster", "lsf": "LSFCluster"}
_SUBMIT: Final = {"slurm": "sbatch", "pbs": "qsub", "lsf": "bsub"}


@contextmanager
def opened(settings: DaskSettings) -> Iterator[DaskWorkers | None]:
    """Open the cluster of the settings, and close what was opened; None where they name none.

    Raises
    ------
    ConfigurationError
        The extra is not installed, or there is no such queueing system here.
    CannotRunError
        No scheduler answers, or it is of a Dask that this one can't talk to.
    """
    if settings.cluster is None:
        yield None
        return
    _require("distributed")
    distributed = import_module("distributed")
    for name in ("distributed", "distributed.core", "distributed.client", "distributed.scheduler"):
        logging.getLogger(name).setLevel(logging.CRITICAL)  # what matters of it is said by the workers' watch
    with ExitStack() as stack:
        where: Any = settings.cluster
        if settings.cluster in QUEUES:
            where = stack.enter_context(_started(settings))
        try:
            client = stack.enter_context(
                distributed.Client(where, timeout=_CONNECT_SECONDS, set_as_default=False, name="exfolio")
            )
        except (OSError, TimeoutError, ValueError, RuntimeError, ImportError) as error:
            raise CannotRunError(
                f"no Dask scheduler answers at {settings.cluster} ({type(error).__name__})",
                "Start one there (dask scheduler), or leave out --dask.",
            ) from error
        yield DaskWorkers(client, wait_seconds=settings.wait_seconds)


def job_options(settings: DaskSettings) -> dict[str, Any]:
    """Arguments of a cluster of dask-jobqueue: one job of it, as the settings describe it."""
    options: dict[str, Any] = {
        "cores": settings.cores,
        "processes": settings.processes or settings.cores,  # one thread each: libraries of the science like it so
        "memory": settings.memory,
        "walltime": settings.walltime,
        "queue": settings.queue,
        ("project" if settings.cluster == "lsf" else "account"): settings.account,
        "interface": settings.interface,
        "python": settings.python,
        "log_directory": settings.log_folder,
        "job_extra_directives": list(settings.directives),
        "job_script_prologue": list(settings.prologue),
        "job_name": "exfolio",
    }
    return {name: value for name, value in options.items() if value is not None}


@contextmanager
def _started(settings: DaskSettings) -> Iterator[Any]:
    _require("dask_jobqueue")
    kind = str(settings.cluster)
    if shutil.which(_SUBMIT[kind]) is None:
        raise ConfigurationError(
            f"there is no {_SUBMIT[kind]} on this machine, so it starts no jobs of {kind}",
            "Run this on a node that submits jobs, or name a scheduler: --dask tcp://host:8786.",
        )
    make = getattr(import_module("dask_jobqueue"), _CLUSTERS[kind])
    try:
        cluster = make(**job_options(settings), scheduler_options={"dashboard_address": ":0", "allowed_failures": 1})
    except (OSError, ValueError, RuntimeError) as error:
        what = f"a cluster of {kind} can't be started: {error}"
        raise ConfigurationError(what, "See the settings dask.*.") from error
    with cluster:
        cluster.adapt(minimum_jobs=settings.jobs, maximum_jobs=settings.jobs)  # a job that ends is asked for again
        yield cluster


def _require(module: str) -> None:
    if find_spec(module) is None:
        raise ConfigurationError(f"{module} is not installed", "pip install exfolio[dask], here and for the workers.")
