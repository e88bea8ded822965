"""Keeps maggma's runners from waiting for ever.

``mrun -n N`` swallows a dead worker process and an error while items are selected, and then waits for results that
never come (maggma 0.77, maggma/cli/multiprocessing.py). The guard sits in the main process, sees both, records the
run as failed and cancels the task, so that ``mrun`` ends with an error and the next run does what is left.

The manager of a distributed ``mrun`` waits for ever for a worker that died with a share of the work, and sends its
workers away after the first builder of a file, so that the second one gets none (maggma/cli/distributed.py). Another
guard ends the first; the second is refused before it begins.
"""

from __future__ import annotations

import _thread
import asyncio
import inspect
import logging
import multiprocessing
import re
import signal
import threading
import time
from collections.abc import Callable
from typing import Any, Final

from pymongo.errors import PyMongoError

from ...stores.bookkeeping.leases import is_dead
from ...stores.connection import Connection
from ...stores.errors import ConfigurationError

logger = logging.getLogger(__name__)
_EVERY_SECONDS = 0.5
_SILENT_LOOKS = 4  # workers are gone for so many looks before the guard acts
_SILENT_SECONDS: Final = 60.0
"""So long nobody may be at work on a distributed run that was begun, and is not done."""


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


def share_job(stage: str, number: int) -> str:
    """Name of the lease that a worker of a distributed run holds while it works on its share."""
    return f"share {number} of stage {stage}"


def refuse_several_builders() -> None:
    """Refuse what maggma's manager can't do: a file of more than one builder.

    Raises
    ------
    ConfigurationError
        The manager that calls was given several.
    """
    for frame in inspect.stack(context=0):
        if frame.function == "manager" and frame.frame.f_globals.get("__name__") == "maggma.cli.distributed":
            if len(frame.frame.f_locals.get("builders", ())) > 1:
                raise ConfigurationError(
                    "maggma's distributed runner sends its workers away after the first builder, and waits for ever",
                    "Write one builder into each file, or use exfolio refresh --dask, which does all stages.",
                )
            return


class SharesGuard:
    """Watches, in the manager of a distributed run, over the workers that have shares of it.

    Parameters
    ----------
    connection
        The registry, in which every worker shows signs of life.
    stage
        Name of the stage.
    number
        How many shares there are.
    abandon
        Called with the error before the manager is interrupted.
    """

    def __init__(
        self, connection: Connection, stage: str, number: int, abandon: Callable[[BaseException], None]
    ) -> None:
        self._leases = connection.database["leases"]
        self._stage = stage
        self._number = number
        self._abandon = abandon
        self._stop = threading.Event()
        self._silent_since = time.monotonic()
        if (
            signal.getsignal(signal.SIGINT) is signal.SIG_IGN
        ):  # as a shell leaves it for what it starts in the background
            signal.signal(signal.SIGINT, signal.default_int_handler)
        self._forget()
        threading.Thread(target=self._watch, name="mrun guard", daemon=True).start()

    def stop(self) -> None:
        """End the watch."""
        self._stop.set()
        self._forget()

    @property
    def _all(self) -> dict[str, Any]:
        return {"job": {"$regex": f"^share .* of stage {re.escape(self._stage)}$"}}

    def _forget(self) -> None:
        self._leases.delete_many(self._all)

    def _watch(self) -> None:
        while not self._stop.wait(_EVERY_SECONDS):
            try:
                error = self._what_is_wrong()
            except PyMongoError:
                continue
            if error is not None:
                logger.error("%s", error)
                self._abandon(error)
                _thread.interrupt_main()
                return

    def _what_is_wrong(self) -> WorkersLost | None:
        expired = {"$lt": ["$expires_at", "$$NOW"]}
        shown = {"job": 1, "owner": 1, "process": 1, "expired": expired}
        begun = list(self._leases.aggregate([{"$match": self._all}, {"$project": shown}]))
        at_work = [lease for lease in begun if lease["owner"]]
        if dead := sorted(lease["job"] for lease in at_work if lease["expired"] or is_dead(lease.get("process"))):
            return WorkersLost(f"the worker of {dead[0]} died; what is left is done by the next run")
        if at_work or not begun or len(begun) == self._number:
            self._silent_since = time.monotonic()
        elif time.monotonic() - self._silent_since > _SILENT_SECONDS:
            left = self._number - len(begun)
            return WorkersLost(f"no worker has taken any of {left} shares for {_SILENT_SECONDS:.0f} s")
        return None
