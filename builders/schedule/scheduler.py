"""The schedule: runs each source and campaign when its cron expression says, one at a time, until it is told to stop.

What was missed is caught up once, what fails is put off for longer and longer. APScheduler only tells the time: the
work is done in the main thread, where a signal lets a stage finish its batch.
"""

from __future__ import annotations

import logging
import queue
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import FrameType
from typing import Any, Final
from zoneinfo import ZoneInfo

from apscheduler.events import EVENT_JOB_MAX_INSTANCES  # type: ignore[import-untyped]
from apscheduler.executors.base import BaseExecutor, run_job  # type: ignore[import-untyped]
from apscheduler.jobstores.base import JobLookupError  # type: ignore[import-untyped]
from apscheduler.schedulers.background import BackgroundScheduler  # type: ignore[import-untyped]
from pymongo.errors import PyMongoError

from ...stores.bookkeeping import schedules
from ...stores.bookkeeping.leases import Lease, LeaseLost
from ...stores.bookkeeping.runs import StageReport
from ...stores.clock import utc_now
from ...stores.connection import Connection, explain
from ...stores.errors import ConfigurationError, ExfolioError, LeaseHeld
from ...stores.schedule_settings import ScheduleSettings
from ...stores.schema import initialise, is_initialised
from ..candidates.known import load_campaigns
from ..engine.runner import Interrupted, run_stage
from ..engine.stage import Stage
from ..refresh import known_sources, refresh
from .cron import CronError, count_between, cron_trigger, next_after

logger = logging.getLogger(__name__)
Doc = dict[str, Any]

_LOOKS_UP_SECONDS: Final = 5.0  # how often an idle scheduler sees whether it still holds its lease
_BACKOFF_SPREAD: Final = 0.1  # waits differ by so much, lest many jobs come back at the same moment
_PULL: Final = "ingest:"  # begins the names of the stages that read sources
_UNFINISHED: Final = ("running", "interrupted")


@dataclass(frozen=True, slots=True)
class Job:
    """One line of the schedule: what is run (``source``, ``campaign`` or ``refresh``), of which name, and when."""

    kind: str
    target: str
    cron: str

    @property
    def name(self) -> str:
        """Name in records and log lines."""
        return f"{self.kind} {self.target}".strip()


@dataclass(frozen=True, slots=True)
class Ending:
    """How a job ended: a state of `ScheduledJob`, and what there is to say about it."""

    state: str
    error: str | None = None
    run_id: str | None = None
    written: int = 0


def jobs_of(settings: ScheduleSettings) -> list[Job]:
    """Give the jobs of the settings, sources first.

    Raises
    ------
    ConfigurationError
        There is none, or a cron expression can't be read; names the setting.
    """
    jobs = [Job("source", name, cron) for name, cron in settings.sources.items()]
    jobs += [Job("refresh", "", settings.refresh)] if settings.refresh else []
    jobs += [Job("campaign", name, cron) for name, cron in settings.campaigns.items()]
    if not jobs:
        raise ConfigurationError(
            "nothing is on the schedule",
            'Write into exfolio.toml, for example: [schedule] refresh = "30 2 * * *"; docs/schedule.md has more.',
        )
    for job in jobs:
        try:
            cron_trigger(job.cron, timezone=settings.timezone)
        except CronError as error:
            where = f"schedule.refresh: {error.message}"
            if job.target:
                where = f"schedule.{job.kind}s.{job.target}: {error.message}"
            raise CronError(where, error.remedy) from None
    load_campaigns([job.target for job in jobs if job.kind == "campaign"])
    return jobs


class _InMainThread(BaseExecutor):
    """Executor of APScheduler that only hands over what is due; the main thread does it."""

    def __init__(self) -> None:
        super().__init__()
        self._due: queue.SimpleQueue[tuple[Any, list[datetime]] | None] = queue.SimpleQueue()

    def _do_submit_job(self, job: Any, run_times: list[datetime]) -> None:
        self._due.put((job, run_times))

    def run_next(self, timeout: float) -> None:
        """Run the next job that is due, or return when there is none for so many seconds."""
        try:
            found = self._due.get(timeout=timeout)
        except queue.Empty:
            return
        if found is not None:
            job, run_times = found
            self._run_job_success(job.id, run_job(job, "default", run_times, self._logger.name))

    def wake(self) -> None:
        """Let `run_next` return; may be called by a signal handler."""
        self._due.put(None)


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
        self.processes = processes
        self.settings = connection.settings.schedule
        self.jobs = jobs_of(self.settings)
        self.stopped_at_once = False
        self._stop = threading.Event()
        self._executor = _InMainThread()
        self._clock: BackgroundScheduler | None = None
        self._failures: dict[str, int] = {}
        if not is_initialised(connection):
            initialise(connection)

    def serve(self) -> None:
        """Run jobs as they come due, until `stop` or a signal. Stands by while another scheduler runs.

        Raises
        ------
        LeaseLost
            Another scheduler has taken over, because this one was silent for too long.
        """
        with self._signals(), self._alone() as lease:
            if lease is None:
                return
            self._start_clock()
            _log("started", jobs=[job.name for job in self.jobs])
            try:
                while not self._stop.is_set():
                    lease.check()
                    self._executor.run_next(_LOOKS_UP_SECONDS)
            finally:
                if self._clock is not None:
                    self._clock.shutdown(wait=False)
                _log("stopped", at_once=self.stopped_at_once)

    def run_due(self) -> list[tuple[Job, Ending]]:
        """Run once what was missed, never ran, or waits for another attempt that is due by now.

        Raises
        ------
        LeaseHeld
            A scheduler runs and sees to it.
        """
        endings = []
        with self._signals(), Lease(self.connection, schedules.LEASE, seconds=self.connection.settings.lease_seconds):
            known = self._remembered()
            for job in self.jobs:
                first = self._first_time(job, known.get(job.name, {}), new_is_due=True)
                if not self._stop.is_set() and first is not None and first <= utc_now():
                    endings.append((job, self._run(job)))
        return endings

    def stop(self) -> None:
        """Finish the batch in work, then stop; may be called from any thread."""
        self._stop.set()
        self._executor.wake()

    def plan(self) -> list[Doc]:
        """Give for every job what is known of it and when it runs next, without jitter."""
        known = schedules.read_all(self.connection)
        rows = []
        for job in self.jobs:
            next_due = self._first_time(job, known.get(job.name, {}))
            rows.append({**known.get(job.name, {}), "job": job.name, "cron": job.cron, "next_due_at": next_due})
        return rows

    # The clock

    def _start_clock(self) -> None:
        known = self._remembered()
        schedules.forget_others(self.connection, [job.name for job in self.jobs])
        self._warn_of_unknown_sources()
        logging.getLogger("apscheduler").setLevel(logging.ERROR)  # what it would say is said here, with the reasons
        self._clock = BackgroundScheduler(
            executors={"default": self._executor},
            job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1},
            timezone=ZoneInfo("UTC"),
        )
        self._clock.add_listener(self._skipped, EVENT_JOB_MAX_INSTANCES)
        for job in self.jobs:
            trigger = cron_trigger(job.cron, timezone=self.settings.timezone, jitter=self.settings.jitter_seconds)
            first = self._first_time(job, known.get(job.name, {}))
            now = utc_now()
            if first is not None and first <= now:
                _log("catching up", job=job.name, missed_at=first)
                first = now
            elif self._failures.get(job.name, 0) == 0:
                first = next_after(trigger, now)
            self._clock.add_job(self._run, trigger, args=[job], id=job.name, next_run_time=first)
            self._note_plan(job, first)
        self._clock.start()

    def _remembered(self) -> dict[str, Doc]:
        known = schedules.read_all(self.connection)
        self._failures = {name: int(record.get("failures", 0)) for name, record in known.items()}
        return known

    def _first_time(self, job: Job, record: Doc, *, new_is_due: bool = False) -> datetime | None:
        """Give when a job is due, a moment in the past where it was missed."""
        trigger = cron_trigger(job.cron, timezone=self.settings.timezone)
        now = utc_now()
        started: datetime | None = record.get("started_at")
        if started is None:
            # Its first fire time may have come while nobody was there to see it.
            planned: datetime | None = record.get("next_due_at")
            missed = planned is not None and planned <= now
            return now if new_is_due else planned if missed else next_after(trigger, now)
        if record.get("state") in _UNFINISHED:
            return started
        if record.get("failures"):
            again: datetime | None = record.get("next_due_at")
            return again or now
        return next_after(trigger, started)

    def _skipped(self, event: Any) -> None:
        _log("skipped", job=event.job_id, reason="it still runs")
        with self._despite_the_database(event.job_id):
            schedules.skipped_while_running(self.connection, event.job_id)

    def _warn_of_unknown_sources(self) -> None:
        for job in self.jobs:
            if job.kind == "source":
                try:
                    self._sources(job.target)
                except ExfolioError as error:
                    _log("can't run as it is", logging.WARNING, job=job.name, reason=error.message)

    # One job

    def _run(self, job: Job) -> Ending:
        if self._stop.is_set():  # it stays due: the next scheduler catches it up
            return Ending("interrupted")
        _log("begun", job=job.name)
        start = time.monotonic()
        with self._despite_the_database(job.name):
            schedules.began(self.connection, job.name, cron=job.cron)
        ending = self._attempt(job)
        self._settle(job, ending, time.monotonic() - start)
        return ending

    def _attempt(self, job: Job) -> Ending:
        try:
            return self._refreshed(job) if job.kind != "source" else self._pulled(job)
        except LeaseHeld as error:
            return Ending("skipped", error.message)
        except KeyboardInterrupt as error:  # a signal came while it ran
            self._stop.set()
            self.stopped_at_once = not isinstance(error, Interrupted)
            return Ending("interrupted", "asked to stop")
        except ExfolioError as error:
            return Ending("failed", error.message)
        except PyMongoError as error:
            return Ending("failed", explain(error, self.connection).message)
        except Exception as error:  # a defect in one job must not end the others
            logger.exception("%s failed in an unforeseen way", job.name)
            return Ending("failed", f"{type(error).__name__}: {error}")

    def _pulled(self, job: Job) -> Ending:
        failed, written, run_id = 0, 0, None
        errors: list[ExfolioError] = []
        stages = self._sources(job.target)
        for stage in stages:  # more than one where a source is pulled in parts
            try:
                report = run_stage(stage, self.connection, processes=1, progress=self._stop_between)
            except LeaseLost:
                raise
            except ExfolioError as error:
                errors.append(error)
            else:
                failed, written, run_id = failed + report.failed, written + report.written, stage.current_run.run_id
        if errors and len(stages) == 1:
            raise errors[0]
        if errors:
            return Ending("failed", "; ".join(error.message for error in errors), run_id, written)
        return Ending("partial" if failed else "succeeded", None, run_id, written)

    def _sources(self, name: str) -> list[Stage]:
        """Give the stages of a source: the one of this name, or all its parts (``mp`` for ``mp:Mn-O``)."""
        stages: list[Stage] = list(known_sources(self.connection))
        found = [stage for stage in stages if _is_of_source(stage.name, name)]
        if not found:
            raise _unknown(name, {stage.name.removeprefix(_PULL) for stage in stages})
        return found

    def _seen_to(self) -> set[str]:
        """Give the names of the stages that have a line of their own on the schedule."""
        known = {stage.name for stage in known_sources(self.connection)}
        return {f"{_PULL}{name}" for name in self.settings.sources} | {
            stage for stage in known for name in self.settings.sources if _is_of_source(stage, name)
        }

    def _refreshed(self, job: Job) -> Ending:
        campaigns = load_campaigns([job.target]) if job.kind == "campaign" else []
        report = refresh(
            self.connection,
            campaigns,
            processes=self.processes,
            progress=self._stop_between,
            stage_done=self._stop_after,
            # A source with a line of its own is pulled, and put off while it is down, by that line.
            leave_out=self._seen_to(),
        )
        return Ending(
            report.state, report.what_went_wrong, report.run_id, sum(stage.written for stage in report.stages)
        )

    def _stop_between(self, _stage: Stage, _report: StageReport) -> None:
        self._stop_after(_report)

    def _stop_after(self, _report: StageReport) -> None:
        if self._stop.is_set():
            raise Interrupted("asked to stop")

    def _settle(self, job: Job, ending: Ending, seconds: float) -> None:
        before = self._failures.get(job.name, 0)
        recovered = before > 0 and ending.state in ("succeeded", "partial")
        failures = before + 1 if ending.state == "failed" else 0 if recovered else before
        self._failures[job.name] = failures
        trigger = cron_trigger(job.cron, timezone=self.settings.timezone)
        now = utc_now()
        again, passed = None, 0
        if ending.state == "failed" or (ending.state == "skipped" and failures):
            again = now + timedelta(seconds=self._wait(max(1, failures)))
            passed = count_between(trigger, now, again)
        facts: Doc = {"job": job.name, "state": ending.state, "written": ending.written, "seconds": round(seconds, 3)}
        facts |= {"run_id": ending.run_id, "reason": ending.error, "failures": failures, "next_attempt_at": again}
        _log(
            "recovered" if recovered else "ended",
            logging.WARNING if ending.state in ("failed", "skipped", "partial") else logging.INFO,
            **facts,
        )
        if again is not None:
            self._put_off(job, again)
        with self._despite_the_database(job.name):
            schedules.ended(
                self.connection,
                job.name,
                ending.state,
                error=ending.error,
                run_id=ending.run_id,
                failures=failures,
                recovered=recovered,
                passed_over=passed,
            )
        self._note_plan(job, again or self._planned(job) or next_after(trigger, now))

    def _wait(self, failures: int) -> float:
        settings = self.settings
        growth = settings.backoff_factor ** min(failures - 1, 64)
        wait = min(settings.backoff_first_seconds * growth, settings.backoff_longest_seconds)
        return wait * (1 + random.uniform(0, _BACKOFF_SPREAD))  # noqa: S311  nothing secret

    def _put_off(self, job: Job, until: datetime) -> None:
        if self._clock is not None:
            with suppress(JobLookupError):  # its trigger fires no more
                self._clock.modify_job(job.name, next_run_time=until)

    def _planned(self, job: Job) -> datetime | None:
        found = self._clock.get_job(job.name) if self._clock is not None else None
        return found.next_run_time if found is not None else None

    def _note_plan(self, job: Job, next_due_at: datetime | None) -> None:
        with self._despite_the_database(job.name):
            runner = "once" if self._clock is None else "service"
            schedules.planned(self.connection, job.name, cron=job.cron, next_due_at=next_due_at, runner=runner)

    @contextmanager
    def _despite_the_database(self, job: str) -> Iterator[None]:
        try:
            yield
        except PyMongoError as error:
            _log("not recorded", logging.WARNING, job=job, reason=explain(error, self.connection).message)

    # Alone, and stopped in order

    @contextmanager
    def _alone(self) -> Iterator[Lease | None]:
        lease = Lease(self.connection, schedules.LEASE, seconds=self.connection.settings.lease_seconds)
        said = held = False
        while not held and not self._stop.is_set():
            try:
                lease.acquire()
                held = True
            except LeaseHeld as error:
                if not said:
                    _log("standing by", reason=error.message)
                    said = True
                self._stop.wait(min(_LOOKS_UP_SECONDS, lease.seconds / 3))
        try:
            yield lease if held else None
        finally:
            lease.release()

    @contextmanager
    def _signals(self) -> Iterator[None]:
        if threading.current_thread() is not threading.main_thread():
            yield
            return

        def stop(number: int, _frame: FrameType | None) -> None:
            if self._stop.is_set():  # asked twice: at once
                self.stopped_at_once = True
                raise KeyboardInterrupt
            _log("stopping", signal=signal.Signals(number).name)
            self.stop()

        before: dict[int, Callable[[int, FrameType | None], Any] | int | None] = {
            number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)
        }
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def _is_of_source(stage: str, source: str) -> bool:
    return stage == f"{_PULL}{source}" or stage.startswith(f"{_PULL}{source}:")


def _unknown(name: str, known: set[str]) -> ConfigurationError:
    there = f"there are: {', '.join(sorted(known))}" if known else "there is none yet"
    return ConfigurationError(f"no source is called {name!r}; {there}", "Ingest it once: exfolio ingest --help")


def _log(event: str, level: int = logging.INFO, **facts: Any) -> None:
    """Write a log line for a person, with the facts beside it for a program."""
    said = {name: value for name, value in facts.items() if value is not None}
    job = said.get("job", "schedule")
    text = ", ".join(f"{name.replace('_', ' ')} {_shown(value)}" for name, value in said.items() if name != "job")
    logger.log(level, "%s %s%s", job, event, f": {text}" if text else "", extra={"event": event, "facts": said})


def _shown(value: Any) -> str:
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M:%SZ")
    return ", ".join(value) if isinstance(value, list) else str(value)
