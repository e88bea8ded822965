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
COUNTS: Final = ("runs", "failed", "skips", "passed_over", "recoveries")


def read_all(connection: Connection) -> dict[str, Doc]:
    """Give the record of every job by its name."""
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
) -> None:
    """Note how a job ended.

    Parameters
    ----------
    state
        One of the states of `ScheduledJob`.
    error
        Why it could not go on, or was skipped.
    failures
        Failures in a row, this one included.
    recovered
        Whether it went well after failures.
    passed_over
        Fire times that will pass while it is put off.
    """
    now = utc_now()
    values: Doc = {"state": state, "ended_at": now, "failures": failures}
    if state in ("succeeded", "partial"):
        values["succeeded_at"] = now
    if failures == 1 and state == "failed":
        values["failing_since"] = now
    given = {"error": error, "run_id": run_id}
    values |= {name: value for name, value in given.items() if value is not None}
    gone = [name for name, value in given.items() if value is None] + ([] if failures else ["failing_since"])
    counted = {
        "failed": int(state == "failed"),
        "skips": int(state == "skipped"),
        "recoveries": int(recovered),
        "passed_over": passed_over,
    }
    changes: Doc = {"$set": values, "$unset": dict.fromkeys(gone, ""), "$inc": counted}
    connection.database["scheduled_jobs"].update_one({"job": job}, changes, upsert=True)


def skipped_while_running(connection: Connection, job: str) -> None:
    """Note that a fire time came while the job still ran."""
    connection.database["scheduled_jobs"].update_one({"job": job}, {"$inc": {"skips": 1}}, upsert=True)


def planned(
    connection: Connection, job: str, *, cron: str, next_due_at: datetime | None, runner: str = "service"
) -> None:
    """Note when a job runs next, and whether a scheduler that stays (``service``) or one run by cron sees to it."""
    changes: Doc = {"$set": {"cron": cron, "runner": runner}}
    if next_due_at is None:
        changes["$unset"] = {"next_due_at": ""}
    else:
        changes["$set"]["next_due_at"] = next_due_at
    connection.database["scheduled_jobs"].update_one({"job": job}, changes, upsert=True)


def forget_others(connection: Connection, jobs: list[str]) -> None:
    """Remove what is known of jobs that are no longer on the schedule."""
    connection.database["scheduled_jobs"].delete_many({"job": {"$nin": jobs}})
