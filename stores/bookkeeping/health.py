"""Whether the registry keeps itself current: what a monitor asks every few minutes. Cheap, and reads only.

Bad records and failed items are for `exfolio status`; here it is about jobs that do not run, or do not get through.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from ..clock import utc_now
from ..connection import Connection
from ..query.patience import patiently
from ..schema import is_initialised
from . import schedules
from .lease_holders import lease_holders
from .overview import last_runs, state_of

Doc = dict[str, Any]
FAILURES_TOLERATED = 2
"""A job that failed more often than this in a row is reported; fewer are what retries are for."""
_BAD_RUNS = frozenset({"failed", "died"})


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at: whether it is well, and what was found."""

    name: str
    well: bool
    message: str


@patiently
def health(connection: Connection) -> list[Check]:
    """Look whether everything that should run does.

    Returns
    -------
    list of Check
        ``database``, ``scheduler``, one check for every job of the schedule, and ``runs``.

    Raises
    ------
    PyMongoError
        The database went away meanwhile.
    """
    if not is_initialised(connection):
        return [Check("database", well=False, message=f"{connection.describe()} is empty: exfolio db init")]
    checks = [Check("database", well=True, message=connection.describe())]
    records = schedules.read_all(connection)
    runners = {record.get("runner", "service") for record in records.values()}
    checks.append(_scheduler(connection, runners or ({"service"} if _is_configured(connection) else set())))
    overdue = timedelta(seconds=connection.settings.schedule.overdue_seconds)
    checks += [_job(record, overdue) for record in records.values()]
    checks.append(_runs(connection, records))
    return checks


def _is_configured(connection: Connection) -> bool:
    schedule = connection.settings.schedule
    return bool(schedule.sources or schedule.campaigns or schedule.refresh or schedule.backup)


def _scheduler(connection: Connection, runners: set[str]) -> Check:
    holder = next((holder for holder in lease_holders(connection.database) if holder.job == schedules.LEASE), None)
    if holder is not None and holder.alive:
        return Check("scheduler", well=True, message=f"runs as {holder.owner}")
    if "service" not in runners:
        return Check("scheduler", well=True, message="run by cron or a timer" if runners else "none is set up")
    last = "gives no sign of life" if holder is not None else "does not run"
    return Check("scheduler", well=False, message=f"{last}; start it with: exfolio schedule")


def _job(record: Doc, overdue: timedelta) -> Check:
    name, now = record["job"], utc_now()
    failures = int(record.get("failures", 0))
    due: datetime | None = record.get("next_due_at")
    if failures > FAILURES_TOLERATED:
        since = f"{record['failing_since']:%Y-%m-%d %H:%MZ}" if "failing_since" in record else "some time"
        text = f"failed {failures} times in a row since {since}: {record.get('error', 'no reason given')}"
        return Check(name, well=False, message=text)
    if record.get("state") == "running":
        return Check(name, well=True, message=f"runs since {record['started_at']:%Y-%m-%d %H:%MZ}")
    if due is not None and now - due > overdue:
        return Check(name, well=False, message=f"was due at {due:%Y-%m-%d %H:%MZ} and has not run")
    told = f"{record.get('state', 'not run yet')}" + (f", failures in a row: {failures}" if failures else "")
    return Check(name, well=True, message=told + (f"; next at {due:%Y-%m-%d %H:%MZ}" if due is not None else ""))


def _runs(connection: Connection, records: dict[str, Doc]) -> Check:
    """Look at the last run of each job, but for those that are on the schedule: their own check speaks of them."""
    pulled = [re.escape(job.removeprefix("source ")) for job in records if job.startswith("source ")]
    theirs = [f"^run ingest:({'|'.join(pulled)})(:|$)"] if pulled else []
    theirs += ["^refresh"] if any(job.startswith(("refresh", "campaign")) for job in records) else []
    skipped = re.compile("|".join(theirs)) if theirs else None
    bad = [
        f"{run['job']} {state} ({run['run_id']}); once that is mended: exfolio {run['job']}"
        for run in last_runs(connection)
        if (state := state_of(run)) in _BAD_RUNS and not (skipped and skipped.match(run["job"]))
    ]
    return Check("runs", well=not bad, message="; ".join(bad) or "no last run of a job failed or died")
