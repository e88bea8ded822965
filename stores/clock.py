"""The time, always aware and in UTC, cut to the milliseconds that MongoDB keeps."""

from __future__ import annotations

from datetime import UTC, datetime


def utc_now() -> datetime:
    """Time now."""
    now = datetime.now(UTC)
    return now.replace(microsecond=now.microsecond // 1000 * 1000)
