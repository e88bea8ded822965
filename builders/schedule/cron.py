"""Reads cron expressions as crontab(5) means them and makes APScheduler triggers of them.

APScheduler counts weekdays from Monday and joins day and weekday by "and"; crontab counts from Sunday and joins them by
"or". Numbers are translated here, and the ambiguous form is refused.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from apscheduler.triggers.cron import CronTrigger  # type: ignore[import-untyped]

from ...stores.errors import ConfigurationError

_NAMED = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_WEEKDAY_PART = re.compile(r"(\*|\w+)(?:-(\w+))?(?:/(\d+))?")
_EVERY = "*"
_MOST_COUNTED = 10_000


class CronError(ConfigurationError):
    """A cron expression that can't be used."""


def cron_trigger(expression: str, *, timezone: str = "UTC") -> CronTrigger:
    """Make a trigger of a cron expression.

    Parameters
    ----------
    expression
        Five fields (minute, hour, day, month, weekday; Sunday is 0 or 7), six with seconds in front, or ``@daily`` and
        the like.
    timezone
        IANA name of the time zone it is meant in.

    Raises
    ------
    CronError
        Where it can't be read, never fires, or names both a day of the month and a weekday.

    Examples
    --------
    >>> cron_trigger("30 2 * * 0").fields[4].expressions
    [sun]
    """
    fields = _NAMED.get(expression.strip().lower(), expression).lower().split()
    remedy = 'Write "minute hour day month weekday", e.g. "30 2 * * mon-fri"; docs/schedule.md has more.'
    if len(fields) not in (5, 6):
        raise CronError(f"the cron expression {expression!r} has {len(fields)} fields in place of 5", remedy)
    second = fields.pop(0) if len(fields) == 6 else "0"
    minute, hour, day, month, weekday = fields
    if day != _EVERY and weekday not in (_EVERY, "?"):
        raise CronError(
            f"the cron expression {expression!r} names both a day of the month and a weekday",
            "Programs differ in what that means: leave one of them at *, or make two campaigns of it.",
        )
    try:
        trigger = CronTrigger(
            second=second,
            minute=minute,
            hour=hour,
            day=day,
            month=month,
            day_of_week=_weekdays(weekday),
            timezone=ZoneInfo(timezone),
        )
    except ValueError as error:
        raise CronError(f"the cron expression {expression!r} can't be read: {error}", remedy) from None
    if next_after(trigger, datetime.now(UTC)) is None:
        raise CronError(f"the cron expression {expression!r} never fires: no month has such a day", remedy)
    return trigger


def next_after(trigger: CronTrigger, moment: datetime) -> datetime | None:
    """First fire time after a moment; None where there is none any more.

    On the day the clocks go back an hour comes twice: an expression that names hours fires in the first of them only,
    one that fires in every hour, or every so many, in both, as those of crontab do.
    """
    names_hours = not str(next(field for field in trigger.fields if field.name == "hour")).startswith(_EVERY)
    fire_time: datetime | None = trigger.get_next_fire_time(moment, moment)
    while fire_time is not None and names_hours and fire_time.astimezone(trigger.timezone).fold:
        fire_time = trigger.get_next_fire_time(fire_time, fire_time)
    return fire_time


def count_between(trigger: CronTrigger, after: datetime, before: datetime) -> int:
    """Count the fire times after one moment and before another, up to 10,000."""
    count = 0
    moment = next_after(trigger, after)
    while moment is not None and moment < before and count < _MOST_COUNTED:
        count += 1
        moment = next_after(trigger, moment)
    return count


def _weekdays(field: str) -> str:
    if field in (_EVERY, "?"):
        return _EVERY
    days: list[str] = []
    for part in field.split(","):
        match = _WEEKDAY_PART.fullmatch(part)
        if match is None:
            raise ValueError(f"weekday {part!r}")
        first, last, step = match.groups()
        low = 0 if first == _EVERY else _weekday(first)
        high = 6 if first == _EVERY or (step and last is None) else low if last is None else _weekday(last)
        # fri-mon goes over the end of the week, and so does 5-7 with Sunday as 7.
        span = range(low, high + 1) if low <= high else range(low, high + 8)
        days += [_WEEKDAYS[day % 7] for day in span[:: int(step or 1)]]
    return ",".join(dict.fromkeys(days))


def _weekday(name: str) -> int:
    if name in _WEEKDAYS:
        return _WEEKDAYS.index(name)
    if not (name.isdecimal() and int(name) <= 7):
        raise ValueError(f"weekday {name!r}")
    return int(name)
