"""Keeps maggma's multi-process runner from waiting for ever.

``mrun -n N`` swallows a dead worker process and an error while items are selected, and then waits for results that
never come (maggma 0.77, maggma/cli/multiprocessing.py). The guard sits in the main process, sees both, records the
run as failed and cancels the task, so that ``mrun`` ends with an error and the next run does what is left.
"""

from __future__ import annotations

import asyncio
import logging
import multiprocessing
import threading
from collections.abc import Callable

logger = logging.getLogger(__name__)
_EVERY_SECONDS = 0.5
_SILENT_LOOKS = 4  # workers are gone for so many looks before the guard acts


class WorkersLost(RuntimeError):
    """The worker processes of a multi-process run died with work in their hands."""


class MrunGuard:
    """Watches one run; without an event loop (serial runs) it has nothing to watch.

    Parameters
    ----------
    loop, task
        The event loop and the task of ``mrun``.
    abandon
        Called with the error before the task is cancelled.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop | None,
        task: asyncio.Task[object] | None,
        abandon: Callable[[BaseException], None],
    ) -> None:
        self._loop = loop
        self._task = task
        self._abandon = abandon
        self._given = 0
        self._done = 0
        self._stop = threading.Event()
        if loop is not None:
            threading.Thread(target=self._watch, name="mrun guard", daemon=True).start()

    @classmethod
    def attach(cls, abandon: Callable[[BaseException], None]) -> MrunGuard:
        """Make a guard for whatever runs the calling code."""
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return cls(None, None, abandon)
        return cls(loop, asyncio.current_task(), abandon)

    def given(self, count: int) -> None:
        """Note how many batches were handed out."""
        self._given = count

    def done(self, count: int) -> None:
        """Note how many batches were written."""
        self._done = count

    def stop(self) -> None:
        """End the watch."""
        self._stop.set()

    def cancel(self, error: BaseException) -> None:
        """Cancel the runner's task, if there is one."""
        self._stop.set()
        if self._loop is not None and self._task is not None:
            self._loop.call_soon_threadsafe(self._task.cancel, f"{type(error).__name__}: {error}")

    def _watch(self) -> None:
        silent = 0
        while not self._stop.wait(_EVERY_SECONDS):
            alive = [process for process in multiprocessing.active_children() if process.is_alive()]
            silent = silent + 1 if not alive and self._done < self._given else 0
            if silent >= _SILENT_LOOKS:
                left = self._given - self._done
                error = WorkersLost(f"the worker processes died; {left} batches are left for the next run")
                logger.error("%s", error)
                self._abandon(error)
                self.cancel(error)
                return
