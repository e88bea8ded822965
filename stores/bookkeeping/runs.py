"""The record of runs: begun, stage by stage, ended; a run whose process died is told from one that goes on."""

from __future__ import annotations

import os
import secrets
import socket
from dataclasses import asdict, dataclass
from typing import Any

from ..clock import utc_now
from ..connection import Connection

Doc = dict[str, Any]


@dataclass(slots=True)
class StageReport:
    """What one stage did in one run."""

    stage: str
    due: int = 0
    inserted: int = 0
    updated: int = 0
    unchanged: int = 0
    deprecated: int = 0
    failed: int = 0
    quarantined: int = 0
    seconds: float = 0.0
    note: str = ""

    @property
    def did_anything(self) -> bool:
        """Whether there was anything to do, or to say."""
        return bool(self.due or self.written or self.failed or self.quarantined or self.note)

    @property
    def incomplete(self) -> bool:
        """Whether items failed, or part of the input was put into quarantine."""
        return bool(self.failed or self.quarantined)

    def add(self, other: StageReport) -> None:
        """Add what the same stage did when it ran again."""
        for name in ("due", "inserted", "updated", "unchanged", "deprecated", "failed", "quarantined", "seconds"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.note = other.note or self.note

    @property
    def written(self) -> int:
        """Documents changed in any way."""
        return self.inserted + self.updated + self.deprecated


def new_id() -> str:
    """Make an id that sorts by time of start."""
    return f"{utc_now():%Y%m%dT%H%M%S}-{secrets.token_hex(4)}"


def begin(connection: Connection, job: str, *, version: str, run_id: str | None = None) -> str:
    """Open the record of a run; returns its id.

    Parameters
    ----------
    connection
        The registry.
    job
        What is run.
    version
        Version of the program.
    run_id
        Its id; a new one without.
    """
    run_id = run_id or new_id()
    connection.database["runs"].insert_one(
        {
            "run_id": run_id,
            "job": job,
            "state": "running",
            "started_at": utc_now(),
            "host": socket.gethostname(),
            "pid": os.getpid(),
            "version": version,
            "stages": [],
        }
    )
    return run_id


def note_stage(connection: Connection, run_id: str, report: StageReport) -> None:
    """Add what a stage did."""
    connection.database["runs"].update_one({"run_id": run_id}, {"$push": {"stages": asdict(report)}})


def end(connection: Connection, run_id: str, state: str, *, error: str | None = None) -> None:
    """Close the record: ``succeeded``, ``partial``, ``failed`` or ``interrupted``.

    Parameters
    ----------
    connection
        The registry.
    run_id
        Id of the run.
    state
        How it ended.
    error
        Why it could not go on.
    """
    changes: Doc = {"state": state, "ended_at": utc_now()}
    if error:
        changes["error"] = error
    connection.database["runs"].update_one({"run_id": run_id}, {"$set": changes})
