"""Workers of a Dask cluster: who they are, whether they are ours, and an executor that outlives each of them.

Only a worker with the same exfolio, code and Python gets work. One that dies has its work done by another; one that is
slow has it done by another as well, and whoever is first counts. A cluster that has gone is said, not waited for.
"""

from __future__ import annotations

import logging
import statistics
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import BrokenExecutor, CancelledError, Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from itertools import count
from typing import Any, ClassVar, Final
from warnings import catch_warnings, filterwarnings

from ....stores.errors import CannotRunError
from .worker_side import unlike, versions

logger = logging.getLogger(__name__)
_LOOK_SECONDS: Final = 0.5
"""So often the workers are looked at."""
_SLOW_FACTOR: Final = 4
"""A part that takes so many times the usual time is given to another worker too, if one has nothing to do."""
_SLOW_SECONDS: Final = 2.0
_OTHERS_SECONDS: Final = 15.0
"""So long others may come where all who are there are refused."""
_MOST_COPIES: Final = 3
_REMEMBERED: Final = 200
_FETCHERS: Final = 8
_WHOLE: Final = ("pending", "finished")
"""States of a packed stage that workers can still be given."""
_ANSWER_SECONDS: Final = 10.0


class ClusterLost(CannotRunError):
    """The cluster, or the last of its workers, has gone."""


class WorkerDied(BrokenExecutor):
    """Several workers died while they worked on the same thing."""


class DaskWorkers:
    """The workers of a cluster, as they come and go.

    Parameters
    ----------
    client
        A client of `distributed`, connected.
    wait_seconds
        How long there may be no worker at all that can be used, or no answer of the scheduler.

    Attributes
    ----------
    refused
        By address, why a worker that is there gets nothing.
    """

    reads_our_files: ClassVar[bool] = False
    dies_alone: ClassVar[bool] = True

    def __init__(self, client: Any, *, wait_seconds: float) -> None:
        self.client = client
        self.wait_seconds = wait_seconds
        self.refused: dict[str, str] = {}
        self._threads: dict[str, int] = {}
        self._good: set[str] = set()
        self._asked: dict[str, Any] = {}
        self._looking = threading.Lock()
        self._alone_since = self._answered = self._looked = time.monotonic()

    def count(self) -> int:
        """Threads of all workers that can be used; 1 while there is none."""
        if not self._threads:
            self.look()
        return max(1, sum(self._threads.values()))

    def usable(self) -> list[str]:
        """Addresses of the workers that can be used."""
        return sorted(self._threads)

    def look(self) -> None:
        """See who is there, and ask newcomers for their versions.

        Raises
        ------
        ClusterLost
            The scheduler is gone, or there has been no worker for too long.
        """
        with self._looking, self._watched():
            there = self._there()
            if there is None:
                return
            self._forget_all_but(there.keys())
            for address in there.keys() - self._good - self.refused.keys() - self._asked.keys():
                key = f"exfolio-versions-{uuid.uuid4().hex}"
                options = {"key": key, "workers": [address], "allow_other_workers": False, "pure": False}
                self._asked[address] = self.client.submit(versions, **options)
            for address, answer in list(self._asked.items()):
                if answer.done():
                    self._judge(address, self._asked.pop(address))
            self._threads = {address: there[address] for address in there.keys() & self._good}
            if self._threads:
                self._alone_since = time.monotonic()
                return
            alone = time.monotonic() - self._alone_since
            if there and self.refused.keys() >= there.keys() and alone > min(_OTHERS_SECONDS, self.wait_seconds):
                raise ClusterLost(f"no worker of the cluster can be used: {self._refusals()}", _SAME)
            if alone > self.wait_seconds:
                raise ClusterLost(
                    f"there has been no worker for {self.wait_seconds:.0f} s",
                    "Start some, or wait longer: the setting dask.wait_seconds.",
                )

    def require_scheduler(self) -> None:
        """Raise where the connection has ended.

        Raises
        ------
        ClusterLost
            It has.
        """
        if self.client.status in ("closed", "closing"):
            raise ClusterLost("the scheduler of the cluster is gone", "Start it again; what is written is kept.")

    def executor(self, _count: int, begin: Callable[[bytes], None], payload: bytes) -> Executor:
        """Executor whose tasks are begun with the payload wherever they are computed."""
        return _DaskExecutor(self, begin, payload)

    @contextmanager
    def _watched(self) -> Iterator[None]:
        """Count no time in which nobody looked, as during stages that compute here: who came then is not known yet."""
        unwatched = max(0.0, time.monotonic() - self._looked - 2 * _LOOK_SECONDS)
        self._alone_since += unwatched
        self._answered += unwatched
        try:
            yield
        finally:
            self._looked = time.monotonic()

    def _forget_all_but(self, there: Collection[str]) -> None:
        """Ask again who comes back under an address: it may be another one."""
        self._good.intersection_update(there)
        for known in (self.refused, self._asked):
            for address in known.keys() - set(there):
                del known[address]

    def _there(self) -> dict[str, int] | None:
        """Threads by address of all workers; None where the scheduler is too busy to say."""
        self.require_scheduler()
        try:
            there: dict[str, int] = self.client.sync(self.client.scheduler.ncores, callback_timeout=_ANSWER_SECONDS)
        except (OSError, TimeoutError, ValueError) as error:
            if time.monotonic() - self._answered < self.wait_seconds:  # on a crowded machine it takes its time
                return None
            raise ClusterLost(
                f"the scheduler of the cluster does not answer ({type(error).__name__})",
                "Start it again; what is written is kept.",
            ) from error
        self._answered = time.monotonic()
        return there

    def _judge(self, address: str, answer: Any) -> None:
        try:
            theirs = answer.result(timeout=_ANSWER_SECONDS)
        except (CancelledError, TimeoutError):
            return  # it has gone, or is asked again
        except ImportError as error:
            self._refuse(address, f"exfolio can't be imported there ({error})")
        except Exception as error:  # noqa: BLE001  whatever it raises
            self._refuse(address, f"{error!r}")
        else:
            if why := unlike(theirs, versions()):
                self._refuse(address, why)
            else:
                self._good.add(address)

    def _refuse(self, address: str, why: str) -> None:
        logger.warning("worker %s gets no work: %s", address, why)
        self.refused[address] = why

    def _refusals(self) -> str:
        return "; ".join(f"{address}: {why}" for address, why in sorted(self.refused.items()))


_SAME: Final = "Install there what is installed here: the same version of exfolio, for the same Python."


class _Task:
    """Something to compute, and the copies of it that are on their way, with the workers each may go to."""

    def __init__(self, call: tuple[Any, ...]) -> None:
        self.call = call
        self.answer: Future[Any] = Future()
        self.copies: dict[Any, frozenset[str]] = {}
        self.since = time.monotonic()


class _DaskExecutor(Executor):
    """Hands tasks to workers that can be used, and watches over them."""

    def __init__(self, workers: DaskWorkers, begin: Callable[[bytes], None], payload: bytes) -> None:
        self._workers = workers
        self._begin = begin
        self._payload = payload
        self._name = f"exfolio-{uuid.uuid4().hex}"
        self._numbers = count()
        self._sent: Any = None
        self._sent_to: frozenset[str] = frozenset()
        self._pending: dict[_Task, None] = {}
        self._took: deque[float] = deque(maxlen=_REMEMBERED)
        self._lock = threading.RLock()
        self._ended = threading.Event()
        # Several, as one that fetches from a worker that is frozen waits for minutes.
        self._fetchers = ThreadPoolExecutor(_FETCHERS, thread_name_prefix="dask results")
        threading.Thread(target=self._watch, name="dask watch", daemon=True).start()

    def submit(self, function: Callable[..., Any], /, *args: Any, **_: Any) -> Future[Any]:
        """Have something computed by whoever can; waits for a first worker."""
        while not (addresses := self._workers.usable()):
            self._workers.look()
            time.sleep(0 if self._workers.usable() else _LOOK_SECONDS / 5)
        task = _Task((function, *args))
        with self._lock:
            self._pending[task] = None
        self._send(task, frozenset(addresses))
        return task.answer

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: ARG002, FBT001, FBT002
        """Let go of everything that is not done, here and at the workers."""
        self._ended.set()
        with self._lock:
            tasks, self._pending, self._sent = list(self._pending), {}, None
        for task in tasks:
            self._cancel(task.copies)
        self._fetchers.shutdown(wait=False, cancel_futures=True)

    def _send(self, task: _Task, addresses: frozenset[str], *, anew: bool = False) -> None:
        client, number = self._workers.client, next(self._numbers)
        options = {"pure": False, "workers": sorted(addresses), "allow_other_workers": False}
        with self._lock, _large_graphs():
            if self._ended.is_set() or task.answer.done():
                return
            self._workers.require_scheduler()
            if anew or not self._sent_to & addresses or self._sent is None or self._sent.status not in _WHOLE:
                # As a task, not scattered: it is made again where the worker that held it died.
                self._sent_to = addresses
                self._sent = client.submit(bytes, self._payload, key=f"{self._name}-stage-{number}", **options)
            call = (_begun, self._name, self._sent, self._begin, *task.call)
            copy = client.submit(*call, key=f"{self._name}-{number}", **options)
            task.copies[copy] = addresses
        copy.add_done_callback(lambda done: self._fetch(task, done))

    def _fetch(self, task: _Task, copy: Any) -> None:
        with suppress(RuntimeError):  # it was shut down
            self._fetchers.submit(self._settle, task, copy)

    def _settle(self, task: _Task, copy: Any) -> None:
        result, error = None, None
        try:
            result = copy.result()
        except CancelledError:  # whoever watches sends it again
            with self._lock:
                task.copies.pop(copy, None)
            return
        except Exception as raised:  # noqa: BLE001  of the worker: handed on to who waits
            error = WorkerDied(str(raised)) if type(raised).__name__ == "KilledWorker" else raised
        with self._lock:
            task.copies.pop(copy, None)
            if task not in self._pending or (isinstance(error, WorkerDied) and task.copies):
                return
            del self._pending[task]
            others, task.copies = task.copies, {}
            self._took.append(time.monotonic() - task.since)
        if error is None:
            task.answer.set_result(result)
        else:
            task.answer.set_exception(error)
        self._cancel(others)

    def _cancel(self, copies: dict[Any, frozenset[str]]) -> None:
        with suppress(Exception):  # the scheduler may be gone
            self._workers.client.cancel(list(copies))

    def _watch(self) -> None:
        while not self._ended.wait(_LOOK_SECONDS):
            try:
                self._workers.look()
                self._send_again()
            except ClusterLost as lost:
                self._fail(lost)
            except Exception as error:  # noqa: BLE001  nobody may wait for a watch that died
                self._fail(ClusterLost(f"the cluster can't be watched any more: {type(error).__name__}: {error}"))

    def _fail(self, error: ClusterLost) -> None:
        with self._lock:
            tasks, self._pending = list(self._pending), {}
        for task in tasks:
            task.answer.set_exception(error)

    def _send_again(self) -> None:
        """Send what nobody works on any more, and what takes long while other workers have nothing to do."""
        there = frozenset(self._workers.usable())
        if not there:  # to nobody in particular is to anybody, and again at each look: what kills would never end
            return
        with self._lock:
            tasks = list(self._pending)
            usual = statistics.median(self._took) if self._took else None
        left = [task for task in tasks if not any(where & there for where in task.copies.values())]
        slow = [task for task in tasks if task not in left and self._is_slow(task, usual)]
        if not left and not slow:
            return
        at = self._keys_at_workers()
        for task in left:
            with self._lock:
                gone, task.copies = task.copies, {}
            self._cancel(gone)
            self._send(task, there, anew=True)
        for task in slow:
            # Not where it is now: that worker may be the reason.
            if free := [address for address in sorted(there) if not at.get(address)]:
                self._send(task, frozenset(free[:1]), anew=True)
                at[free[0]] = [task]

    def _is_slow(self, task: _Task, usual: float | None) -> bool:
        copies = len(task.copies)
        if usual is None or copies >= _MOST_COPIES:
            return False
        return time.monotonic() - task.since > max(_SLOW_SECONDS, _SLOW_FACTOR * usual) * copies

    def _keys_at_workers(self) -> dict[str, Any]:
        client = self._workers.client
        try:
            at: dict[str, Any] = client.sync(client.scheduler.processing, callback_timeout=_ANSWER_SECONDS)
        except (OSError, TimeoutError):
            return {}
        return at


@contextmanager
def _large_graphs() -> Iterator[None]:
    with catch_warnings():
        filterwarnings("ignore", message="Sending large graph")  # a model, once for each stage
        yield


_here = threading.local()
"""At a worker, by thread: which payload it was begun with."""


def _begun(name: str, payload: bytes, begin: Callable[[bytes], None], function: Callable[..., Any], *args: Any) -> Any:
    if getattr(_here, "name", None) != name:
        begin(payload)
        _here.name = name
    return function(*args)


__all__ = ["ClusterLost", "DaskWorkers", "WorkerDied"]
