"""A job has one owner: a live one keeps it, a silent or dead one loses it, and notices."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import pytest
from exfolio.stores.bookkeeping.leases import Lease, LeaseLost
from exfolio.stores.connection import Connection
from exfolio.stores.errors import LeaseHeld

JOB = "stage layers"
OWNER = """
import sys, time
from exfolio.stores.bookkeeping.leases import Lease
from exfolio.stores.connection import connect
from exfolio.stores.settings import Settings

home, mongod, database, job, seconds = sys.argv[1:]
with connect(Settings(home=home, mongod=mongod, database=database)) as connection:
    with Lease(connection, job, seconds=float(seconds)) as lease:
        print(lease.token, lease.owner, flush=True)
        while True:
            time.sleep(0.02)
            lease.check()
"""
Start = Callable[[float], "subprocess.Popen[str]"]


@pytest.fixture
def start_owner(connection: Connection) -> Iterator[Start]:
    """Start a process that holds the job; it ends when it notices that it holds it no more."""
    settings = connection.settings
    where = [str(settings.home), str(settings.mongod), connection.name, JOB]
    started = []

    def start(seconds: float) -> "subprocess.Popen[str]":
        command = [sys.executable, "-c", OWNER, *where, str(seconds)]
        started.append(subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()


def held_as(process: "subprocess.Popen[str]") -> tuple[int, str]:
    assert process.stdout is not None
    token, owner = process.stdout.readline().split()
    return int(token), owner


def owner_of(connection: Connection) -> str:
    return str((connection.database["leases"].find_one({"job": JOB}) or {})["owner"])


def take(connection: Connection, *, within: float) -> Lease:
    """Ask for the job until it is to be had."""
    deadline = time.monotonic() + within
    while True:
        try:
            return Lease(connection, JOB, seconds=30).acquire()
        except LeaseHeld:
            assert time.monotonic() < deadline, "nobody renews the lease, and yet it can't be had"
            time.sleep(0.1)


@pytest.mark.endurance
def test_a_live_owner_keeps_its_job_beyond_the_time_of_one_lease(connection: Connection, start_owner: Start) -> None:
    process = start_owner(1)
    _, owner = held_as(process)
    deadline = time.monotonic() + 2.5  # it has to renew the lease, or more than two would have run out
    while time.monotonic() < deadline:
        with pytest.raises(LeaseHeld, match=f"{JOB} is being run by {owner}"):
            Lease(connection, JOB, seconds=1).acquire()
        time.sleep(0.05)
    assert process.poll() is None


@pytest.mark.endurance
def test_a_frozen_owner_is_replaced_when_its_lease_has_run_out_and_not_before(
    connection: Connection, start_owner: Start
) -> None:
    # Given an owner that is frozen in mid-work
    frozen = start_owner(3)
    token, owner = held_as(frozen)
    frozen.send_signal(signal.SIGSTOP)
    frozen_at = time.monotonic()

    # When another run wants the job, then it gets it once the lease has run out
    with pytest.raises(LeaseHeld, match=owner):
        Lease(connection, JOB, seconds=30).acquire()
    later = take(connection, within=30)
    assert time.monotonic() - frozen_at > 1.5  # of the 3 s up to a third, and how long the signal took, were gone
    assert later.token == token + 1

    # And the late owner notices when it goes on, and leaves the lease to the new one
    frozen.send_signal(signal.SIGCONT)
    _, errors = frozen.communicate(timeout=30)
    assert "LeaseLost" in errors
    assert f"{JOB} was taken over by another run" in errors
    assert owner_of(connection) == later.owner
    later.check()
    later.release()


def test_an_owner_whose_process_is_gone_is_replaced_at_once(connection: Connection, start_owner: Start) -> None:
    killed = start_owner(600)
    token, _ = held_as(killed)
    killed.kill()
    killed.wait()

    with Lease(connection, JOB, seconds=30) as lease:
        assert lease.token == token + 1


def test_a_lease_that_was_given_back_is_free_and_its_next_owner_is_told_apart(connection: Connection) -> None:
    with Lease(connection, JOB, seconds=30) as first:
        assert owner_of(connection) == first.owner
    assert owner_of(connection) == ""
    with Lease(connection, JOB, seconds=30) as second:
        assert second.token == first.token + 1
        assert second.owner != first.owner


def test_an_owner_that_lost_its_job_is_told_and_gives_nothing_back(connection: Connection) -> None:
    with Lease(connection, JOB, seconds=0.3) as late:
        connection.database["leases"].update_one({"job": JOB}, {"$set": {"owner": "elsewhere"}, "$inc": {"token": 1}})
        deadline = time.monotonic() + 20
        while not late.lost:
            assert time.monotonic() < deadline, "it has not noticed"
            time.sleep(0.02)
        with pytest.raises(LeaseLost, match="taken over by another run"):
            late.check()
    assert owner_of(connection) == "elsewhere"
