"""What a user may set of the schedule: when each source and campaign is refreshed, and how failures are met.

Holds values only; what a cron expression means is for the scheduler to say.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict, Field


def _checked_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        problem = f"there is no time zone {name!r}; write one of the IANA database, e.g. UTC or Europe/Berlin"
    else:
        return name
    raise ValueError(problem)


class BackupSettings(BaseModel):
    """The table ``[schedule.backup]``: backups as `exfolio db backup` makes them."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    cron: str = Field(description="cron expression")
    folder: Path = Field(description="where the folder of each backup is made")
    keep: int = Field(7, ge=1, description="how many are kept; older ones go once a new one is proven whole")
    passphrase_file: Path | None = Field(None, description="file whose first line seals the backups")


class ScheduleSettings(BaseModel):
    """The table ``[schedule]`` of the settings file, or ``EXFOLIO_SCHEDULE__<NAME>``."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    sources: dict[str, str] = Field(
        default_factory=dict, description="cron expression by name of a source that was ingested before"
    )
    campaigns: dict[str, str] = Field(
        default_factory=dict, description="cron expression by shipped campaign or path of a campaign file"
    )
    refresh: str | None = Field(None, description="cron expression of a refresh of everything refreshed before")
    backup: BackupSettings | None = Field(None, description="when, where and how many backups are made")
    timezone: Annotated[str, AfterValidator(_checked_zone)] = Field(
        "UTC", description="time zone of the cron expressions"
    )
    jitter_seconds: float = Field(
        30, ge=0, description="a run starts up to so much later, at random, to spread load on sources, s"
    )
    backoff_first_seconds: float = Field(60, gt=0, description="wait after the first failure of a job in a row, s")
    backoff_factor: float = Field(2, ge=1, description="each further wait is this many times longer")
    backoff_longest_seconds: float = Field(3600, gt=0, description="longest wait between two attempts, s")
    overdue_seconds: float = Field(
        3600, gt=0, description="a job that is late by more than this is reported by `exfolio status --health`, s"
    )
