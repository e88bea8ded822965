"""When a job is due: by its cron expression, by what is on record of its last run, and by its failures in a row.

Tells times only; waits for nothing and runs nothing.
"""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from typing import Any, Final

from ...stores.clock import utc_now
from ...stores.settings_tables.schedule import ScheduleSettings
from .cron import count_between, cron_trigger, next_after
from .jobs import Job

Doc = dict[str, Any]

_BACKOFF_SPREAD: Final = 0.1  # waits differ by so much, lest many jobs come back at the same moment
_UNFINISHED: Final = ("running", "interrupted")


def first_due(job: Job, record: Doc, settings: ScheduleSettings, *, new_is_due: bool = False) -> datetime | None:
    """Moment at which a job is due that is not in work, in the past where it was missed; None for never.

    Parameters
    ----------
    job
        The job.
    record
        What is known of it, empty for a new one.
    settings
        Time zone.
    new_is_due
        Whether a job that never ran is due at once, in place of at its next fire time.
    """
    trigger = cron_trigger(job.cron, timezone=settings.timezone)
    now = utc_now()
    planned: datetime | None = record.get("next_due_at")
    started: datetime | None = record.get("started_at")
    if started is None:
        # Its first fire time may have come while nobody was there to see it.
        missed = planned is not None and planned <= now
        return now if new_is_due else planned if missed else next_after(trigger, now)
    if record.get("state") in _UNFINISHED:
        return started
    if record.get("failures"):
        return planned or now
    return next_after(trigger, started)


def next_fire(job: Job, after: datetime, settings: ScheduleSettings) -> datetime | None:
    """First fire time after a moment, with jitter; None where there is none any more."""
    fire_time = next_after(cron_trigger(job.cron, timezone=settings.timezone), after)
    jitter = timedelta(seconds=random.uniform(0, settings.jitter_seconds))  # noqa: S311  nothing secret
    return None if fire_time is None else fire_time + jitter


def fire_times(job: Job, after: datetime, before: datetime, settings: ScheduleSettings) -> int:
    """Count the fire times between two moments, without jitter.

    Parameters
    ----------
    job
        The job.
    after, before
        The moments, neither included.
    settings
        Time zone.
    """
    return count_between(cron_trigger(job.cron, timezone=settings.timezone), after, before)


def backoff(failures: int, settings: ScheduleSettings) -> timedelta:
    """Wait before the next attempt after so many failures in a row, at random up to a tenth longer."""
    growth = settings.backoff_factor ** min(failures - 1, 64)
    wait = min(settings.backoff_first_seconds * growth, settings.backoff_longest_seconds)
    return timedelta(seconds=wait * (1 + random.uniform(0, _BACKOFF_SPREAD)))  # noqa: S311  nothing secret
