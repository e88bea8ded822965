"""Ctrl-C and SIGTERM: the command ends soon, says so, its run is on record, and no worker process is left."""

import os
import signal
import subprocess
import sys
import time

import psutil
import pytest
from exfolio.builders.candidates.campaigns.campaign_files import load
from exfolio.builders.engine.execution.interruption import EXIT_CODE, Interrupted
from exfolio.builders.refresh import refresh
from exfolio.builders.sources.file_stage import SourceStage
from exfolio.stores.connection import Connection
from exfolio.stores.schema import initialise
from plans import run_all

SOON = 12.0
"""Seconds; it takes 5 on a machine that has nothing else to do, and took 47 to 100 when workers were waited for."""
PROGRAM = "import sys; from exfolio.cli.main import main; sys.argv[0] = 'exfolio'; main()"
OUT_OF_REACH = """
import ctypes
from exfolio.builders.engine.execution.interruption import may_end_this_process, stopping_on_signals
may_end_this_process()
library, mutex = ctypes.CDLL(None), ctypes.create_string_buffer(256)
library.pthread_mutex_init(mutex, None)
library.pthread_mutex_lock(mutex)
with stopping_on_signals(lambda: "stopped for good"):
    print("computing", flush=True)
    library.pthread_mutex_lock(mutex)  # one call that never comes back, whatever signal comes
"""


@pytest.fixture
def materials(connection: Connection) -> Connection:
    """A registry with the bundled handbook in it."""
    initialise(connection)
    run_all(connection, [SourceStage("handbook", {})])
    return connection


def start(connection: Connection, *arguments: str) -> subprocess.Popen[str]:
    environment = os.environ | {
        "EXFOLIO_HOME": str(connection.settings.home),
        "EXFOLIO_MONGOD": str(connection.settings.mongod),
        "EXFOLIO_DATABASE": connection.name,
    }
    command = [sys.executable, "-c", PROGRAM, *arguments]
    return subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True, start_new_session=True)


def wait_for_stage(connection: Connection, process: subprocess.Popen[str], stage: str) -> None:
    """Wait until a stage, by the beginning of its name, holds its lease in that process."""
    running = {"job": {"$regex": f"^stage {stage}"}, "owner": {"$ne": ""}, "process.pid": process.pid}
    while connection.database["leases"].find_one(running) is None:
        assert process.poll() is None, process.communicate()[1]
        time.sleep(0.05)


@pytest.mark.endurance
@pytest.mark.timeout(240)
@pytest.mark.parametrize(
    ("arguments", "stage", "number", "to_group"),
    [
        (["run", "templates", "-n", "2"], "templates", signal.SIGTERM, True),
        (["train", "classifier"], "train", signal.SIGINT, False),
    ],
    ids=["run", "train"],
)
def test_a_command_ends_soon_and_leaves_nobody_behind(
    materials: Connection, arguments: list[str], stage: str, number: int, *, to_group: bool
) -> None:
    # Given a command at work, with its worker processes
    process = start(materials, *arguments)
    wait_for_stage(materials, process, stage)
    time.sleep(1)
    family = psutil.Process(process.pid).children(recursive=True)

    # When a signal comes, to it alone or to its whole group
    asked = time.monotonic()
    (os.killpg if to_group else os.kill)(process.pid, number)
    _, said = process.communicate(timeout=60)

    # Then it ends soon, says how far it came, and the run is on record as interrupted
    assert time.monotonic() - asked < SOON
    assert process.returncode == EXIT_CODE
    assert "run again to go on" in said.splitlines()[-1]
    assert "died" not in said
    last = materials.database["runs"].find_one(sort=[("started_at", -1)]) or {}
    assert last["state"] == "interrupted"
    _, alive = psutil.wait_procs(family, timeout=5)
    assert alive == []


@pytest.mark.endurance
def test_a_signal_between_two_stages_is_met(connection: Connection) -> None:
    done: list[str] = []

    def stage_done(report: object) -> None:
        done.append(str(report))
        os.kill(os.getpid(), signal.SIGTERM)

    with pytest.raises(Interrupted, match="stopped between two stages; run again to go on"):
        refresh(connection, [load("two-dimensional")], stage_done=stage_done)

    [run] = connection.database["runs"].find()
    assert (len(done), run["state"]) == (1, "interrupted")
    assert connection.database["leases"].count_documents({"owner": {"$ne": ""}}) == 0


@pytest.mark.endurance
@pytest.mark.timeout(120)
def test_a_main_thread_that_computes_in_one_call_is_ended_all_the_same() -> None:
    process = subprocess.Popen([sys.executable, "-c", OUT_OF_REACH], stdout=-1, stderr=-1, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "computing\n"
    time.sleep(0.2)

    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=60)

    assert process.returncode == EXIT_CODE
    assert said.splitlines()[-1] == "stopped for good"
