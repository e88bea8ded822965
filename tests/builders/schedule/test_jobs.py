"""The settings become jobs, or an error that names the setting."""

from typing import Any

import pytest
from exfolio.builders.schedule.cron import CronError
from exfolio.builders.schedule.jobs import jobs_of
from exfolio.stores.errors import ConfigurationError
from exfolio.stores.settings_tables.schedule import ScheduleSettings


def test_sources_come_before_what_follows_from_them() -> None:
    settings = ScheduleSettings(
        campaigns={"two-dimensional": "0 4 * * sun"}, refresh="@daily", sources={"2dmatpedia": "@weekly"}
    )
    names = [job.name for job in jobs_of(settings)]
    assert names == ["source 2dmatpedia", "refresh", "campaign two-dimensional"]


@pytest.mark.parametrize(
    ("schedule", "error", "complaint"),
    [
        ({}, ConfigurationError, "nothing is on the schedule"),
        ({"sources": {"salts": "often"}}, CronError, r"schedule\.sources\.salts: .* 1 fields"),
        ({"refresh": "99 * * * *"}, CronError, r"schedule\.refresh: "),
        ({"backup": {"cron": "0 0 30 2 *", "folder": "b"}}, CronError, r"schedule\.backup\.cron: .* never fires"),
        ({"campaigns": {"one-dimensional": "@daily"}}, ConfigurationError, "no campaign is called 'one-dimensional'"),
    ],
)
def test_a_wrong_schedule_is_refused(schedule: dict[str, Any], error: type[Exception], complaint: str) -> None:
    with pytest.raises(error, match=complaint):
        jobs_of(ScheduleSettings(**schedule))
