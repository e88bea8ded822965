"""Who holds which job now, as the leases say: for whoever asks how things stand. Takes no lease itself."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pymongo.database import Database

from .leases import is_dead

Doc = dict[str, Any]


@dataclass(frozen=True, slots=True)
class LeaseHolder:
    """A job and the process that holds it.

    Attributes
    ----------
    owner
        Machine, process id and a random part.
    since
        When that process began; None where the lease does not say.
    expires_at
        When others may take over.
    alive
        Whether it has renewed the lease in time, by the server's clock, and is not known to be gone.
    """

    job: str
    owner: str
    since: datetime | None
    expires_at: datetime
    alive: bool


def lease_holders(database: Database[Doc]) -> list[LeaseHolder]:
    """Holders of all leases that were not given back, in the order of the jobs' names."""
    pipeline: list[Doc] = [
        {"$match": {"owner": {"$nin": ["", None]}}},
        {"$addFields": {"alive": {"$gt": ["$expires_at", "$$NOW"]}}},
        {"$sort": {"job": 1}},
    ]
    return [
        LeaseHolder(
            lease["job"],
            lease["owner"],
            _start(lease),
            lease["expires_at"],
            lease["alive"] and not is_dead(lease.get("process")),
        )
        for lease in database["leases"].aggregate(pipeline)
    ]


def _start(lease: Doc) -> datetime | None:
    started = (lease.get("process") or {}).get("started")
    return None if started is None else datetime.fromtimestamp(started, UTC)
