"""How long an item may take and how much memory a worker may have, and what holds them to it.

What is computed by Python is interrupted, and costs the item alone; what hangs in a library ends with its process, if
that is a worker, and costs the item as one that died does. Knows no stage.
"""

from __future__ import annotations

import ctypes
import math
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar, Final, Self, TypeVar

from ...stores.settings import Settings

Result = TypeVar("Result")
GIGABYTE: Final = 1e9
LEAST_BYTES: Final = 4 * GIGABYTE
"""A worker has so much at least, as potentials and networks need: where the machine has less for each, fewer workers
are what helps."""
_GRACE_SECONDS: Final = 10.0
"""For what is interrupted to end by itself."""
_ON_ITS_WAY_SECONDS: Final = 1.0
_CONTROL_GROUP: Final = Path("/sys/fs/cgroup/memory.max")


class TookTooLong(BaseException):
    """An item has had its time; no ``Exception``, for libraries catch those."""


@dataclass(frozen=True)
class Limits:
    """What an item and a worker may take; None where there is no limit.

    Attributes
    ----------
    seconds
        Of an item, s.
    memory
        Of a worker, bytes, where somebody has set it or the workers are counted (`shared_by`).
    kills
        Whether the process may be ended, as that of a worker.
    """

    seconds: float | None = None
    memory: int | None = None
    kills: bool = False

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """As the settings have them."""
        given = settings.worker_memory_gb
        return cls(settings.item_seconds, int(given * GIGABYTE) if given else None)

    def shared_by(self, workers: int) -> Self:
        """The same for so many workers of this machine: each has its share of the memory, where none is set."""
        return self if self.memory else replace(self, memory=int(max(LEAST_BYTES, machine_memory() / workers)))

    def of_worker(self, *, own_process: bool) -> Self:
        """The same, in a process that may be ended; its memory is the worker's own only where that is all it does."""
        return replace(self, kills=True, memory=self.memory if own_process else None)

    def hold(self, compute: Callable[[], Result]) -> Result:
        """What is computed, within the time of an item.

        Raises
        ------
        TookTooLong
            It was not done in time.
        """
        if self.seconds is None:
            return compute()
        with self._killing():
            limit = _Limit(threading.get_ident(), time.monotonic() + self.seconds)
            _watch.put(limit)
            interrupted = False
            try:
                return compute()
            except TookTooLong:
                interrupted = True
                raise
            finally:
                _watch.drop(limit)
                if not limit.take() and not interrupted:
                    _let_it_come()

    @contextmanager
    def _killing(self) -> Iterator[None]:
        """By the system, which needs nothing of this process: what hangs in a library may keep Python from running."""
        if self.seconds is None or not self.kills or not _alarm_ends_process():
            yield
            return
        end = _Alarm(time.monotonic() + self.seconds + min(_GRACE_SECONDS, self.seconds))
        try:
            yield
        finally:
            end.call_off()

    def say_time(self) -> str:
        """What an item that had its time is told to have done."""
        return f"it took longer than an item may, {self.seconds:g} s (the setting item_seconds)"

    def say_memory(self) -> str:
        """What an item that found no memory is told to have done."""
        if self.memory is None or not self.kills:
            return "it took more memory than there is"
        return (
            "it took more memory than a worker may have, "
            f"{self.memory / GIGABYTE:.1f} GB (the setting worker_memory_gb)"
        )

    def hold_process(self) -> None:
        """Have this process, a worker's own, get no more memory; what it asks for beyond is refused to it."""
        if self.memory is None or sys.platform != "linux":  # elsewhere this counts something else, or nothing
            return
        import resource

        _, most = resource.getrlimit(resource.RLIMIT_DATA)
        with suppress(ValueError, OSError):  # a stricter one holds already
            resource.setrlimit(resource.RLIMIT_DATA, (self.memory, most))


NO_LIMITS: Final = Limits()


def machine_memory() -> int:
    """Bytes that this machine has, or the container in which this runs."""
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") if hasattr(os, "sysconf") else sys.maxsize
    with suppress(OSError, ValueError):  # no container, or "max"
        total = min(total, int(_CONTROL_GROUP.read_text()))
    return total


def _alarm_ends_process() -> bool:
    return hasattr(signal, "SIGALRM") and signal.getsignal(signal.SIGALRM) is signal.SIG_DFL


class _Alarm:
    """A moment at which the system ends this process, unless it is called off; of several the first is set."""

    _all: ClassVar[list[_Alarm]] = []
    _setting = threading.Lock()  # threads of one worker work on an item each

    def __init__(self, at: float) -> None:
        self.at = at
        with self._setting:
            self._all.append(self)
            self._set()

    def call_off(self) -> None:
        with self._setting:
            self._all.remove(self)
            self._set()

    def _set(self) -> None:
        first = min((alarm.at for alarm in self._all), default=None)
        signal.setitimer(signal.ITIMER_REAL, 0 if first is None else max(0.001, first - time.monotonic()))


class _Limit:
    """A moment after which a thread is interrupted, unless it says before that it is done."""

    def __init__(self, thread: int, until: float) -> None:
        self.thread = thread
        self.until = until
        self._token = [True]

    def take(self) -> bool:
        """Whether nobody else has taken it: the thread, that is done, or the watch, that interrupts it."""
        try:
            return self._token.pop()  # of several threads one has it
        except IndexError:
            return False


class _Watch:
    """A thread that waits for the next moment of all there are."""

    def __init__(self) -> None:
        self._limits: set[_Limit] = set()
        self._wake = threading.Event()
        self._wakes = math.inf
        self._thread: threading.Thread | None = None

    def put(self, limit: _Limit) -> None:
        self._limits.add(limit)
        if self._thread is None or not self._thread.is_alive():  # the first time, and in a process that was forked
            self._wakes = math.inf
            self._wake = threading.Event()
            self._thread = threading.Thread(target=self._wait, name="time of items", daemon=True)
            self._thread.start()
        if limit.until < self._wakes:
            self._wake.set()

    def drop(self, limit: _Limit) -> None:
        self._limits.discard(limit)

    def _wait(self) -> None:
        while True:
            self._wakes = math.inf  # until it is known: who puts one meanwhile wakes this thread
            self._wakes = min((limit.until for limit in self._limits.copy()), default=math.inf)
            left = self._wakes - time.monotonic()
            self._wake.wait(max(0.0, left) if left < threading.TIMEOUT_MAX else None)
            self._wake.clear()
            for limit in self._limits.copy():
                if limit.until <= time.monotonic():
                    self._limits.discard(limit)
                    if limit.take():
                        _interrupt(limit.thread)


def _interrupt(thread: int) -> None:
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), ctypes.py_object(TookTooLong))


def _let_it_come() -> None:
    """Wait for an interruption that is on its way: later it would hit something else."""
    end = time.monotonic() + _ON_ITS_WAY_SECONDS
    while time.monotonic() < end:
        time.sleep(0.001)


_watch = _Watch()

__all__ = ["LEAST_BYTES", "NO_LIMITS", "Limits", "TookTooLong", "machine_memory"]
