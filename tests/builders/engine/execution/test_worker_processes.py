"""Workers of a stage: however many batches pass through them, they take no more of the machine than at first."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psutil
import pytest
import toy_stages
from exfolio.builders.calculations import vasp_results_stage  # noqa: F401  a stage of this process
from exfolio.builders.engine.execution.runner import run_stage
from exfolio.builders.engine.execution.worker_processes import FOR_REFRESH, needed_by_workers
from exfolio.builders.engine.execution.workers import DIED
from exfolio.builders.engine.stage import Stage
from exfolio.stores.connection import Connection
from exfolio.stores.server import embedded
from toy_stages import Doubler, Looker, put_materials

SPARE = 4
"""Threads, files and connections more or less: a heartbeat that comes and goes, a socket on its way out."""
SPARE_MEMORY = 16 << 20
"""Bytes: what allocators of three processes keep back for later, in a thousandth of which a batch would fit."""


@dataclass(frozen=True)
class Taken:
    """What processes hold of the machine."""

    processes: int
    threads: int
    files: int
    connections: int
    memory: int


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
            memory=sum(process.memory_full_info().uss for process in ours),
        )

    return count


@pytest.mark.endurance
@pytest.mark.parametrize(
    ("stage", "batches"), [(Looker(), 2000), (Looker(model=3), 500)], ids=["finds its model", "is told its model"]
)
def test_what_workers_hold_does_not_grow_with_the_batches(
    registry: Connection, taken: Callable[[], Taken], stage: Looker, batches: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("home", "mongod"):  # for workers that would connect
        monkeypatch.setenv(f"EXFOLIO_{name.upper()}", str(getattr(registry.settings, name)))
    monkeypatch.setenv("EXFOLIO_DATABASE", registry.name)
    put_materials(registry, [{"material_id": f"test:{i}", "nsites": i % 50 + 1} for i in range(batches)])
    seen: list[Taken] = []
    written = 0

    def look(*_: object) -> None:
        nonlocal written
        written += 1
        if written % 250 == 0 and written < batches:  # after the last one the workers are on their way out
            seen.append(taken())

    report = run_stage(stage, registry, processes=2, batch_size=1, progress=look)

    assert (report.inserted, report.failed, written) == (batches, 0, batches)
    assert seen[0].processes >= 3, "this one and its workers"
    for later in seen[1:]:
        assert later.processes == seen[0].processes
        assert later.threads <= seen[0].threads + SPARE
        assert later.files <= seen[0].files + SPARE
        assert later.connections <= seen[0].connections + SPARE
        assert later.memory <= seen[0].memory + SPARE_MEMORY


@pytest.mark.endurance
@pytest.mark.timeout(300)
def test_workers_end_with_a_process_that_is_killed(registry: Connection) -> None:
    # Given a process whose workers are in the middle of something long
    put_materials(registry, [{"material_id": f"test:{i}", "nsites": 1, "extra": {"sleep": 200}} for i in range(4)])
    program = (
        "import sys; from exfolio import connect; from exfolio.stores.settings import Settings\n"
        "from exfolio.builders.engine.execution.runner import run_stage; from toy_stages import Doubler\n"
        "settings = Settings.model_validate_json(sys.argv[1])\n"
        "with connect(settings) as connection: run_stage(Doubler(), connection, processes=2, batch_size=1)\n"
    )
    environment = os.environ | {"PYTHONPATH": str(Path(toy_stages.__file__).parent)}
    arguments = [sys.executable, "-c", program, registry.settings.model_dump_json()]
    with subprocess.Popen(arguments, env=environment) as process:
        while len(workers := psutil.Process(process.pid).children(recursive=True)) < 4:  # two serve the workers
            time.sleep(0.1)
        time.sleep(1)

        # When it is killed outright
        process.kill()

    # Then nobody computes on for nobody
    _, alive = psutil.wait_procs(workers, timeout=60)
    assert alive == []


@pytest.mark.endurance
@pytest.mark.parametrize("processes", [1, 2])
def test_an_item_that_takes_too_much_costs_only_itself(registry: Connection, processes: int) -> None:
    # Given items that go on for ever in Python, that hang in a library (of which a worker alone can be rid of) and
    # that want a terabyte
    greedy: dict[str, dict[str, Any]] = {"test:1": {"spin": True}, "test:2": {"grow": 1 << 40}}
    if processes > 1:
        greedy["test:3"] = {"sleep": 600}
    put_materials(registry, [{"material_id": f"test:{i}", "nsites": 1} for i in range(8)])
    put_materials(registry, [{"material_id": key, "extra": extra} for key, extra in greedy.items()])
    settings = registry.settings.model_copy(update={"item_seconds": 0.5, "worker_memory_gb": 3})

    # When they are computed together with others
    with replace(registry, settings=settings) as limited:
        report = run_stage(Doubler(), limited, processes=processes, batch_size=8)

    # Then the others are there, and each of them says what it took
    assert (report.inserted, report.failed) == (8 - len(greedy), len(greedy))
    told = {doc["item"]: doc["last_error"] for doc in registry.database["failures"].find()}
    assert "longer than an item may, 0.5 s" in told["test:1"]
    memory = "a worker may have, 3.0 GB" if processes > 1 else "there is"
    assert told["test:2"].startswith(f"it took more memory than {memory}")
    assert told.get("test:3", DIED) == DIED


def test_what_is_imported_for_workers_is_what_the_stages_of_a_process_need(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, FOR_REFRESH[0], raising=False)

    needed = needed_by_workers()

    assert "exfolio.builders.calculations.vasp_results_stage" in needed
    assert Doubler.__module__ not in needed, "workers that need it import it themselves"
    assert FOR_REFRESH[0] not in needed
    monkeypatch.setitem(sys.modules, FOR_REFRESH[0], sys)
    assert set(FOR_REFRESH) <= set(needed_by_workers())


def test_any_executor_will_do(registry: Connection) -> None:
    """Threads in place of processes; engines of many machines have the same interface."""
    put_materials(registry, [{"material_id": f"test:{i}", "nsites": i + 1} for i in range(40)])
    begun: list[int] = []

    class Threads:
        reads_our_files = True
        dies_alone = True

        def count(self) -> int:
            return 3

        def executor(self, count: int, begin: Callable[[bytes], None], payload: bytes) -> Executor:
            begun.append(count)
            return ThreadPoolExecutor(count, initializer=begin, initargs=(payload,))

    def made(stages: Iterator[Stage], **options: object) -> dict[str, int]:
        for stage in stages:
            run_stage(stage, registry, batch_size=7, **options)  # type: ignore[arg-type]
        sites = {doc["structure_id"]: doc["nsites"] for doc in registry.database["structures"].find()}
        registry.database["structures"].delete_many({})
        registry.database["stage_states"].delete_many({})
        return sites

    by_processes = made(iter([Doubler(copies=2), Looker()]), processes=2)
    by_threads = made(iter([Doubler(copies=2), Looker()]), workforce=Threads())

    assert begun == [3, 3]
    assert len(by_threads) == 120
    assert by_threads == by_processes == made(iter([Doubler(copies=2), Looker()]))
    assert os.environ["OMP_NUM_THREADS"] == "1"


def test_a_batch_that_is_handed_to_workers_that_have_died_is_given_to_new_ones(registry: Connection) -> None:
    put_materials(registry, [{"material_id": f"test:{i}", "nsites": i + 1} for i in range(12)])
    made: list[Executor] = []

    class Broken(ThreadPoolExecutor):
        given = 0

        def submit(self, *call: Any, **options: Any) -> Future[Any]:
            self.given += 1
            if self is made[0] and self.given > 2:
                raise BrokenExecutor
            return super().submit(*call, **options)

    class Threads:
        reads_our_files = True
        dies_alone = False

        def count(self) -> int:
            return 1

        def executor(self, count: int, begin: Callable[[bytes], None], payload: bytes) -> Executor:
            made.append(Broken(count, initializer=begin, initargs=(payload,)))
            return made[-1]

    report = run_stage(Doubler(), registry, batch_size=2, workforce=Threads())

    assert (report.inserted, report.failed) == (12, 0)
    assert len(made) > 1
