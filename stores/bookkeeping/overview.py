"""How the registry stands: what it holds, what ran, what is due, what went wrong, who works on it now."""

from __future__ import annotations

import socket
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import psutil

from ..clock import utc_now
from ..connection import Connection
from ..documents import BY_COLLECTION
from ..query.patience import patiently
from ..query.search import require_initialised
from . import revisions, stage_states
from .lease_holders import lease_holders

Doc = dict[str, Any]

STATUSES: Final = ("promoted", "waiting", "rejected")
LAST_RUNS: Final = 5
TOP_REASONS: Final = 3
_COUNTS: Final = frozenset({"done", "complete"})
"""What a stage notes that counts what it makes; it stays there when all is made."""
_WRONG: Final = frozenset({"failed", "interrupted", "died"})


@patiently
def overview(connection: Connection, *, at_rest: bool = False) -> Doc:
    """State of the registry as plain data.

    Parameters
    ----------
    at_rest
        Whether it is known that nothing is due: stages that no campaign asks for any more lie behind for ever.

    Returns
    -------
    dict
        ``database``, ``collections``, ``candidates`` (by campaign), ``refreshed`` (the last refresh), ``backup`` (the
        scheduled job; None where there is none), ``runs``, ``stages``, ``due`` (those of them for which something is),
        ``failures``, ``quarantine``, ``leases``, and ``wrong``: a line for everything that wants attention, none where
        all is well.

    Raises
    ------
    NotInitialised
        The database has no collections yet.
    """
    require_initialised(connection)
    stages = _stages(connection, at_rest=at_rest)
    state: Doc = {
        "database": connection.describe(),
        "collections": _collections(connection),
        "candidates": candidates_by_campaign(connection),
        "refreshed": _last_refresh(connection),
        "backup": connection.database["scheduled_jobs"].find_one({"job": "backup"}, {"_id": 0}),
        "runs": _last_runs(connection),
        "stages": stages,
        "due": [_due(row) for row in stages if _due(row)["items"] != 0],
        "failures": _failures(connection),
        "quarantine": _quarantine(connection),
        "leases": _leases(connection),
    }
    state["wrong"] = list(_wrong(connection, state))
    return state


def candidates_by_campaign(connection: Connection) -> list[Doc]:
    """Current candidates of each campaign: how many are promoted, waiting and rejected; counted from an index alone."""
    collection = connection.database["candidates"]
    rows = []
    for name in sorted(collection.distinct("campaign")):
        keys = {"candidate_id": {"$gte": f"{name}/", "$lt": f"{name}0"}}  # 0 is the next letter after /
        counts = {
            status: collection.count_documents({"status": status, "deprecated": False, **keys}) for status in STATUSES
        }
        if any(counts.values()):
            rows.append({"campaign": name, **counts})
    return rows


def _collections(connection: Connection) -> list[Doc]:
    rows = []
    for name in BY_COLLECTION:
        collection = connection.database[name]
        deprecated = collection.count_documents({"deprecated": True})
        current = collection.estimated_document_count() - deprecated
        revision = revisions.current(connection.database, name)
        rows.append({"collection": name, "documents": current, "deprecated": deprecated, "revision": revision})
    return rows


def _last_runs(connection: Connection) -> list[Doc]:
    runs = connection.database["runs"].find({}, {"_id": 0}).sort("started_at", -1).limit(LAST_RUNS)
    return [{**run, "state": state_of(run)} for run in runs]


def _last_refresh(connection: Connection) -> Doc | None:
    run = connection.database["runs"].find_one({"job": {"$regex": "^refresh"}}, {"_id": 0}, sort=[("started_at", -1)])
    return None if run is None else {**run, "state": state_of(run)}


def state_of(run: Doc) -> str:
    """State of a run; ``died`` where it says it is running and its process on this machine is gone."""
    if run["state"] == "running" and run.get("host") == socket.gethostname() and not _lives(run):
        return "died"
    return str(run["state"])


def _lives(run: Doc) -> bool:
    try:
        began: float = psutil.Process(run["pid"]).create_time()
    except (psutil.Error, KeyError, TypeError):
        return False
    started = run["started_at"]
    return not isinstance(started, datetime) or began <= started.timestamp() + 1  # the id may have been given again


def _stages(connection: Connection, *, at_rest: bool) -> list[Doc]:
    changes = revisions.last_changes(connection.database)
    retries = _retries_due(connection)
    rows = []
    for state in connection.database["stage_states"].find({}, {"_id": 0, "maker": 0}).sort("stage", 1):
        reads = []
        for channel, consumed in sorted((state.get("consumed") or {}).items()):
            current = changes.get(channel, changes.get(channel.partition(":")[0], 0))
            reads.append({"reads": channel, "consumed": consumed, "current": current})
        due = 0 if at_rest else _changed(connection, state, reads)
        row: Doc = {
            "stage": state["stage"],
            "due": due if due is None else due + retries.get(state["stage"], 0),
            "reads": reads,
            "unfinished": not at_rest and not _COUNTS.issuperset(state.get("partial") or {}),
            "updated_at": state.get("updated_at"),
        }
        if files := _files(connection, state["stage"]):
            row["files"] = files
        rows.append(row)
    return rows


def _changed(connection: Connection, state: Doc, reads: list[Doc]) -> int | None:
    """Documents that changed since the stage looked, each counted once; None of a stage that makes groups of several.

    Where the counters say that nothing changed, no document is looked at.
    """
    windows: dict[str, list[Doc]] = {}
    for read in reads:
        name, _, facet = read["reads"].partition(":")
        ahead = (state.get("ahead") or {}).get(read["reads"], [])
        for low, high in stage_states.gaps(read["consumed"], ahead, read["current"]):
            windows.setdefault(name, []).append({f"facets.{facet}.rev": {"$gt": low, "$lte": high}})
    if not windows:
        return 0
    if len({read["reads"].partition(":")[0] for read in reads}) > 1:
        return None
    return sum(connection.database[name].count_documents({"$or": changed}) for name, changed in windows.items())


def _retries_due(connection: Connection) -> dict[str, int]:
    due = {"$match": {"parked": False, "next_retry_at": {"$lte": utc_now()}}}
    grouped = connection.database["failures"].aggregate([due, {"$group": {"_id": "$stage", "n": {"$sum": 1}}}])
    return {group["_id"]: group["n"] for group in grouped}


def _due(row: Doc) -> Doc:
    """What is due for a stage: ``items`` with their unit; None where only a run can tell how many."""
    files = row.get("files") or {}
    if changed := files.get("changed", 0) + files.get("incomplete", 0):
        return {"stage": row["stage"], "items": changed, "unit": "files"}
    unit = row["reads"][0]["reads"].partition(":")[0] if row["reads"] else "items"
    items = None if row["unfinished"] and row["due"] == 0 else row["due"]
    return {"stage": row["stage"], "items": items, "unit": unit}


def _files(connection: Connection, stage: str) -> Doc:
    files = list(connection.database["source_files"].find({"stage": stage}, {"_id": 0}))
    if not files:
        return {}
    counts = {"read": len(files), "incomplete": 0, "changed": 0, "missing": 0, "records": 0}
    for file in files:
        counts["records"] += int(file.get("records") or 0)
        counts["incomplete"] += not file.get("complete")
        try:
            states = [path.stat() for path in _paths(file)]
        except OSError:
            counts["missing"] += 1  # on this machine; it may have been read on another
        else:
            size, modified = sum(state.st_size for state in states), max(state.st_mtime_ns for state in states)
            counts["changed"] += (size, modified) != (file.get("size"), file.get("modified_ns"))
    return counts


def _paths(file: Doc) -> list[Path]:
    """The files that a source file stands for: itself, or those of a calculation in its folder."""
    names = file.get("files")
    if not names:
        return [Path(file["path"])]
    folder = Path(file["path"].rpartition("#")[0] or file["path"])
    return [folder / name for name in names]


def _failures(connection: Connection) -> list[Doc]:
    grouped = _by_reason(connection, "failures", "$last_error", {"parked": {"$sum": {"$cond": ["$parked", 1, 0]}}})
    return [
        {
            "stage": stage,
            "waiting": sum(group["n"] - group["parked"] for group in reasons),
            "parked": sum(group["parked"] for group in reasons),
            "reasons": _top(reasons),
        }
        for stage, reasons in grouped.items()
    ]


def _quarantine(connection: Connection) -> list[Doc]:
    grouped = _by_reason(connection, "quarantine", "$reason", {})
    return [
        {"stage": stage, "pieces": sum(group["n"] for group in reasons), "reasons": _top(reasons)}
        for stage, reasons in grouped.items()
    ]


def _by_reason(connection: Connection, collection: str, reason: str, more: Doc) -> dict[str, list[Doc]]:
    pipeline = [
        {"$group": {"_id": {"stage": "$stage", "reason": reason}, "n": {"$sum": 1}, **more}},
        {"$sort": {"_id.stage": 1, "n": -1, "_id.reason": 1}},
    ]
    grouped: dict[str, list[Doc]] = {}
    for group in connection.database[collection].aggregate(pipeline, allowDiskUse=True):
        grouped.setdefault(group["_id"]["stage"], []).append(group)
    return grouped


def _top(reasons: list[Doc]) -> list[Doc]:
    return [{"reason": group["_id"]["reason"], "items": group["n"]} for group in reasons[:TOP_REASONS]]


def _leases(connection: Connection) -> list[Doc]:
    return [
        {"job": holder.job, "owner": holder.owner, "expires_at": holder.expires_at, "expired": not holder.alive}
        for holder in lease_holders(connection.database)
    ]


def _wrong(connection: Connection, state: Doc) -> Iterable[str]:
    for row in state["failures"]:
        total = row["waiting"] + row["parked"]
        parked = f", {row['parked']:,} of them parked" if row["parked"] else ""
        yield f"{row['stage']}: {total:,} failed{parked}"
    for row in state["quarantine"]:
        yield f"{row['stage']}: {row['pieces']:,} of its input in quarantine"
    for run in last_runs(connection):
        if (how := state_of(run)) in _WRONG:
            yield f"the last run of {run['job']} {_PAST[how]} ({run['run_id']})"
    if state["backup"] and state["backup"].get("failures"):
        yield f"the last backup failed: {state['backup'].get('error', 'no reason given')}"


def last_runs(connection: Connection) -> list[Doc]:
    """List the last run of each job by name, but for those that no longer matter.

    These are runs of sources that were removed since, and of one stage that a later refresh has got through.
    """
    of_each_job: list[Doc] = [
        {"$sort": {"started_at": -1}},
        {"$group": {"_id": "$job", "run": {"$first": "$$ROOT"}}},
        {"$sort": {"_id": 1}},
    ]
    runs = connection.database["runs"]
    registered = {f"run {stage}" for stage in connection.database["stage_states"].distinct("stage")}
    last = [group["run"] for group in runs.aggregate(of_each_job, allowDiskUse=True)]
    last = [run for run in last if not run["job"].startswith("run ingest:") or run["job"] in registered]
    return [run for run in last if state_of(run) not in _WRONG or not _done_since(connection, run)]


def _done_since(connection: Connection, run: Doc) -> bool:
    later = {"started_at": {"$gt": run["started_at"]}, "state": {"$in": ["succeeded", "partial"]}}
    stage = {"stages.stage": run["job"].removeprefix("run ")}
    return connection.database["runs"].find_one(later | stage, {"_id": 1}) is not None


_PAST: Final = {"failed": "failed", "interrupted": "was interrupted", "died": "died"}
