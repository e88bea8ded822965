"""Workers of a Dask cluster on this machine: they die, freeze, are of another version, and the content is as by one."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import exfolio
import pytest
from contents import current, differences, empty
from exfolio.builders.engine.execution import clusters
from exfolio.builders.engine.execution.runner import run_stage
from exfolio.builders.engine.execution.workers import DIED
from exfolio.builders.engine.stage import Stage
from exfolio.stores.connection import Connection
from exfolio.stores.settings_tables.dask import DaskSettings
from toy_stages import Doubler, Looker, Summer, put_materials

SUPPORT = Path(__file__).parents[3] / "support"


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """Give a scheduler with two workers, each a process."""
    distributed = pytest.importorskip("distributed")
    options = {"threads_per_worker": 1, "dashboard_address": ":0", "silence_logs": 50}
    # On a busy machine a worker that was killed is not back within the 15 s after which it would be given up.
    settings = {"distributed.scheduler.allowed-failures": 0, "distributed.deploy.lost-worker-timeout": "300 s"}
    with (
        distributed.dask.config.set(settings),
        distributed.LocalCluster(n_workers=2, **options) as local,
    ):
        yield local


@pytest.fixture
def dask(cluster: Any) -> Iterator[clusters.DaskWorkers]:
    with clusters.opened(DaskSettings(cluster=cluster.scheduler_address, wait_seconds=120)) as workers:
        assert workers is not None
        workers.client.wait_for_workers(2, timeout=120)  # those of the test before may be starting again
        yield workers


def materials(count: int, **extra: object) -> list[dict[str, object]]:
    given = {"extra": extra} if extra else {}
    formulas = "ABCD" * count
    return [
        {"material_id": f"test:{i:03}", "nsites": i + 1, "formula_reduced": formulas[i], **given} for i in range(count)
    ]


def worker_pids(cluster: Any) -> list[int]:
    return [nanny.pid for nanny in cluster.workers.values()]


@pytest.mark.endurance
def test_the_same_content_as_without(registry: Connection, dask: clusters.DaskWorkers) -> None:
    def made(**where: Any) -> Any:
        put_materials(registry, materials(60))
        stages: list[Stage] = [Doubler(copies=2), Summer(), Looker()]
        reports = [run_stage(stage, registry, batch_size=7, **where) for stage in stages]
        content = current(registry)
        empty(registry)
        return content, [(report.inserted, report.failed) for report in reports]

    alone, counted_alone = made()
    together, counted = made(workforce=dask)

    assert len(together["structures"]) == 180
    assert differences(alone, together) == []
    assert counted == counted_alone


@pytest.mark.endurance
def test_a_worker_is_killed_and_another_freezes(registry: Connection, cluster: Any, dask: clusters.DaskWorkers) -> None:
    put_materials(registry, materials(40, sleep=0.1))
    victims = worker_pids(cluster)
    seen: list[int] = []

    def disturb(*_: object) -> None:
        seen.append(1)
        if len(seen) == 2:
            os.kill(victims[0], signal.SIGKILL)
        if len(seen) == 5:
            os.kill(victims[1], signal.SIGSTOP)

    try:
        report = run_stage(Doubler(), registry, batch_size=4, workforce=dask, progress=disturb)
    finally:
        os.kill(victims[1], signal.SIGCONT)

    assert len(seen) >= 10
    assert (report.inserted, report.failed) == (40, 0)
    assert registry.database["structures"].count_documents({}) == 40
    assert run_stage(Doubler(), registry).due == 0


@pytest.mark.endurance
def test_an_item_that_kills_its_worker_costs_only_itself(registry: Connection, dask: clusters.DaskWorkers) -> None:
    put_materials(registry, materials(8))
    put_materials(registry, [{"material_id": "test:003", "extra": {"die": True}}])

    report = run_stage(Doubler(), registry, batch_size=8, workforce=dask)

    assert (report.inserted, report.failed) == (7, 1)
    failure = registry.database["failures"].find_one()
    assert (failure["item"], failure["last_error"]) == ("test:003", DIED)


@pytest.fixture
def other_version(tmp_path: Path, cluster: Any) -> Iterator[str]:
    """Give the address of a worker on which another version of exfolio is installed."""
    package = tmp_path / "exfolio"
    package.mkdir()
    ours = Path(exfolio.__file__).parent
    for part in ("builders", "models", "stores"):
        (package / part).symlink_to(ours / part)
    text = (ours / "__init__.py").read_text()
    (package / "__init__.py").write_text(text.replace(f'"{exfolio.__version__}"', '"0.0.9"'))
    command = [sys.executable, "-m", "distributed.cli.dask_worker", cluster.scheduler_address, "--no-nanny"]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join((str(tmp_path), str(SUPPORT)))}
    options = ["--nthreads", "1", "--no-dashboard", "--local-directory", str(tmp_path)]
    before = set(cluster.scheduler_info["workers"])
    with subprocess.Popen([*command, *options], env=environment, stderr=subprocess.DEVNULL) as process:
        deadline = time.monotonic() + 60
        while not (new := set(cluster.scheduler_info["workers"]) - before):
            assert time.monotonic() < deadline
            time.sleep(0.1)
        yield new.pop()
        process.kill()


@pytest.mark.endurance
def test_a_worker_of_another_version_gets_no_work(
    registry: Connection, cluster: Any, dask: clusters.DaskWorkers, other_version: str
) -> None:
    put_materials(registry, materials(30, sleep=0.05))

    report = run_stage(Doubler(), registry, batch_size=5, workforce=dask)

    assert (report.inserted, report.failed) == (30, 0)
    deadline = time.monotonic() + 60
    while not dask.refused and time.monotonic() < deadline:  # it may still be importing what it is asked for
        time.sleep(0.1)
        dask.look()
    assert dask.refused == {other_version: f"exfolio 0.0.9 instead of {exfolio.__version__}"}
