"""Runs a long stage in a process of its own, beside the stages after it that need nothing of what it writes.

The other process has its own connection, and the stage its own lease there; this one goes on with the plan, and waits
where a stage comes that reads what is being made.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, Future, ProcessPoolExecutor
from concurrent.futures import TimeoutError as NotYet
from typing import Any, Final

from ....stores.bookkeeping.runs import StageReport
from ....stores.connection import connect
from ....stores.errors import ExfolioError
from ....stores.settings import Settings
from ..batches import Doc
from ..contract import StageContract
from ..stage import Stage
from .interruption import STOPPING, kept_from_children
from .plan import Held
from .worker_processes import needed_by_workers, start_early, start_method
from .worker_side import end_with_parent
from .workers import DIED

_LOOK_SECONDS: Final = 1.0
"""So often whoever waits looks whether somebody asked to stop, and says how far the other process is."""
Told = tuple[str, tuple[int, int] | None]
"""What a stage is at, and how many steps of how many are done."""


class DiedBeside(ExfolioError):
    """The process that ran a stage died."""


class Beside:
    """A stage that runs in another process; at most one at a time.

    Parameters
    ----------
    settings
        Of the registry.
    run_id
        The run that the stage is part of.
    """

    def __init__(self, settings: Settings, run_id: str) -> None:
        self._settings = settings
        self._run_id = run_id
        self._executor: ProcessPoolExecutor | None = None
        self._future: Future[StageReport] | None = None
        self._told: Any = None
        self.stage: Stage | None = None

    def start(self, stage: Stage) -> None:
        """Begin to run a stage."""
        start_early(needed_by_workers())
        context = multiprocessing.get_context(start_method())
        with kept_from_children():
            self._told = context.SimpleQueue()
            self._executor = ProcessPoolExecutor(1, mp_context=context, initializer=_begin, initargs=(self._told,))
            self._future = self._executor.submit(_run, stage.as_dict(), self._settings, self._run_id)
        self.stage = stage

    def is_needed_by(self, stage: StageContract) -> bool:
        """Whether a stage reads what is being made.

        What stages fused with it read does not count: they work on what they have, and later on the rest.
        """
        if self.stage is None:
            return False
        wanted = (*stage.reads(), *stage.looks_at())
        return any(channel.meets(wish) for channel in self.stage.written_channels() for wish in wanted)

    def holds_up(self, stage: Stage) -> Held:
        """Whether a stage would have to wait for what is being made."""
        if self._future is None or self._future.done():
            return Held.NOT
        if self.is_needed_by(stage):
            return Held.ALTOGETHER
        fused = stage.fused.stages if stage.fused is not None else ()
        return Held.IN_PART if any(self.is_needed_by(follower) for follower in fused) else Held.NOT

    def wait(self, tell: Callable[[Stage], None]) -> StageReport:
        """What the stage did, once it has ended.

        Parameters
        ----------
        tell
            Called every second with the stage, which says what it is at; may raise, where somebody asked to stop.

        Raises
        ------
        DiedBeside
            Its process died.
        Exception
            What the stage raised.
        """
        if self._future is None or self.stage is None:
            raise RuntimeError("no stage was started")
        while True:
            try:
                return self._future.result(_LOOK_SECONDS)
            except NotYet:
                if self._future.done():  # it has ended since, or it is what the stage raised
                    return self._future.result()
                while not self._told.empty():
                    self.stage.doing, self.stage.steps = self._told.get()
                tell(self.stage)
            except BrokenExecutor as error:
                raise DiedBeside(
                    f"{self.stage.name}: {DIED}", "Give it more memory, or run with one process (-n 1)."
                ) from error

    def stop(self) -> None:
        """End the process at once where it still runs a stage; what that has not kept is done again by the next run."""
        executor, future = self._executor, self._future
        self._executor = self._future = self.stage = None
        if executor is None:
            return
        if future is not None and not future.done():
            for process in list(executor._processes.values()):
                process.kill()
        executor.shutdown(wait=False, cancel_futures=True)


_channel: Any = None
"""In the other process: where it tells what it is at."""


def _begin(told: Any) -> None:
    global _channel
    _channel = told
    for number in STOPPING:  # left to the process that waits
        signal.signal(number, signal.SIG_IGN)
    threading.Thread(target=end_with_parent, name="parent watch", daemon=True).start()
    os.environ.setdefault("OMP_NUM_THREADS", "1")


def _run(plain: Doc, settings: Settings, run_id: str) -> StageReport:
    from monty.json import MontyDecoder

    from .runner import run_stage

    def tell(stage: Stage, _report: StageReport) -> None:
        told: Told = (stage.doing, stage.steps)
        _channel.put(told)

    stage: Stage = MontyDecoder().process_decoded(plain)
    with connect(settings) as connection:
        return run_stage(stage, connection, run_id=run_id, progress=tell)
