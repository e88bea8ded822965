"""One run of one stage: its lease, its record, the state it began with, and how much of it is written.

Knows nothing of what the stage selects or computes.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TypeVar

from pymongo.client_session import ClientSession

from ...stores.bookkeeping import runs, stage_states
from ...stores.bookkeeping.leases import Lease
from ...stores.bookkeeping.runs import StageReport
from ...stores.connection import Connection
from ...stores.disk_room import require_room_in_database
from ...stores.schema import initialise, is_up_to_date
from ...stores.transactions import in_transaction
from ...stores.writes import first_filling
from .batches import Batch, Doc
from .mrun_guard import MrunGuard, share_job
from .version import VERSION

Result = TypeVar("Result")


class StageRun:
    """The life of one run, from taking the lease to giving it back.

    Parameters
    ----------
    name
        Name of the stage.
    share
        The part of the work given to one worker of a distributed run of maggma's: its lease is held elsewhere.

    Attributes
    ----------
    connection
        The database; None until the run is connected.
    run_id
        The record it is written to; its own where nobody gave one.
    state
        The stage's state as it was when the run began.
    highs
        Last changes of all collections when the run began, as `revisions.last_changes` gives them.
    first_time
        Whether the stage has written nothing before, so that there is nothing to compare with.
    all_new
        Whether every document so far was new, so that it need not be looked for.
    done
        Items whose outcome is written; fewer than `report.due`, which counts those being computed too.
    """

    def __init__(self, name: str, share: Doc | None) -> None:
        self.writer_numbers: dict[str, int] = {}  # of its facets' writers
        self.name = name
        self.share = share
        self.connection: Connection | None = None
        self.run_id = ""
        self.batch_size: int | None = None
        self.report = StageReport(name)
        self.state: Doc = {}
        self.highs: dict[str, int] = {}
        self.first_time = False
        self.all_new = True
        self.done = 0
        self.writing = threading.Lock()  # a run does not end in the middle of a batch that another thread writes
        self._session: ClientSession | None = None
        self._lease: Lease | None = None
        self._own_record = False
        self._guard: MrunGuard | None = None
        self._started = 0.0
        self._given = 0
        self._written: set[int] = set()
        self._prefix = 0
        self._marks: dict[int, Doc | None] = {}

    # Beginning

    def use(
        self, connection: Connection, run_id: str | None, batch_size: int | None, session: ClientSession | None
    ) -> None:
        """Work on a given connection, in a run that somebody else records, maybe in transactions of theirs.

        Parameters
        ----------
        connection
            The registry.
        run_id
            The run it is part of; None: one of its own.
        batch_size
            Items in a batch; None: as the settings say.
        session
            Session whose transactions it writes in; None: transactions of its own.
        """
        self.connection = connection
        self.batch_size = batch_size
        self._session = session
        if run_id is not None:
            self.run_id = run_id

    @property
    def db(self) -> Connection:
        """The open connection.

        Raises
        ------
        RuntimeError
            It is not connected yet.
        """
        if self.connection is None:
            raise RuntimeError(f"{self.name} is not connected: call connect() first")
        return self.connection

    def begin(self, fingerprint: str, maker: Doc, carried_over: Callable[[Doc], Doc | None] = lambda _: None) -> None:
        """Take the lease, open the record and the state.

        Parameters
        ----------
        fingerprint
            Hash of all that the stage's results depend on beside its input; another one makes everything due.
        maker
            What it takes to make the stage again later.
        carried_over
            As of `stage_states.open_state`.

        Raises
        ------
        LeaseHeld
            Another process runs the stage.
        """
        self._started = time.perf_counter()
        if not (is_up_to_date(self.db) or first_filling.is_under_way(self.db)):
            initialise(self.db)
        if self.share is not None:
            self.run_id = self.share["run_id"]
            self.state = stage_states.read(self.db, self.name)
            # A sign of life for who waits for it; the work itself is done under the lease of who gave it out.
            job = share_job(self.name, self.share["number"])
            self._lease = Lease(self.db, job, seconds=self.db.settings.lease_seconds).acquire()
            return
        seconds = self.db.settings.lease_seconds
        self._lease = Lease(self.db, f"stage {self.name}", seconds=seconds, session=self._session).acquire()
        if not self.run_id:
            require_room_in_database(self.db, f"a run of {self.name}")
            self.run_id = runs.begin(self.db, f"run {self.name}", version=VERSION)
            self._own_record = True
        self.state = stage_states.open_state(
            self.db,
            self.name,
            fingerprint=fingerprint,
            token=self._lease.token,
            maker=maker,
            carried_over=carried_over,
        )
        self.first_time = not any(self.state[name] for name in ("restarted", "consumed", "ahead", "partial"))

    @property
    def token(self) -> int:
        """Token of the lease this run works under.

        Raises
        ------
        RuntimeError
            It has not begun.
        """
        if self.share is not None:
            return int(self.share["token"])
        if self._lease is None:
            raise RuntimeError(f"{self.name} has not begun")
        return self._lease.token

    @property
    def session(self) -> ClientSession | None:
        """The session of its transactions, which ends with the lease."""
        return self._lease.session if self._lease is not None else None

    def check_lease(self) -> None:
        """Raise where another run has taken over.

        Raises
        ------
        LeaseLost
            It has.
        """
        if self._lease is not None:
            self._lease.check()

    def in_transaction(self, work: Callable[[ClientSession], Result]) -> Result:
        """Run work in a transaction that ends with this run's lease."""
        return in_transaction(self.db, work, session=self.session)

    # What is given out and what is written

    def watch(self, abandon: Callable[[BaseException], None]) -> None:
        """Watch over a runner that would wait for ever for a worker that died."""
        self._guard = MrunGuard.attach(abandon)

    def cancel_runner(self, error: BaseException) -> None:
        """End the runner that is watched."""
        if self._guard is not None:
            self._guard.cancel(error)

    def give(self, batch: Batch) -> None:
        """Number a batch that is handed out to be computed."""
        self.check_lease()
        batch.ordinal = self._given
        self._given += 1
        self._marks[batch.ordinal] = batch.mark
        self.report.due += len(batch.items)
        if self._guard is not None:
            self._guard.given(self._given)

    def mark_reached(self, ordinal: int) -> Doc | None:
        """Where the stage stands once this batch is written too: the mark of the last batch before which none lacks."""
        prefix = self._prefix
        while prefix in self._written or prefix == ordinal:
            prefix += 1
        return self._marks.get(prefix - 1) if prefix > self._prefix else None

    def note_written(self, batch: Batch) -> None:
        """Count a batch as written."""
        self._written.add(batch.ordinal)
        while self._prefix in self._written:
            self._marks.pop(self._prefix, None)
            self._prefix += 1
        self.done += len(batch.items)
        if self._guard is not None:
            self._guard.done(len(self._written))

    @property
    def missing(self) -> int:
        """Batches that were handed out and never written."""
        return self._given - len(self._written)

    # The end

    def end(self, how: str, error: str | None = None) -> None:
        """Close the record and give the lease back, once no batch is being written."""
        with self.writing:
            if self._guard is not None:
                self._guard.stop()
                self._guard = None
            self.report.seconds = round(time.perf_counter() - self._started, 3)
            lease, self._lease = self._lease, None
            if lease is None:
                return
            if self._own_record and not lease.lost:
                runs.note_stage(self.db, self.run_id, self.report)
                runs.end(self.db, self.run_id, how, error=error)
            lease.release()
