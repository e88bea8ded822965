"""The schedule: runs each source and campaign when its cron expression says, one at a time, until it is told to stop.

What was missed is caught up once, what fails is put off for longer and longer. Everything happens in one thread, the
main one, where a signal lets a stage finish its batch.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Final, Literal

from pymongo.errors import PyMongoError

from ...stores.bookkeeping import schedules
from ...stores.bookkeeping.leases import Lease
from ...stores.clock import utc_now
from ...stores.connection import Connection, explain
from ...stores.errors import ExfolioError, LeaseHeld
from ...stores.schema import initialise, is_up_to_date
from .event_log import log_event
from .job_runner import JobRunner
from .jobs import Ending, Job, jobs_of
from .notices import notices_of, send
from .stopping import StopRequest
from .timetable import backoff, fire_times, first_due, next_fire

Doc = dict[str, Any]

_LOOKS_UP_SECONDS: Final = 5.0  # how often an idle scheduler sees whether it still holds its lease


class Scheduler:
    """Runs the jobs of the settings.

    Parameters
    ----------
    connection
        The database; its settings hold the schedule.
    processes
        Worker processes of heavy stages.

    Raises
    ------
    ConfigurationError
        The schedule can't be used.
    """

    def __init__(self, connection: Connection, *, processes: int = 1) -> None:
        self.connection = connection
        self.settings = connection.settings.schedule
        self.jobs = jobs_of(self.settings)
        self._stop = StopRequest()
        self._runner = JobRunner(connection, processes=processes, stop=self._stop)
        self._failures: dict[str, int] = {}
        if not is_up_to_date(connection):
            initialise(connection)

    @property
    def stopped_at_once(self) -> bool:
        """Whether it was told not to finish what was in work."""
        return self._stop.at_once

    def serve(self) -> None:
        """Run jobs as they come due, until `stop` or a signal. Stands by while another scheduler runs.

        Raises
        ------
        LeaseLost
            Another scheduler has taken over, because this one was silent for too long.
        """
        with self._stop.on_signals(), self._alone() as lease:
            if lease is None:
                return
            due = self._plan_when_the_database_answers(lease)
            log_event("started", jobs=[job.name for job in self.jobs])
            try:
                while not self._stop.made:
                    lease.check()
                    self._run_next(due)
            finally:
                log_event("stopped", at_once=self.stopped_at_once)

    def run_due(self) -> list[tuple[Job, Ending]]:
        """Run once what was missed, never ran, or waits for another attempt that is due by now.

        Raises
        ------
        LeaseHeld
            A scheduler runs and sees to it.
        """
        endings = []
        lease = Lease(self.connection, schedules.LEASE, seconds=self.connection.settings.lease_seconds)
        with self._stop.on_signals(), lease:
            known = self._remembered()
            for job in self.jobs:
                due_at = first_due(job, known.get(job.name, {}), self.settings, new_is_due=True)
                if not self._stop.made and due_at is not None and due_at <= utc_now():
                    ending, next_due_at = self._run(job)
                    self._note_plan(job, next_due_at, "once")
                    endings.append((job, ending))
        return endings

    def stop(self) -> None:
        """Finish the batch in work, then stop; may be called from any thread."""
        self._stop.make()

    def plan(self) -> list[Doc]:
        """Record of every job, with the time of its next run, without jitter."""
        known = schedules.read_all(self.connection)
        rows = []
        for job in self.jobs:
            record = known.get(job.name, {})
            next_due_at = first_due(job, record, self.settings)
            rows.append({**record, "job": job.name, "cron": job.cron, "next_due_at": next_due_at})
        return rows

    # When

    def _plan_when_the_database_answers(self, lease: Lease) -> dict[Job, datetime]:
        while not self._stop.made:
            lease.check()
            try:
                return self._plan_first_runs()
            except PyMongoError as error:
                log_event("waiting", logging.WARNING, reason=explain(error, self.connection).message)
                self._stop.wait(_LOOKS_UP_SECONDS)
        return {}

    def _plan_first_runs(self) -> dict[Job, datetime]:
        known = self._remembered()
        schedules.forget_others(self.connection, [job.name for job in self.jobs])
        self._warn_of_unknown_sources()
        due: dict[Job, datetime] = {}
        for job in self.jobs:
            due_at = first_due(job, known.get(job.name, {}), self.settings)
            now = utc_now()
            if due_at is not None and due_at <= now:
                log_event("catching up", job=job.name, missed_at=due_at)
                due_at = now
            elif not self._failures.get(job.name):
                due_at = next_fire(job, now, self.settings)
            if due_at is not None:
                due[job] = due_at
            self._note_plan(job, due_at, "service")
        return due

    def _run_next(self, due: dict[Job, datetime]) -> None:
        """Run the job that has been due for longest, once however many fire times it has missed; or wait a little.

        Parameters
        ----------
        due
            When each job is due; brought up to date. A job that fires no more is not in it.
        """
        first = min(due, key=due.__getitem__, default=None)
        wait = _LOOKS_UP_SECONDS if first is None else (due[first] - utc_now()).total_seconds()
        if first is None or wait > 0:
            self._stop.wait(min(wait, _LOOKS_UP_SECONDS))
            return
        due_at = due.pop(first)
        _, next_due_at = self._run(first, due_at)
        self._note_plan(first, next_due_at, "service")
        if next_due_at is not None:
            due[first] = next_due_at

    def _remembered(self) -> dict[str, Doc]:
        known = schedules.read_all(self.connection)
        self._failures = {name: int(record.get("failures", 0)) for name, record in known.items()}
        return known

    def _warn_of_unknown_sources(self) -> None:
        for job in self.jobs:
            if job.kind == "source":
                try:
                    self._runner.stages_of_source(job.target)
                except ExfolioError as error:
                    log_event("can't run as it is", logging.WARNING, job=job.name, reason=error.message)

    # One job

    def _run(self, job: Job, due_at: datetime | None = None) -> tuple[Ending, datetime | None]:
        """Run a job that has been due since `due_at`, keep on record how it ended; also gives when it is due again."""
        log_event("begun", job=job.name)
        start, began_at = time.monotonic(), utc_now()
        with self._despite_the_database(job):
            schedules.began(self.connection, job.name, cron=job.cron)
        ending = self._runner.run(job)
        seconds, now = time.monotonic() - start, utc_now()
        skips = 0 if due_at is None else fire_times(job, due_at, now, self.settings)
        if skips:
            log_event("skipped", job=job.name, times=skips, reason="it still ran")
        before = self._failures.get(job.name, 0)
        next_due_at = self._settle(job, ending, now, seconds=seconds, skips=skips)
        self._tell(job, ending, began_at, self._failures[job.name] or before)
        return ending, next_due_at

    def _tell(self, job: Job, ending: Ending, began_at: datetime, failures: int) -> None:
        with self._despite_the_database(job):
            send(list(notices_of(self.connection, job, ending, began_at, failures)), self.connection.settings.notify)

    def _settle(self, job: Job, ending: Ending, now: datetime, *, seconds: float, skips: int) -> datetime | None:
        before = self._failures.get(job.name, 0)
        recovered = before > 0 and ending.went_well
        failures = before + 1 if ending.state == "failed" else 0 if recovered else before
        self._failures[job.name] = failures
        again, passed_over = None, 0
        if ending.state == "failed" or (ending.state == "skipped" and failures):
            again = now + backoff(max(1, failures), self.settings)
            passed_over = fire_times(job, now, again, self.settings)
        facts: Doc = {"job": job.name, "state": ending.state, "written": ending.written, "seconds": round(seconds, 3)}
        facts |= {"run_id": ending.run_id, "reason": ending.error, "failures": failures, "next_attempt_at": again}
        log_event(
            "recovered" if recovered else "ended",
            logging.WARNING if ending.state in ("failed", "skipped", "partial") else logging.INFO,
            **facts,
        )
        with self._despite_the_database(job):
            schedules.ended(
                self.connection,
                job.name,
                ending.state,
                error=ending.error,
                run_id=ending.run_id,
                failures=failures,
                recovered=recovered,
                passed_over=passed_over,
                skips=skips,
            )
        return again or next_fire(job, now, self.settings)

    def _note_plan(self, job: Job, next_due_at: datetime | None, runner: Literal["service", "once"]) -> None:
        with self._despite_the_database(job):
            schedules.planned(self.connection, job.name, cron=job.cron, next_due_at=next_due_at, runner=runner)

    @contextmanager
    def _despite_the_database(self, job: Job) -> Iterator[None]:
        try:
            yield
        except PyMongoError as error:
            log_event("not recorded", logging.WARNING, job=job.name, reason=explain(error, self.connection).message)

    # Alone

    @contextmanager
    def _alone(self) -> Iterator[Lease | None]:
        lease = Lease(self.connection, schedules.LEASE, seconds=self.connection.settings.lease_seconds)
        held, said = False, ""
        while not held and not self._stop.made:
            try:
                lease.acquire()
                held = True
            except LeaseHeld as error:
                said = self._say_once("standing by", error, said)
            except PyMongoError as error:  # it outlives its database, to be there when that comes back
                said = self._say_once("waiting", explain(error, self.connection), said)
            if not held:
                self._stop.wait(min(_LOOKS_UP_SECONDS, lease.seconds / 3))
        try:
            yield lease if held else None
        finally:
            lease.release()

    @staticmethod
    def _say_once(event: str, error: ExfolioError, said: str) -> str:
        if event != said:
            log_event(event, logging.INFO if isinstance(error, LeaseHeld) else logging.WARNING, reason=error.message)
        return event
