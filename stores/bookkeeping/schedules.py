"""What is known of each job of the schedule, kept so that a restarted scheduler goes on where the last one stopped.

Written by the one scheduler that holds the lease `LEASE`; read by whoever asks how things stand.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from ..clock import utc_now
from ..connection import Connection

Doc = dict[str, Any]

LEASE: Final = "schedule"
"""Name of the lease that the running scheduler holds."""


def read_all(connection: Connection) -> dict[str, Doc]:
    """Record of every job, by its name."""
    return {doc["job"]: doc for doc in connection.database["scheduled_jobs"].find({}, {"_id": 0}).sort("job", 1)}


def began(connection: Connection, job: str, *, cron: str) -> None:
    """Note that a job starts: its fire times up to now are taken care of."""
    changes = {"$set": {"cron": cron, "state": "running", "started_at": utc_now()}, "$inc": {"runs": 1}}
    connection.database["scheduled_jobs"].update_one({"job": job}, changes, upsert=True)


def ended(
    connection: Connection,
    job: str,
    state: str,
    *,
    error: str | None = None,
    run_id: str | None = None,
    failures: int = 0,
    recovered: bool = False,
    passed_over: int = 0,
    skips: int = 0,
) -> None:
    """Note how a job ended.

    Parameters
    ----------
    connection
        The database.
    job
        Name of the job.
    state
        One of the states of `ScheduledJob`.
    error
        Why it could not go on, or was skipped.
    run_id
        Run that recorded it.
    failures
        Failures in a row, this one included.
    recovered
        Whether it went well after failures.
    passed_over
        Fire times that will pass while it is put off.
    skips
        Fire times that came while it still ran.
    """
    now = utc_now()
    values: Doc = {"state": state, "ended_at": now, "failures": failures}
    if state in ("succeeded", "partial"):
        values["succeeded_at"] = now
    if failures == 1 and state == "failed":
        values["failing_since"] = now
    reasons = {"error": error, "run_id": run_id}
    values |= {name: value for name, value in reasons.items() if value is not None}
    gone = [name for name, value in reasons.items() if value is None] + ([] if failures else ["failing_since"])
    counted = {
        "failed": int(state == "failed"),
        "skips": skips + int(state == "skipped"),
        "recoveries": int(recovered),
        "passed_over": passed_over,
    }
    changes: Doc = {"$set": values, "$unset": dict.fromkeys(gone, ""), "$inc": counted}
    connection.database["scheduled_jobs"].update_one({"job": job}, changes, upsert=True)


def planned(
    connection: Connection, job: str, *, cron: str, next_due_at: datetime | None, runner: str = "service"
) -> None:
    """Note when a job runs next, and who sees to it.

    Parameters
    ----------
    connection
        The database.
    job
        Name of the job.
    cron
        When it runs, as in the settings.
    next_due_at
        When it runs next; None for never.
    runner
        ``service`` for a scheduler that stays, ``once`` for one run by cron.
    """
    changes: Doc = {"$set": {"cron": cron, "runner": runner}}
    if next_due_at is None:
        changes["$unset"] = {"next_due_at": ""}
    else:
        changes["$set"]["next_due_at"] = next_due_at
    connection.database["scheduled_jobs"].update_one({"job": job}, changes, upsert=True)


def forget_others(connection: Connection, jobs: list[str]) -> None:
    """Remove what is known of jobs that are no longer on the schedule."""
    connection.database["scheduled_jobs"].delete_many({"job": {"$nin": jobs}})
