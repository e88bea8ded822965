"""A run that takes out what stages brought in: under their leases, on record, in batches; no document is deleted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial

from ...stores.bookkeeping import runs, stage_states
from ...stores.bookkeeping.leases import Lease
from ...stores.bookkeeping.runs import StageReport
from ...stores.connection import Connection
from ...stores.documents import RegistryDocument
from ...stores.transactions import in_transaction
from ...stores.writes.writing import FacetWriter
from .version import VERSION


class RemovalRun:
    """What a removal may do while it holds its leases.

    Attributes
    ----------
    report
        What it has deprecated so far.
    """

    def __init__(self, connection: Connection, report: StageReport, run_id: str, leases: Sequence[Lease]) -> None:
        self.report = report
        self._connection = connection
        self._run_id = run_id
        self._leases = leases

    def check(self) -> None:
        """Raise where another run has taken over one of the stages.

        Raises
        ------
        LeaseLost
            It has.
        """
        for lease in self._leases:
            lease.check()

    def deprecate(self, document: type[RegistryDocument], keys: Sequence[str], *, stage: str, reason: str) -> None:
        """Deprecate what a stage made, a batch to a transaction; what other stages make too stays current, as theirs.

        Parameters
        ----------
        document, keys
            The collection, and which of its documents.
        stage
            The stage as which it is done.
        reason
            Why.
        """
        fingerprint = str(stage_states.read(self._connection, stage).get("fingerprint", ""))
        writer = FacetWriter(document, document.creating_facet(), stage, fingerprint, self._run_id)
        size = self._connection.settings.batch_size
        for start in range(0, len(keys), size):
            self.check()
            work = partial(
                writer.deprecate, self._connection.database, dict.fromkeys(keys[start : start + size], reason)
            )
            self.report.deprecated += in_transaction(self._connection, work, session=self._leases[0].session).deprecated


@contextmanager
def removal_run(connection: Connection, job: str, leases: Sequence[str]) -> Iterator[RemovalRun]:
    """Open the run of a removal, with the leases of all that must not run meanwhile; it is recorded how it ends.

    Parameters
    ----------
    connection
        The registry.
    job
        Name of the run.
    leases
        Names of the jobs; at least one.

    Raises
    ------
    LeaseHeld
        One of them runs.
    """
    report = StageReport(job)
    seconds = connection.settings.lease_seconds
    with ExitStack() as stack:
        held = [stack.enter_context(Lease(connection, name, seconds=seconds)) for name in leases]
        run_id = runs.begin(connection, job, version=VERSION)
        try:
            yield RemovalRun(connection, report, run_id, held)
        except BaseException as error:
            how = "interrupted" if isinstance(error, KeyboardInterrupt) else "failed"
            runs.end(connection, run_id, how, error=f"{type(error).__name__}: {error}")
            raise
        runs.note_stage(connection, run_id, report)
        runs.end(connection, run_id, "succeeded")
