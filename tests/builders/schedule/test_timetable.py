"""When a job is due, after what is on record of it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from exfolio.builders.schedule.jobs import Job
from exfolio.builders.schedule.timetable import backoff, first_due, next_fire
from exfolio.stores.clock import utc_now
from exfolio.stores.settings_tables.schedule import ScheduleSettings

DAILY = Job("source", "salts", "@daily")
IN_UTC = ScheduleSettings(sources={"salts": "@daily"})
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def midnight_after(moment: datetime) -> datetime:
    return datetime.combine(moment.date() + DAY, datetime.min.time(), UTC)


def test_a_new_job_waits_for_its_first_fire_time_unless_it_is_due_at_once() -> None:
    before = utc_now()
    assert first_due(DAILY, {}, IN_UTC) == midnight_after(before)
    due_at_once = first_due(DAILY, {}, IN_UTC, new_is_due=True)
    assert due_at_once is not None
    assert before <= due_at_once <= utc_now()


def test_a_new_job_whose_first_fire_time_has_passed_unseen_is_due_since_then() -> None:
    an_hour_ago = utc_now() - HOUR
    assert first_due(DAILY, {"next_due_at": an_hour_ago}, IN_UTC) == an_hour_ago
    assert first_due(DAILY, {"next_due_at": utc_now() + HOUR}, IN_UTC) == midnight_after(utc_now())


def test_a_job_is_due_at_the_first_fire_time_after_its_last_start_however_many_it_missed() -> None:
    long_ago = utc_now() - 100 * DAY
    assert first_due(DAILY, {"state": "succeeded", "started_at": long_ago}, IN_UTC) == midnight_after(long_ago)


@pytest.mark.parametrize("state", ["running", "interrupted"])
def test_a_job_that_was_cut_off_is_due_since_it_was_started(state: str) -> None:
    just_now = utc_now() - timedelta(seconds=1)
    assert first_due(DAILY, {"state": state, "started_at": just_now}, IN_UTC) == just_now


def test_a_job_that_failed_waits_as_long_as_it_was_put_off() -> None:
    later = utc_now() + HOUR
    record: dict[str, Any] = {"state": "failed", "failures": 3, "started_at": utc_now() - 9 * DAY, "next_due_at": later}
    assert first_due(DAILY, record, IN_UTC) == later


def test_waits_after_failures_double_up_to_the_longest() -> None:
    settings = ScheduleSettings(backoff_first_seconds=60, backoff_factor=2, backoff_longest_seconds=3600)
    for failures, least in [(1, 60), (2, 120), (3, 240), (6, 1920), (7, 3600), (1000, 3600)]:
        assert least <= backoff(failures, settings).total_seconds() <= 1.1 * least


def test_jitter_delays_a_fire_time_and_never_hastens_it() -> None:
    now = utc_now()
    settings = ScheduleSettings(jitter_seconds=600)
    times = {next_fire(DAILY, now, settings) for _ in range(20)}
    assert len(times) > 1
    assert all(time and timedelta(0) <= time - midnight_after(now) <= timedelta(minutes=10) for time in times)
