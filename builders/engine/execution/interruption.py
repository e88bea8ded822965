"""Stopping on Ctrl-C and SIGTERM: after the batch at hand where that is soon, else in the middle of it, else for good.

Python runs a handler between two of its own instructions. A library that computes for long in one call keeps the main
thread from it, so in a command a thread of its own watches, and ends the process where nothing else does. That loses no
more than a kill would: what is not written is done by the next run.
"""

from __future__ import annotations

import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Final

import psutil

logger = logging.getLogger(__name__)
PATIENCE_SECONDS: Final = 2.0
"""So long a stage may take to come to the end of its batch; what is not written then is done by the next run."""
LAST_RESORT_SECONDS: Final = 4.0
"""After so long a process that is a command is ended from outside the main thread."""
_RECORDING_SECONDS: Final = 0.6
EXIT_CODE: Final = 130
STOPPING: Final = (signal.SIGINT, signal.SIGTERM)
_SHOW_CURSOR: Final = "\x1b[?25h"  # a progress bar hides it

Farewell = Callable[[], str]
"""Records that a run was interrupted; returns the line to close with."""


def may_end_this_process() -> None:
    """Say that this process is a command, which is ended where it can't be stopped otherwise; a notebook is not."""
    _Watch.may_end_the_process = True


class Interrupted(KeyboardInterrupt):
    """Somebody asked the run to stop; what was written is kept."""


@contextmanager
def stopping_on_signals(farewell: Farewell) -> Iterator[threading.Event]:
    """Tell by an event that somebody asked to stop, and raise where nobody looks at it soon.

    Signals reach the main thread only; in another one the event is never set. Within such a block another one shares
    its event, so that a signal that comes between two stages of a refresh is met as well.

    Parameters
    ----------
    farewell
        Called, from another thread, where the process has to be ended because the main thread can't be reached.

    Raises
    ------
    Interrupted
        `PATIENCE_SECONDS` after the signal, or on a second one, wherever the main thread is; at the end of the
        outermost block where somebody asked and nobody has raised yet.
    """
    if threading.current_thread() is not threading.main_thread():
        yield threading.Event()
        return
    if (outer := _Watch.current) is not None:
        outer.farewells.append(farewell)
        try:
            yield outer.asked
        finally:
            outer.farewells.remove(farewell)
        return
    watch = _Watch.current = _Watch(farewell)
    try:
        with watch.handlers():
            yield watch.asked
    except Exception as error:
        if watch.asked.is_set():  # raised into the middle of something, which made another error of it
            raise Interrupted("stopped in the middle of its work; run again to go on") from error
        raise
    finally:
        _Watch.current = None
        if watch.asked.is_set():
            end_workers()
    if watch.asked.is_set():
        raise Interrupted("stopped as all was done")


class _Watch:
    """Handlers of the signals, and the thread that sees them even where no handler can run."""

    current: _Watch | None = None
    may_end_the_process = False

    def __init__(self, farewell: Farewell) -> None:
        self.asked = threading.Event()
        self.farewells = [farewell]
        self._ended = threading.Event()

    @contextmanager
    def handlers(self) -> Iterator[None]:
        told, tell = socket.socketpair()
        tell.settimeout(0)
        # The interpreter itself writes the number of a signal there at once, whatever the main thread is at.
        before_fd = signal.set_wakeup_fd(tell.fileno(), warn_on_full_buffer=False)
        threading.Thread(target=self._see_to_the_end, args=(told,), name="interruption", daemon=True).start()
        before = {number: signal.signal(number, self._stop) for number in STOPPING}
        before[signal.SIGALRM] = signal.signal(signal.SIGALRM, _now)
        try:
            yield
        finally:
            self._ended.set()
            signal.setitimer(signal.ITIMER_REAL, 0)
            for number, handler in before.items():
                signal.signal(number, handler)
            signal.set_wakeup_fd(before_fd)
            tell.close()  # ends the thread

    def _stop(self, number: int, _frame: FrameType | None) -> None:
        if self.asked.is_set():
            raise Interrupted("stopped at once")
        logger.warning("stopping (%s); what is written is kept", signal.Signals(number).name)
        self.asked.set()
        signal.setitimer(signal.ITIMER_REAL, PATIENCE_SECONDS)

    def _see_to_the_end(self, told: socket.socket) -> None:
        with told:
            while seen := told.recv(1):
                asked = self.may_end_the_process and seen[0] in STOPPING
                if asked and not self._ended.wait(LAST_RESORT_SECONDS):
                    self._end_the_process()

    def _end_the_process(self) -> None:
        recording = threading.Thread(target=self._say_farewell, daemon=True)
        recording.start()
        recording.join(_RECORDING_SECONDS)
        end_workers()
        os._exit(EXIT_CODE)

    def _say_farewell(self) -> None:
        for farewell in reversed(self.farewells):  # the innermost first: it knows best what was going on
            with suppress(Exception):
                line = farewell()
                if farewell is self.farewells[-1]:
                    sys.stderr.write(f"\n{_SHOW_CURSOR if sys.stderr.isatty() else ''}{line}\n")
                    sys.stderr.flush()


def _now(_number: int, _frame: FrameType | None) -> None:
    raise Interrupted("stopped in the middle of a batch")


def end_workers() -> None:
    """End all worker processes, and the one that starts them, which else would first import what it was at."""
    servers = [child for child in psutil.Process().children() if _starts_workers(child)]
    for server in servers:
        with suppress(psutil.NoSuchProcess):
            family = [server, *server.children(recursive=True)]
            server.suspend()  # so that it starts no more
            for process in {*family, *server.children(recursive=True)}:
                process.kill()


def _starts_workers(process: psutil.Process) -> bool:
    try:
        return any("multiprocessing.forkserver" in argument for argument in process.cmdline())
    except psutil.Error:
        return False


@contextmanager
def kept_from_children() -> Iterator[None]:
    """Start processes that never see the signals, as only this one decides when its workers end."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    from multiprocessing import resource_tracker

    resource_tracker.ensure_running()  # it would lift the block, if it were started within
    before = signal.pthread_sigmask(signal.SIG_BLOCK, STOPPING)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
