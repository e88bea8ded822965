"""Answers that many ask for: made once, kept for a moment, shared by those who ask meanwhile."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from typing import Any, Final, TypeVar, cast

MOST: Final = 2_000
Answer = TypeVar("Answer")


class Kept:
    """Answers by name, each for some seconds.

    Parameters
    ----------
    seconds
        How long an answer is kept.
    most
        Answers that are kept at once; the oldest go first.
    """

    def __init__(self, seconds: float, *, most: int = MOST) -> None:
        self.seconds = seconds
        self.most = most
        self._answers: OrderedDict[Hashable, tuple[float, Future[Any]]] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, name: Hashable, make: Callable[[], Answer]) -> Answer:
        """Answer of a name; made where none is kept. What goes wrong goes wrong for all who wait, and is not kept."""
        now = time.monotonic()
        with self._lock:
            at, answer = self._answers.get(name, (-self.seconds, None))
            mine = answer is None or (answer.done() and now - at >= self.seconds)  # one that is being made is awaited
            if mine:
                answer = Future()
                self._answers[name] = (now, answer)
                self._answers.move_to_end(name)
                while len(self._answers) > self.most:
                    self._answers.popitem(last=False)
        answer = cast("Future[Answer]", answer)
        if mine:
            try:
                answer.set_result(make())
            except BaseException as error:  # noqa: BLE001 - those who wait get it, too
                answer.set_exception(error)
                with self._lock:
                    self._answers.pop(name, None)
        return answer.result()
