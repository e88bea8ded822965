"""Stopping on Ctrl-C and SIGTERM: after the batch at hand where that is soon, else in the middle of it."""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

logger = logging.getLogger(__name__)
PATIENCE_SECONDS = 2.5
"""So long a stage may take to come to the end of its batch; what is not written then is done by the next run."""


class Interrupted(KeyboardInterrupt):
    """Somebody asked the run to stop; what was written is kept."""


@contextmanager
def stopping_on_signals() -> Iterator[threading.Event]:
    """Tell by an event that somebody asked to stop, and raise where nobody looks at it soon.

    Signals reach the main thread only; in another one the event is never set.

    Raises
    ------
    Interrupted
        `PATIENCE_SECONDS` after the signal, or on a second one, wherever the main thread is.
    """
    asked = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield asked
        return

    def stop(number: int, _frame: FrameType | None) -> None:
        if asked.is_set():
            raise Interrupted("stopped at once")
        logger.warning("stopping (%s); what is written is kept", signal.Signals(number).name)
        asked.set()
        signal.setitimer(signal.ITIMER_REAL, PATIENCE_SECONDS)

    def now(_number: int, _frame: FrameType | None) -> None:
        raise Interrupted("stopped in the middle of a batch")

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    before[signal.SIGALRM] = signal.signal(signal.SIGALRM, now)
    try:
        yield asked
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in before.items():
            signal.signal(number, handler)
