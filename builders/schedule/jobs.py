"""The lines of the schedule: what is run, and how it ended. Read from the settings; runs nothing."""

from __future__ import annotations

from dataclasses import dataclass

from ...stores.errors import ConfigurationError
from ...stores.settings_tables.schedule import ScheduleSettings
from ..candidates.known import load_campaigns
from .cron import CronError, cron_trigger


@dataclass(frozen=True, slots=True)
class Job:
    """One line of the schedule: what is run (source, campaign, refresh or backup), of which name, and when."""

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

    @property
    def went_well(self) -> bool:
        """Whether the job got through, be it with some items failed."""
        return self.state in ("succeeded", "partial")


def jobs_of(settings: ScheduleSettings) -> list[Job]:
    """Jobs of the settings, sources first.

    Raises
    ------
    ConfigurationError
        There is none, or a cron expression can't be read; names the setting.
    """
    jobs = [Job("source", name, cron) for name, cron in settings.sources.items()]
    jobs += [Job("refresh", "", settings.refresh)] if settings.refresh else []
    jobs += [Job("campaign", name, cron) for name, cron in settings.campaigns.items()]
    jobs += [Job("backup", "", settings.backup.cron)] if settings.backup else []
    if not jobs:
        raise ConfigurationError(
            "nothing is on the schedule",
            'Write into exfolio.toml, for example: [schedule] refresh = "30 2 * * *"; docs/schedule.md has more.',
        )
    for job in jobs:
        try:
            cron_trigger(job.cron, timezone=settings.timezone)
        except CronError as error:
            line = f"{job.kind}s.{job.target}" if job.target else {"backup": "backup.cron"}.get(job.kind, job.kind)
            raise CronError(f"schedule.{line}: {error.message}", error.remedy) from None
    load_campaigns([job.target for job in jobs if job.kind == "campaign"])
    return jobs
