"""Clusters that settings name: one that does not answer, and jobs as a queueing system gets them."""

import shutil
import time
from types import SimpleNamespace
from typing import Any

import pytest
from exfolio.builders.engine.execution import clusters
from exfolio.builders.engine.execution.clusters import job_options
from exfolio.builders.engine.execution.dask_workers import ClusterLost, DaskWorkers
from exfolio.builders.engine.execution.worker_side import versions
from exfolio.stores.errors import CannotRunError, ConfigurationError
from exfolio.stores.settings_tables.dask import DaskSettings


def test_a_cluster_that_is_not_there_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("distributed")
    monkeypatch.setattr(clusters, "_CONNECT_SECONDS", 0.5)
    nobody = DaskSettings(cluster="tcp://127.0.0.1:1")

    with pytest.raises(CannotRunError, match=r"no Dask .* at tcp://127\.0\.0\.1:1 "), clusters.opened(nobody):
        pass


def test_a_queueing_system_that_is_not_there_is_said() -> None:
    pytest.importorskip("dask_jobqueue")
    assert shutil.which("qsub") is None

    pbs = DaskSettings(cluster="pbs")

    with pytest.raises(ConfigurationError, match="no qsub on this machine"), clusters.opened(pbs):
        pass


@pytest.mark.parametrize(
    ("cluster", "kind", "lines"),
    [
        (
            "slurm",
            "SLURMCluster",
            ["#SBATCH -p fast", "#SBATCH -A chem", "#SBATCH -t 00:30:00", "#SBATCH --gres=gpu:1"],
        ),
        ("pbs", "PBSCluster", ["#PBS -q fast", "#PBS -A chem", "#PBS -l walltime=00:30:00", "#PBS --gres=gpu:1"]),
        ("lsf", "LSFCluster", ["#BSUB -q fast", '#BSUB -P "chem"', "#BSUB -W 00:30:00", "#BSUB --gres=gpu:1"]),
    ],
)
def test_jobs_are_as_the_settings_describe_them(cluster: Any, kind: str, lines: list[str]) -> None:
    jobqueue = pytest.importorskip("dask_jobqueue")
    settings = DaskSettings(
        cluster=cluster,
        cores=4,
        memory="8GB",
        walltime="00:30:00",
        queue="fast",
        account="chem",
        directives=("--gres=gpu:1",),
        prologue=("module load python",),
        python="/opt/python",
    )

    job = getattr(jobqueue, kind).job_cls(scheduler="tcp://head:8786", name="one", **job_options(settings))
    script = job.job_script()

    assert [line for line in lines if line not in script] == []
    assert "module load python" in script
    assert "/opt/python -m distributed.cli.dask_worker tcp://head:8786 --name one --nthreads 1" in script
    assert "--nworkers 4" in script


class Client:
    """Who is there, as a scheduler says it; whoever is asked for versions answers at once."""

    status = "running"
    scheduler = SimpleNamespace(ncores=None)

    def __init__(self, *there: str, **theirs: str) -> None:
        self.there = there
        self.theirs = {**versions(), **theirs}

    def sync(self, *_: Any, **__: Any) -> dict[str, int]:
        return dict.fromkeys(self.there, 1)

    def submit(self, *_: Any, **__: Any) -> Any:
        return SimpleNamespace(done=lambda: True, result=lambda timeout: self.theirs)  # noqa: ARG005


def test_time_in_which_nobody_looked_is_not_time_without_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    client = Client()
    workers = DaskWorkers(client, wait_seconds=100)
    now = time.monotonic()
    after = {"hour": 3600.0, "then": 0.0}
    monkeypatch.setattr(time, "monotonic", lambda: now + after["hour"] + after["then"])

    workers.look()  # an hour of stages that compute here has passed
    for after["then"] in range(99):
        workers.look()
    after["then"] = 98.5
    workers.look()
    after["then"] = 99.5
    with pytest.raises(ClusterLost, match="no worker for 100 s"):
        workers.look()


def test_who_comes_back_under_an_address_is_asked_again() -> None:
    client = Client("tcp://a:1", exfolio="0.0.9")
    workers = DaskWorkers(client, wait_seconds=100)

    workers.look()
    assert (list(workers.refused), workers.usable()) == (["tcp://a:1"], [])
    client.there = ()
    workers.look()
    client.there, client.theirs = ("tcp://a:1",), versions()
    workers.look()

    assert (workers.refused, workers.usable()) == ({}, ["tcp://a:1"])
