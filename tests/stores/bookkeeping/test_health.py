"""What a monitor is told: jobs that run and get through are well, others are named with the reason."""

from datetime import timedelta

import pytest
from exfolio.stores.bookkeeping import runs
from exfolio.stores.bookkeeping.health import Check, health
from exfolio.stores.bookkeeping.leases import Lease
from exfolio.stores.bookkeeping.schedules import LEASE, began, ended, planned
from exfolio.stores.clock import utc_now
from exfolio.stores.connection import Connection

JOB = "source 2dmatpedia"


@pytest.fixture
def registry(empty_registry: Connection) -> Connection:
    return empty_registry


def checks_of(connection: Connection) -> dict[str, Check]:
    return {check.name: check for check in health(connection)}


def test_an_empty_database_is_not_well(connection: Connection) -> None:
    assert [check.well for check in health(connection)] == [False]


def test_without_a_schedule_no_scheduler_is_missed(registry: Connection) -> None:
    assert all(check.well for check in health(registry))


def test_a_schedule_wants_a_living_scheduler(registry: Connection) -> None:
    planned(registry, JOB, cron="@daily", next_due_at=utc_now() + timedelta(hours=3))
    assert not checks_of(registry)["scheduler"].well

    with Lease(registry, LEASE, seconds=30):
        assert all(check.well for check in health(registry))
        registry.database["leases"].update_one({"job": LEASE}, {"$set": {"expires_at": utc_now()}})
        assert "no sign of life" in checks_of(registry)["scheduler"].message


def test_a_schedule_run_by_cron_wants_no_scheduler_that_stays(registry: Connection) -> None:
    planned(registry, JOB, cron="@daily", next_due_at=utc_now() + timedelta(hours=3), runner="once")
    assert checks_of(registry)["scheduler"].message == "run by cron or a timer"
    assert all(check.well for check in health(registry))


def test_a_job_may_fail_twice(registry: Connection) -> None:
    for failures in (1, 2, 3):
        began(registry, JOB, cron="@daily")
        ended(registry, JOB, "failed", error="can't read 'db.json'", failures=failures)
        assert checks_of(registry)[JOB].well == (failures <= 2)
    assert "failed 3 times in a row since " in checks_of(registry)[JOB].message
    assert "can't read 'db.json'" in checks_of(registry)[JOB].message

    ended(registry, JOB, "succeeded", recovered=True)
    assert checks_of(registry)[JOB].well


def test_a_job_that_should_have_run_long_ago_is_named(registry: Connection) -> None:
    planned(registry, JOB, cron="@daily", next_due_at=utc_now() - timedelta(minutes=30))
    assert checks_of(registry)[JOB].well
    planned(registry, JOB, cron="@daily", next_due_at=utc_now() - timedelta(hours=2))
    assert "was due at" in checks_of(registry)[JOB].message


def test_a_run_by_hand_that_failed_is_named_until_one_goes_well(registry: Connection) -> None:
    run = runs.begin(registry, "run layers", version="1")
    runs.end(registry, run, "failed", error="no")
    message = f"run layers failed ({run}); once that is mended: exfolio run layers"
    assert checks_of(registry)["runs"].message == message

    runs.end(registry, runs.begin(registry, "run layers", version="1"), "succeeded")
    assert checks_of(registry)["runs"].well


def test_a_stage_that_a_refresh_has_got_through_since_is_well(registry: Connection) -> None:
    runs.end(registry, runs.begin(registry, "run layers", version="1"), "failed", error="no")
    for other in ("ingest:mine", "layers"):
        refresh = runs.begin(registry, "refresh", version="1")
        runs.note_stage(registry, refresh, runs.StageReport(other))
        runs.end(registry, refresh, "succeeded")
        assert checks_of(registry)["runs"].well == (other == "layers")


def test_a_source_that_was_removed_is_not_missed(registry: Connection) -> None:
    registry.database["stage_states"].insert_one({"stage": "ingest:mine"})
    runs.end(registry, runs.begin(registry, "run ingest:mine", version="1"), "failed", error="no")
    assert not checks_of(registry)["runs"].well
    registry.database["stage_states"].delete_one({"stage": "ingest:mine"})
    assert checks_of(registry)["runs"].well


def test_pulls_on_the_schedule_are_judged_by_their_job_alone(registry: Connection) -> None:
    planned(registry, "source mp", cron="@daily", next_due_at=utc_now() + timedelta(hours=3))
    registry.database["stage_states"].insert_many({"stage": f"ingest:{name}"} for name in ("mp:Mn-O", "mpds"))
    runs.end(registry, runs.begin(registry, "run ingest:mp:Mn-O", version="1"), "failed")
    assert checks_of(registry)["runs"].well
    runs.end(registry, runs.begin(registry, "run ingest:mpds", version="1"), "failed")
    assert not checks_of(registry)["runs"].well
