"""Log lines of the schedule: a sentence for a person, with the facts beside it for a program."""

from __future__ import annotations

import logging
from datetime import datetime
from typing import Any

logger = logging.getLogger(__name__)


def log_event(event: str, level: int = logging.INFO, **facts: Any) -> None:
    """Write a log line of an event, with the facts that are not None."""
    said = {name: value for name, value in facts.items() if value is not None}
    job = said.get("job", "schedule")
    text = ", ".join(f"{name.replace('_', ' ')} {_shown(value)}" for name, value in said.items() if name != "job")
    logger.log(level, "%s %s%s", job, event, f": {text}" if text else "", extra={"event": event, "facts": said})


def _shown(value: Any) -> str:
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M:%SZ")
    return ", ".join(value) if isinstance(value, list) else str(value)
