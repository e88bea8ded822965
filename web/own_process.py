"""Work that can be ended: one function at a time in a process of its own, which a thread's work could not be."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection as Pipe
from typing import Any, Final, ParamSpec, TypeVar, cast

Result = TypeVar("Result")
Given = ParamSpec("Given")

# Not forked: a server has threads, which a fork would copy in mid-work.
_CONTEXT: Final = multiprocessing.get_context("spawn")
_GIVES_WAY: Final = 5
"""Priority below that of what answers."""


def _nothing() -> None: ...


class OwnProcess:
    """A process that works on one thing after another; begun for the first, ended where one takes too long.

    Parameters
    ----------
    prepare
        What it does first, such as to import what all of its work needs: no time of that work.
    """

    def __init__(self, prepare: Callable[[], object] = _nothing) -> None:
        self._prepare = prepare
        self._process: Any = None
        self._pipe: Pipe | None = None
        self._ready = False
        self._turn = threading.Lock()

    def within(
        self, seconds: float, function: Callable[Given, Result], *given: Given.args, **named: Given.kwargs
    ) -> Result:
        """What a function returns, within a time.

        Parameters
        ----------
        seconds
            Time until its turn comes, s; from then on the time for it.
        function
            Of a module's top level, as pickling wants it.
        given, named
            What it is called with.

        Raises
        ------
        TimeoutError
            Its turn did not come, or it took longer and was ended.
        ChildProcessError
            Its process died, of too little memory for one.
        Exception
            What the function raised.
        """
        end = time.monotonic() + seconds
        if not self._turn.acquire(timeout=seconds):
            raise TimeoutError
        try:
            pipe = self._begun()
            while not self._ready:
                if not pipe.poll(max(0.0, end - time.monotonic())):
                    raise TimeoutError  # it goes on, and is ready for who asks again
                self._ready = pipe.recv()
            pipe.send((function, given, named))
            if not pipe.poll(seconds):
                self.close()
                raise TimeoutError
            done, result = pipe.recv()
        except (ConnectionError, EOFError) as error:
            self.close()
            raise ChildProcessError from error
        finally:
            self._turn.release()
        if not done:
            raise result
        return cast("Result", result)

    def close(self) -> None:
        """End the process, whatever it does."""
        if self._process is not None:
            self._process.kill()
            self._process.join()
        self._process = None

    def _begun(self) -> Pipe:
        if self._process is None or self._pipe is None or not self._process.is_alive():
            self._pipe, theirs = _CONTEXT.Pipe()
            self._process = _CONTEXT.Process(target=_work, args=(theirs, self._prepare), daemon=True)
            self._process.start()
            self._ready = False
            theirs.close()
        return self._pipe


def _work(pipe: Pipe, prepare: Callable[[], object]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is meant for the server, which ends this process
    os.nice(_GIVES_WAY)
    prepare()
    pipe.send(True)  # noqa: FBT003
    with suppress(EOFError):  # the server has gone
        while True:
            function, given, named = pipe.recv()
            try:
                told = True, function(*given, **named)
            except Exception as error:  # noqa: BLE001 - raised again by who asked
                told = False, error
            pipe.send(told)
