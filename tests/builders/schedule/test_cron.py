"""Cron expressions mean what crontab(5) says they mean."""

from datetime import UTC, datetime, timedelta

import pytest
from exfolio.builders.schedule.cron import CronError, count_between, cron_trigger, next_after

FRIDAY_NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


def next_fire(expression: str, after: datetime = FRIDAY_NOON, timezone: str = "UTC") -> datetime:
    fire_time = next_after(cron_trigger(expression, timezone=timezone), after)
    assert fire_time is not None
    return fire_time.astimezone(UTC)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("*/15 * * * *", datetime(2026, 11, 20, 12, 15, tzinfo=UTC)),
        ("30 2 * * *", datetime(2026, 11, 21, 2, 30, tzinfo=UTC)),
        ("0 3 * * 0", datetime(2026, 11, 22, 3, 0, tzinfo=UTC)),  # Sunday is 0 …
        ("0 3 * * 7", datetime(2026, 11, 22, 3, 0, tzinfo=UTC)),  # … and 7
        ("0 3 * * 1-5", datetime(2026, 11, 23, 3, 0, tzinfo=UTC)),
        ("0 3 * * MON", datetime(2026, 11, 23, 3, 0, tzinfo=UTC)),
        ("0 3 * * sat-sun", datetime(2026, 11, 21, 3, 0, tzinfo=UTC)),
        ("0 3 * * 2/2", datetime(2026, 11, 21, 3, 0, tzinfo=UTC)),  # Tuesday, Thursday, Saturday
        ("0 3 1 * *", datetime(2026, 12, 1, 3, 0, tzinfo=UTC)),
        ("@weekly", datetime(2026, 11, 22, tzinfo=UTC)),
        ("@monthly", datetime(2026, 12, 1, tzinfo=UTC)),
        ("20 * * * * *", datetime(2026, 11, 20, 12, 0, 20, tzinfo=UTC)),
    ],
)
def test_next_fire_time(expression: str, expected: datetime) -> None:
    assert next_fire(expression) == expected


def test_weekday_range_over_the_end_of_the_week() -> None:
    trigger = cron_trigger("0 0 * * fri-mon")
    moment, days = FRIDAY_NOON, []
    for _ in range(4):
        moment = next_after(trigger, moment)
        days.append(moment.strftime("%a"))
    assert days == ["Sat", "Sun", "Mon", "Fri"]


def test_time_zone() -> None:
    assert next_fire("30 2 * * *", timezone="Europe/Berlin") == datetime(2026, 11, 21, 1, 30, tzinfo=UTC)


def test_fire_times_between_two_moments_are_counted() -> None:
    assert count_between(cron_trigger("*/10 * * * *"), FRIDAY_NOON, FRIDAY_NOON + timedelta(hours=1)) == 5
    assert count_between(cron_trigger("0 0 * * *"), FRIDAY_NOON, FRIDAY_NOON + timedelta(hours=1)) == 0


@pytest.mark.parametrize(
    ("expression", "complaint"),
    [
        ("", "has 0 fields"),
        ("* * * *", "has 4 fields"),
        ("61 * * * *", "can't be read"),
        ("0 3 * * 8", "weekday '8'"),
        ("0 3 * * funday", "weekday 'funday'"),
        ("0 3 13 * 5", "both a day of the month and a weekday"),
        ("0 0 30 2 *", "never fires"),
        ("0 0 31 4,6,9,11 *", "never fires"),
    ],
)
def test_what_cannot_be_meant_is_refused(expression: str, complaint: str) -> None:
    with pytest.raises(CronError, match=complaint):
        cron_trigger(expression)


def fires(expression: str, first: datetime, number: int) -> list[str]:
    trigger, moment, times = cron_trigger(expression, timezone="Europe/Berlin"), first, []
    for _ in range(number):
        moment = next_after(trigger, moment)
        times.append(f"{moment.astimezone(UTC):%d %H:%M}")
    return times


def test_when_clocks_go_back_an_hour_that_is_named_fires_once() -> None:
    # 25 October 2026: 03:00 summer time (01:00 UTC) becomes 02:00 in Berlin
    evening = datetime(2026, 10, 24, 20, tzinfo=UTC)
    assert fires("30 2 * * *", evening, 2) == ["25 00:30", "26 01:30"]
    assert fires("*/30 2 * * *", evening, 3) == ["25 00:00", "25 00:30", "26 01:00"]
    assert fires("30 * * * *", datetime(2026, 10, 25, tzinfo=UTC), 3) == ["25 00:30", "25 01:30", "25 02:30"]


def test_when_clocks_go_forward_an_hour_that_is_left_out_fires_once() -> None:
    assert fires("30 2 * * *", datetime(2026, 3, 28, 20, tzinfo=UTC), 2) == ["29 01:30", "30 00:30"]
