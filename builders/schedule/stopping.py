"""Being asked to stop, by SIGTERM, Ctrl-C or another thread: in order at first, at once when asked twice."""

from __future__ import annotations

import queue
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any

from .event_log import log_event


class StopRequest:
    """Whether somebody has asked to stop, and a wait that ends when somebody does.

    Attributes
    ----------
    made
        Whether it has been made.
    at_once
        Whether what is in work was not to be finished.
    """

    def __init__(self) -> None:
        self.made = False
        self.at_once = False
        # An Event may not be set by a signal handler: the thread it interrupts may hold the lock of that event.
        self._wake: queue.SimpleQueue[None] = queue.SimpleQueue()

    def make(self) -> None:
        """Ask to stop; may be called from any thread and by a signal handler."""
        self.made = True
        self._wake.put(None)

    def wait(self, seconds: float) -> None:
        """Wait for a while, or until somebody asks to stop."""
        with suppress(queue.Empty):
            self._wake.get(timeout=max(0.0, seconds))

    @contextmanager
    def on_signals(self) -> Iterator[None]:
        """Take SIGINT and SIGTERM for such requests, in the main thread; elsewhere they are left alone.

        Raises
        ------
        KeyboardInterrupt
            At the second signal, wherever the main thread is.
        """
        if threading.current_thread() is not threading.main_thread():
            yield
            return

        def stop(number: int, _frame: FrameType | None) -> None:
            if self.made:
                self.at_once = True
                raise KeyboardInterrupt
            log_event("stopping", signal=signal.Signals(number).name)
            self.make()

        before: dict[int, Callable[[int, FrameType | None], Any] | int | None] = {
            number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)
        }
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
