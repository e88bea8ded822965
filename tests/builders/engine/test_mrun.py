"""maggma's own runner runs the stages: serial, on several processes, distributed; nothing hangs or is lost."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import psutil
import pytest
from exfolio.builders.engine.execution.runner import run_stage
from exfolio.stores.connection import Connection
from toy_stages import Doubler, Summer, put_materials

SUPPORT = Path(__file__).parents[2] / "support"
MRUN = str(Path(sys.executable).with_name("mrun"))
Mrun = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def mrun(registry: Connection, tmp_path: Path) -> Mrun:
    """Start mrun on a builder file, on the registry of this test."""
    settings = registry.settings
    environment = {
        **os.environ,
        "EXFOLIO_HOME": str(settings.home),
        "EXFOLIO_DATABASE": settings.database,
        "EXFOLIO_BATCH_SIZE": "5",
        "EXFOLIO_LEASE_SECONDS": "3",
        "PYTHONPATH": os.pathsep.join(filter(None, (str(SUPPORT), os.environ.get("PYTHONPATH")))),
    }

    def start(builders: str, *options: str) -> "subprocess.Popen[str]":
        file = tmp_path / "stages.py"
        file.write_text(f"from toy_stages import *\n__builders__ = [{builders}]\n")
        command = [MRUN, *options, "--no_bars", file.name]  # mrun finds files below the working folder only
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
        return subprocess.Popen(command, env=environment, cwd=tmp_path, start_new_session=True, **pipes)

    return start


def end(process: "subprocess.Popen[str]") -> None:
    """Kill a process and all that it has started, which hold its pipes, and may be nobody's children any more."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def materials(count: int, **extra: object) -> list[dict[str, object]]:
    return [
        {"material_id": f"test:{i:02}", "nsites": i + 1, **({"extra": extra} if extra else {})} for i in range(count)
    ]


def test_serial(registry: Connection, mrun: Mrun) -> None:
    put_materials(registry, materials(12))

    process = mrun("Doubler(), Summer()")
    output, _ = process.communicate(timeout=60)

    assert process.returncode == 0, output
    assert registry.database["structures"].count_documents({}) == 12
    assert registry.database["properties"].count_documents({}) == 1
    assert run_stage(Doubler(), registry).due == 0
    assert {run["state"] for run in registry.database["runs"].find()} == {"succeeded"}


@pytest.mark.endurance
def test_two_processes(registry: Connection, mrun: Mrun) -> None:
    put_materials(registry, materials(32))

    process = mrun("Doubler(copies=2)", "-n", "2")
    output, _ = process.communicate(timeout=60)

    assert process.returncode == 0, output
    assert registry.database["structures"].count_documents({}) == 64
    assert run_stage(Doubler(copies=2), registry).due == 0


@pytest.mark.endurance
def test_a_worker_killed_under_mrun(registry: Connection, mrun: Mrun) -> None:
    put_materials(registry, materials(20, sleep=0.2))

    process = mrun("Doubler()", "-n", "2")
    worker = wait_for_worker(process.pid)
    worker.send_signal(signal.SIGKILL)
    output, _ = process.communicate(timeout=60)  # plain maggma waits for ever here

    assert process.returncode != 0
    assert "worker processes died" in output
    assert registry.database["runs"].find_one({"job": "run doubler"})["state"] == "failed"
    registry.database["materials"].update_many({}, {"$unset": {"extra": ""}})  # no more sleep
    run_stage(Doubler(), registry)
    assert registry.database["structures"].count_documents({}) == 20


@pytest.mark.endurance
def test_an_error_while_selecting_ends_mrun(registry: Connection, mrun: Mrun) -> None:
    put_materials(registry, materials(20))
    registry.database["leases"].insert_one(
        {"job": "stage doubler", "owner": "elsewhere", "token": 1, "expires_at": datetime(2100, 1, 1, tzinfo=UTC)}
    )

    process = mrun("Doubler()", "-n", "2")
    output, _ = process.communicate(timeout=60)  # plain maggma waits for ever here too

    assert process.returncode != 0
    assert "is being run by elsewhere" in output


@pytest.mark.endurance
def test_failing_items_are_on_record_under_mrun(registry: Connection, mrun: Mrun) -> None:
    put_materials(registry, materials(9))
    put_materials(registry, [{"material_id": "test:04", "extra": {"fail": "now"}}])

    process = mrun("Doubler()", "-n", "2")
    process.communicate(timeout=60)

    assert registry.database["structures"].count_documents({}) == 8
    assert registry.database["failures"].find_one()["item"] == "test:04"
    assert registry.database["runs"].find_one()["state"] == "partial"


@pytest.mark.endurance
@pytest.mark.parametrize(
    ("builders", "collection", "expected"), [("Doubler()", "structures", 23), ("Summer()", "properties", 4)]
)
def test_manager_and_workers(registry: Connection, mrun: Mrun, builders: str, collection: str, expected: int) -> None:
    put_materials(registry, [{**doc, "formula_reduced": "ABCD"[i % 4]} for i, doc in enumerate(materials(23))])
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    address = ["-u", "tcp://127.0.0.1", "-p", port]

    manager = mrun(builders, *address, "-N", "4", "-w", "2")
    workers = [mrun(builders, *address, "-n", "1") for _ in range(2)]
    output, _ = manager.communicate(timeout=90)
    for worker in workers:  # one that came when all was done waits for a manager that is gone
        with suppress(subprocess.TimeoutExpired):
            worker.wait(timeout=5)
        end(worker)

    assert manager.returncode == 0, output
    assert registry.database[collection].count_documents({}) == expected
    stage = Doubler() if builders == "Doubler()" else Summer()
    assert run_stage(stage, registry).due == 0
    assert registry.database["runs"].find_one({"job": f"run {stage.name}"})["state"] == "succeeded"


@pytest.fixture
def address() -> list[str]:
    """Give where a manager of this test listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return ["-u", "tcp://127.0.0.1", "-p", str(probe.getsockname()[1])]


@pytest.mark.endurance
def test_a_killed_worker_ends_the_manager(registry: Connection, mrun: Mrun, address: list[str]) -> None:
    put_materials(registry, materials(20, sleep=0.3))

    manager = mrun("Doubler()", *address, "-N", "4", "-w", "2")
    workers = [mrun("Doubler()", *address, "-n", "1") for _ in range(2)]
    busy = {"job": {"$regex": "^share"}, "owner": {"$ne": ""}}
    while not (lease := registry.database["leases"].find_one(busy)):
        assert manager.poll() is None
        time.sleep(0.1)
    os.kill(lease["process"]["pid"], signal.SIGKILL)
    try:
        output, _ = manager.communicate(timeout=90)  # plain maggma waits for ever here
    finally:
        for worker in workers:
            end(worker)

    assert manager.returncode != 0
    assert "died; what is left is done by the next run" in output
    assert registry.database["runs"].find_one({"job": "run doubler"})["state"] == "failed"
    registry.database["materials"].update_many({}, {"$unset": {"extra": ""}})
    run_stage(Doubler(), registry)
    assert registry.database["structures"].count_documents({}) == 20


@pytest.mark.endurance
def test_two_builders_are_refused_by_a_manager(registry: Connection, mrun: Mrun, address: list[str]) -> None:
    put_materials(registry, materials(4))

    manager = mrun("Doubler(), Summer()", *address, "-N", "2", "-w", "1")
    output, _ = manager.communicate(timeout=60)

    assert manager.returncode != 0
    assert "sends its workers away after the first builder" in output
    assert registry.database["runs"].count_documents({}) == 0


def wait_for_worker(pid: int) -> psutil.Process:
    parent = psutil.Process(pid)
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        children = parent.children()
        if len(children) >= 2:
            time.sleep(0.3)
            return children[0]
        time.sleep(0.05)
    raise AssertionError("no worker process came up")
