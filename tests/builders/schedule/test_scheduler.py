"""The schedule runs what is due, one at a time, waits for what is down, catches up once, and stops in order."""

import json
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from exfolio.builders.engine.execution.runner import run_stage
from exfolio.builders.schedule.scheduler import Scheduler
from exfolio.builders.sources.file_stage import SourceStage
from exfolio.cli.main import run
from exfolio.stores.bookkeeping.leases import Lease
from exfolio.stores.clock import utc_now
from exfolio.stores.connection import Connection
from exfolio.stores.errors import LeaseHeld
from exfolio.stores.settings_tables.schedule import ScheduleSettings
from pymatgen.core import Lattice, Structure

EVERY_SECOND = "* * * * * *"
NEVER_SOON = "0 0 1 1 *"
QUICK = {"jitter_seconds": 0, "backoff_first_seconds": 0.3, "backoff_longest_seconds": 1}


@pytest.fixture
def salts(registry: Connection, tmp_path: Path) -> Path:
    """A file of three rock salts, ingested as source salts."""
    docs = [
        {
            "material_id": f"m-{metal}",
            "structure": Structure(Lattice.cubic(5.6), [metal, "Cl"], [[0, 0, 0], [0.5, 0.5, 0.5]]).as_dict(),
        }
        for metal in ("Li", "Na", "K")
    ]
    file = tmp_path / "salts.json"
    file.write_text(json.dumps(docs))
    run_stage(SourceStage("structures", {"paths": [str(file)], "source": "salts"}), registry)
    return file


def scheduler(connection: Connection, *, batch_size: int = 500, **schedule: Any) -> Scheduler:
    settings = connection.settings.model_copy(
        update={"schedule": ScheduleSettings(**{**QUICK, **schedule}), "lease_seconds": 3, "batch_size": batch_size}
    )
    return Scheduler(Connection(settings, connection.name, connection.origin, connection.uri))


@contextmanager
def serving(chosen: Scheduler) -> Iterator[Scheduler]:
    thread = threading.Thread(target=chosen.serve)
    thread.start()
    try:
        yield chosen
    finally:
        chosen.stop()
        thread.join(timeout=20)
        chosen.connection.close()
        assert not thread.is_alive()


def record(connection: Connection, job: str = "source salts") -> dict[str, Any]:
    return connection.database["scheduled_jobs"].find_one({"job": job}) or {}


def wait_until(condition: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.05)


@pytest.mark.endurance
def test_a_source_that_goes_down_is_put_off_and_recovers(registry: Connection, salts: Path) -> None:
    with serving(scheduler(registry, sources={"salts": EVERY_SECOND})):
        wait_until(lambda: record(registry).get("state") == "succeeded")

        salts.rename(salts.with_suffix(".away"))
        wait_until(lambda: record(registry).get("failures", 0) >= 2)
        wait_until(lambda: record(registry)["next_due_at"] > record(registry)["ended_at"])  # noted right after the end
        down = record(registry)
        assert down["state"] == "failed"
        assert "salts.json" in down["error"]
        assert down["failing_since"] < down["ended_at"]
        assert registry.database["materials"].count_documents({"deprecated": False}) == 3

        salts.with_suffix(".away").rename(salts)
        wait_until(lambda: record(registry).get("recoveries") == 1)
        back = record(registry)
        assert back["state"] == "succeeded"
        assert back["failures"] == 0
        assert "error" not in back
        assert "failing_since" not in back


def test_missed_runs_are_caught_up_once(registry: Connection, salts: Path) -> None:
    long_ago = utc_now() - timedelta(days=900)
    registry.database["scheduled_jobs"].insert_one(
        {"job": "source salts", "state": "succeeded", "started_at": long_ago, "runs": 7}
    )
    with serving(scheduler(registry, sources={"salts": NEVER_SOON})):
        wait_until(lambda: record(registry).get("runs") == 8 and record(registry)["state"] == "succeeded")
        time.sleep(1.2)
    assert record(registry)["runs"] == 8
    with serving(scheduler(registry, sources={"salts": NEVER_SOON})):
        time.sleep(0.5)
    assert record(registry)["runs"] == 8


@pytest.mark.parametrize("state", ["interrupted", "running"])
def test_a_job_that_was_cut_off_is_taken_up_at_once(registry: Connection, salts: Path, state: str) -> None:
    registry.database["scheduled_jobs"].insert_one({"job": "source salts", "state": state, "started_at": utc_now()})
    with serving(scheduler(registry, sources={"salts": NEVER_SOON})):
        wait_until(lambda: record(registry).get("state") == "succeeded")
    assert record(registry)["runs"] == 1


def test_a_held_lease_is_a_skip(registry: Connection, salts: Path) -> None:
    with Lease(registry, "stage ingest:salts", seconds=30):
        with serving(scheduler(registry, sources={"salts": EVERY_SECOND})):
            wait_until(lambda: record(registry).get("skips", 0) >= 1)
        skipped = record(registry)
    assert skipped["state"] == "skipped"
    assert skipped.get("failures") == 0
    assert "is being run by" in skipped["error"]


def test_one_scheduler_at_a_time_and_the_next_stands_by(registry: Connection, salts: Path) -> None:
    first = scheduler(registry, sources={"salts": EVERY_SECOND})
    second = scheduler(registry, refresh=EVERY_SECOND)
    with serving(first):
        wait_until(lambda: bool(record(registry)))
        with serving(second):
            with pytest.raises(LeaseHeld):
                scheduler(registry, refresh="@daily").run_due()
            assert record(registry, "refresh") == {}
            first.stop()
            wait_until(lambda: record(registry, "refresh").get("runs", 0) >= 1)


def test_once_runs_what_is_due_and_nothing_else(registry: Connection, salts: Path) -> None:
    waits = {"backoff_first_seconds": 2, "backoff_longest_seconds": 2}
    twice = scheduler(registry, sources={"salts": NEVER_SOON, "nowhere": NEVER_SOON}, **waits)

    first = {job.name: ending for job, ending in twice.run_due()}
    second = twice.run_due()

    assert first["source salts"].state == "succeeded"
    assert first["source nowhere"].state == "failed"
    assert "there are: salts" in str(first["source nowhere"].error)
    assert second == []
    assert record(registry)["runner"] == "once"
    time.sleep(2 * 1.1 + 0.1)  # waits are up to a tenth longer, at random
    assert [job.name for job, _ in twice.run_due()] == ["source nowhere"]


def test_a_refresh_leaves_sources_with_a_line_of_their_own_alone(registry: Connection, salts: Path) -> None:
    salts.unlink()
    twice = scheduler(registry, sources={"salts": NEVER_SOON}, refresh=NEVER_SOON)
    endings = {job.name: ending for job, ending in twice.run_due()}
    assert endings["source salts"].state == "failed"
    assert endings["refresh"].state == "succeeded"
    assert twice.plan()[0]["failures"] == 1


@pytest.mark.endurance
def test_fire_times_that_come_while_a_job_runs_are_skipped_and_counted(registry: Connection, salts: Path) -> None:
    # Given a source whose reading takes longer than the second between two fire times
    add_copies(salts, 150)
    slow = scheduler(registry, batch_size=1, sources={"salts": EVERY_SECOND})

    # When it runs for the first time, and then once more
    seen = []
    with serving(slow):
        wait_until(lambda: (seen.append(record(registry)) or seen[-1]).get("state") == "succeeded", 60)
        once = seen[-1]
        wait_until(lambda: record(registry)["runs"] > 1)

    # Then of the fire times in between none was taken, and all are on record
    seconds = (once["ended_at"] - once["started_at"]).total_seconds()
    assert once["runs"] == 1
    assert 1 <= int(seconds) <= once["skips"] <= int(seconds) + 1


def add_copies(salts: Path, number: int) -> None:
    docs = json.loads(salts.read_text())
    salts.write_text(json.dumps([*docs, *({**docs[0], "material_id": f"m-{i}"} for i in range(number))]))


def _command_in_child(log: Path) -> None:
    with log.open("w") as sys.stderr:
        sys.exit(run(["schedule"]))


def test_sigterm_lets_the_batch_finish_and_gives_leases_back(
    registry: Connection, salts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a source whose reading takes some seconds, in small batches
    add_copies(salts, 300)
    before = registry.database["materials"].count_documents({})
    for name, value in (
        ("HOME", str(registry.settings.home)),
        ("DATABASE", registry.settings.database),
        ("BATCH_SIZE", "1"),
        ("LOG_FORMAT", "json"),
        ("SCHEDULE__JITTER_SECONDS", "0"),
        ("SCHEDULE__SOURCES", json.dumps({"salts": EVERY_SECOND})),
    ):
        monkeypatch.setenv(f"EXFOLIO_{name}", value)
    # When the command runs in a process of its own, and is told to stop in mid-work
    log = tmp_path / "log"
    process = multiprocessing.get_context("fork").Process(target=_command_in_child, args=(log,))
    process.start()
    wait_until(lambda: registry.database["materials"].count_documents({}) > before, 60)
    os.kill(process.pid, signal.SIGTERM)
    process.join(timeout=60)

    # Then it ends well, with its state on record and no lease held
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert process.exitcode == 0
    events = [line["event"] for line in lines if line.get("event", "skipped") != "skipped"]  # on a slow machine
    assert events == ["started", "begun", "ended", "stopped"]
    assert {"time", "level", "logger", "message"} <= set(lines[0])
    assert record(registry)["state"] == "interrupted"
    assert registry.database["materials"].count_documents({}) < 300
    assert registry.database["leases"].count_documents({"owner": {"$ne": ""}}) == 0
    # And when it is started again, it goes on at once
    with serving(scheduler(registry, sources={"salts": NEVER_SOON})):
        wait_until(lambda: record(registry).get("state") == "succeeded", 60)
    assert registry.database["materials"].count_documents({"deprecated": False}) >= 300
