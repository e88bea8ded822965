"""Workers of a stage: however many batches pass through them, they take no more of the machine than at first."""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass

import psutil
import pytest
from exfolio.builders.engine.execution.runner import run_stage
from exfolio.builders.engine.stage import Stage
from exfolio.stores.connection import Connection
from exfolio.stores.server import embedded
from toy_stages import Doubler, Looker, put_materials

BATCHES = 1000
SPARE = 4
"""Threads, files and connections more or less: a heartbeat that comes and goes, a socket on its way out."""


@dataclass(frozen=True)
class Taken:
    """What processes hold of the machine."""

    processes: int
    threads: int
    files: int
    connections: int


@pytest.fixture
def taken(mongo_server: embedded.Server) -> Callable[[], Taken]:
    """Count what this process and the workers it has begun hold, sockets to the server among it."""
    this = psutil.Process()
    before = {process.pid for process in this.children(recursive=True)}

    def count() -> Taken:
        ours = [this, *(process for process in this.children(recursive=True) if process.pid not in before)]
        sockets = [socket for process in ours for socket in process.net_connections("tcp")]
        return Taken(
            processes=len(ours),
            threads=sum(process.num_threads() for process in ours),
            files=sum(process.num_fds() for process in ours),
            connections=sum(bool(socket.raddr) and socket.raddr.port == mongo_server.port for socket in sockets),
        )

    return count


@pytest.mark.parametrize("stage", [Looker(), Looker(model=3)], ids=["finds its model", "is told its model"])
def test_what_workers_hold_does_not_grow_with_the_batches(
    registry: Connection, taken: Callable[[], Taken], stage: Looker, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("home", "mongod"):  # for workers that would connect
        monkeypatch.setenv(f"EXFOLIO_{name.upper()}", str(getattr(registry.settings, name)))
    monkeypatch.setenv("EXFOLIO_DATABASE", registry.name)
    put_materials(registry, [{"material_id": f"test:{i}", "nsites": i % 50 + 1} for i in range(BATCHES)])
    seen: list[Taken] = []
    written = 0

    def look(*_: object) -> None:
        nonlocal written
        written += 1
        if written % 100 == 0 and written < BATCHES:  # after the last one the workers are on their way out
            seen.append(taken())

    report = run_stage(stage, registry, processes=2, batch_size=1, progress=look)

    assert (report.inserted, report.failed, written) == (BATCHES, 0, BATCHES)
    assert seen[0].processes >= 3, "this one and its workers"
    for later in seen[1:]:
        assert later.processes == seen[0].processes
        assert later.threads <= seen[0].threads + SPARE
        assert later.files <= seen[0].files + SPARE
        assert later.connections <= seen[0].connections + SPARE


def test_any_executor_will_do(registry: Connection) -> None:
    """Threads in place of processes; engines of many machines have the same interface."""
    put_materials(registry, [{"material_id": f"test:{i}", "nsites": i + 1} for i in range(40)])
    begun: list[int] = []

    def threads(workers: int, begin: Callable[[bytes], None], payload: bytes) -> Executor:
        begun.append(workers)
        return ThreadPoolExecutor(workers, initializer=begin, initargs=(payload,))

    def made(stages: Iterator[Stage], **options: object) -> dict[str, int]:
        for stage in stages:
            run_stage(stage, registry, batch_size=7, **options)  # type: ignore[arg-type]
        sites = {doc["structure_id"]: doc["nsites"] for doc in registry.database["structures"].find()}
        registry.database["structures"].delete_many({})
        registry.database["stage_states"].delete_many({})
        return sites

    by_processes = made(iter([Doubler(copies=2), Looker()]), processes=2)
    by_threads = made(iter([Doubler(copies=2), Looker()]), processes=3, make_executor=threads)

    assert begun == [3, 3]
    assert len(by_threads) == 120
    assert by_threads == by_processes == made(iter([Doubler(copies=2), Looker()]))
    assert os.environ["OMP_NUM_THREADS"] == "1"
