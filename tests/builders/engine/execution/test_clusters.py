"""Clusters that settings name: one that does not answer, and jobs as a queueing system gets them."""

import shutil
from typing import Any

import pytest
from exfolio.builders.engine.execution import clusters
from exfolio.builders.engine.execution.clusters import job_options
from exfolio.stores.dask_settings import DaskSettings
from exfolio.stores.errors import CannotRunError, ConfigurationError


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
