"""Runs the ingestion of a source; one that fails before anything came in leaves the registry as it was.

Knows bookkeeping only: what a source is, and how it is read, is its stage's.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Final

from pymongo.client_session import ClientSession
from pymongo.errors import PyMongoError

from ...stores.bookkeeping import stage_states
from ...stores.bookkeeping.leases import Lease, LeaseLost
from ...stores.bookkeeping.runs import StageReport
from ...stores.connection import Connection
from ...stores.errors import ExfolioError, LeaseHeld
from ...stores.transactions import in_transaction
from .. import extensions
from ..engine.batches import Doc
from ..engine.execution.runner import Progress, run_stage
from ..engine.stage import Stage

TRACES: Final = ("source_files", "source_records", "source_pulls", "pending_retirements", "quarantine", "failures")
"""Collections that note what was met of a source, by the name of its stage."""


def ingest(
    stage: Stage, connection: Connection, *, processes: int = 1, progress: Progress | None = None
) -> StageReport:
    """Run an ingestion that a person asked for.

    Where it fails before anything came in, a source that is new is not registered, and one that is known keeps the
    options it was ingested with: otherwise each later refresh would try what can't work. Such a run is not kept: who
    asked for it was told, and nothing is left to mend.

    Parameters
    ----------
    stage
        A fresh stage that brings in a source.
    connection
        The registry.
    processes
        Worker processes that parse.
    progress
        Called after every written batch.

    Raises
    ------
    ExfolioError
        As from `run_stage`: the source can't be read, or another process reads it; or its reader, of another package,
        has failed.
    """
    before = stage_states.read(connection, stage.name)
    try:
        return run_stage(stage, connection, processes=processes, progress=progress)
    except (LeaseHeld, LeaseLost):
        raise
    except BaseException as error:
        with suppress(LeaseHeld, PyMongoError):  # who has it by now sees to it; a server that is away can't be told
            _take_back(stage, connection, before)
        if isinstance(error, Exception) and not isinstance(error, ExfolioError | PyMongoError):
            raise extensions.blamed(error, getattr(stage, "reader", None)) from error
        raise


def _take_back(stage: Stage, connection: Connection, before: Doc) -> None:
    database = connection.database
    with Lease(connection, f"stage {stage.name}", seconds=connection.settings.lease_seconds) as lease:
        state = stage_states.read(connection, stage.name)
        brought_in = any(database[name].find_one({"stage": stage.name}, {"_id": 1}) for name in TRACES)

        def forget_run(session: ClientSession) -> None:
            run = {"run_id": stage.current_run.run_id, "job": f"run {stage.name}"}
            database["runs"].delete_one(run, session=session)

        def unregister(session: ClientSession) -> None:
            database["stage_states"].delete_one({"stage": stage.name}, session=session)
            forget_run(session)

        def put_back(session: ClientSession) -> None:
            kept = {**before, "token": state["token"]}
            database["stage_states"].replace_one({"stage": stage.name}, kept, session=session)
            forget_run(session)

        if state and not brought_in:
            in_transaction(connection, unregister, session=lease.session)
        elif state and before and stage.current_run.done == 0 and before.get("maker") != state.get("maker"):
            in_transaction(connection, put_back, session=lease.session)
