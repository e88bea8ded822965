"""Whether the registry is at rest: nothing has changed since a refresh found nothing more to do.

Asks for counters and the state of files only, and imports no stage, so that a refresh with nothing due costs next to
nothing. Whatever it can't be sure of - a service on the web, another program, a failure whose time has come - sends the
refresh its usual way.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ..stores.bookkeeping import revisions
from ..stores.canonical import content_hash
from ..stores.clock import utc_now
from ..stores.connection import Connection
from ..stores.schema import is_up_to_date
from . import extensions
from .candidates.campaigns.gate_outline import recorded_campaigns
from .engine.version import VERSION
from .properties.potential import known_potentials

if TYPE_CHECKING:
    from .candidates.campaigns.campaign import Campaign

Doc = dict[str, Any]
_JOB: Final = "refresh"
_PROGRAM: Final = Path(__file__).resolve().parents[1]
_ROOMS: Final = ("builders", "models", "stores")
_LIBRARIES: Final = ("pymatgen", "smact", "scikit-learn", "torch")
_BUNDLED: Final = frozenset({"handbook", "known-monolayers", "prototypes"})
"""Kinds of source that lie in the program or its packages."""


def is_at_rest(connection: Connection, campaigns: Sequence[Campaign], leave_out: Iterable[str] = ()) -> bool:
    """Whether a refresh of these campaigns, leaving out some stages or none, would find nothing to do."""
    if any(leave_out) or not is_up_to_date(connection):
        return False
    point = connection.database["resting_points"].find_one({"job": _JOB}) or {}
    known = point.get("campaigns", {})
    asked = {campaign.name: _hash(campaign) for campaign in campaigns}
    if not asked:  # as they were begun last, be it by a refresh that was cut off
        asked = {plain["name"]: content_hash(plain) for plain in recorded_campaigns(connection)}
    if not all(known.get(name) == digest for name, digest in asked.items()):
        return False
    if point.get("revisions") != _revisions(connection):
        return False
    due = {"parked": False, "next_retry_at": {"$lte": utc_now()}}
    if connection.database["failures"].find_one(due, {"_id": 1}) is not None:
        return False
    stamp = _stamp(connection)
    return stamp is not None and point.get("stamp") == stamp


def note(connection: Connection, campaigns: Iterable[Campaign]) -> None:
    """Note that a refresh of all campaigns there are has come to rest."""
    stamp = _stamp(connection)
    if stamp is None:
        return
    point = {
        "stamp": stamp,
        "campaigns": {campaign.name: _hash(campaign) for campaign in campaigns},
        "revisions": _revisions(connection),
        "at": utc_now(),
    }
    connection.database["resting_points"].update_one({"job": _JOB}, {"$set": point}, upsert=True)


def _hash(campaign: Campaign) -> str:
    return content_hash(campaign.model_dump(mode="json", by_alias=True))


def _revisions(connection: Connection) -> Doc:
    changes = revisions.last_changes(connection.database)
    return {name: rev for name, rev in sorted(changes.items()) if ":" not in name}


def _stamp(connection: Connection) -> str | None:
    """Hash of program, settings and sources; None where a source can't be told to be unchanged by looking at files."""
    sources = []
    states = connection.database["stage_states"].find({"stage": {"$regex": "^ingest:"}}, {"_id": 0})
    for state in states.sort("stage", 1):
        files = _files(state.get("maker", {}).get("arguments") or {})
        if files is None or state.get("partial"):
            return None
        sources.append([state["stage"], state.get("fingerprint"), files])
    of_campaigns = {"maker.arguments.file": {"$type": "string"}}  # lists of formulas
    lists = connection.database["stage_states"].distinct("maker.arguments.file", of_campaigns)
    sources += _listing(Path(file) for file in sorted(lists))
    program = [VERSION, *_listing([_PROGRAM / room for room in _ROOMS])]
    packages: list[list[Any]] = [[name, version(name)] for name in _LIBRARIES]
    packages += [[name, find_spec(name) is not None] for name in known_potentials.packages()]
    added = [[what, *_listing([place] if place else [])] for what, place in extensions.places()]
    packages += extensions.requirements()
    settings = connection.settings.model_dump(mode="json", include={"source_order", "loss_share", "retry_attempts"})
    return content_hash([program, packages, added, settings, sources])


def _files(arguments: Doc) -> list[Any] | None:
    """State of the files of a source; None where it has none to look at."""
    if "directories" in arguments:
        return list(_listing(Path(folder) for folder in arguments["directories"]))
    paths = (arguments.get("options") or {}).get("paths")
    if paths:
        return list(_listing(Path(path) for path in paths))
    return [] if arguments.get("kind") in _BUNDLED else None


def _listing(paths: Iterable[Path]) -> Iterator[list[Any]]:
    """Name, size and time of last change of every file, those in folders included, in the order of their names."""
    for path in paths:
        if not path.is_dir():
            yield _state(path)
            continue
        for folder, subfolders, names in os.walk(path):
            subfolders[:] = sorted(name for name in subfolders if name != "__pycache__")
            for name in sorted(names):
                yield _state(Path(folder, name))


def _state(path: Path) -> list[Any]:
    try:
        stat = path.stat()
    except OSError:
        return [str(path), None]
    return [str(path), stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns]
