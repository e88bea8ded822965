"""The sources that the registry knows: what was ingested before, from where, how much came, when last.

A refresh reads them again; their stage states are the list of them.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from ...stores.connection import Connection
from ...stores.errors import ConfigurationError
from ..engine.batches import Doc
from .records.source_options import SourceOptionError
from .services.service import LIVE_KINDS, live_source

STAGE: Final = "ingest:"
"""Begins the name of the stage of every source."""
_VASP: Final = "vasp"


@dataclass(frozen=True, slots=True)
class RegisteredSource:
    """A source, or a part of one that is pulled by itself.

    Attributes
    ----------
    name
        Name of the source; of a part, with what it is behind a colon: ``materials-project:Mn-O``.
    kind
        As `exfolio ingest --kind` takes it.
    places
        Its files and folders, or the address of a service.
    records
        Records met in it, bad ones too.
    quarantined
        Pieces of it that are in quarantine.
    ingested_at
        When an ingestion of it ended well last (UTC); None where none has.
    waiting
        Documents that it no longer has and that wait to be retired.
    licence
        Under which its data are, where the service says so.
    """

    name: str
    kind: str
    places: list[str]
    records: int
    quarantined: int
    ingested_at: datetime | None
    waiting: int = 0
    licence: str = ""

    @property
    def stage(self) -> str:
        """Name of the stage that brings it in."""
        return f"{STAGE}{self.name}"


def registered_sources(connection: Connection) -> list[RegisteredSource]:
    """List the sources that were ingested before, by name."""
    states = connection.database["stage_states"].find({"stage": {"$regex": f"^{STAGE}"}}, {"stage": 1, "maker": 1})
    return [
        _source(connection, state["stage"], arguments)
        for state in states.sort("stage", 1)
        if (arguments := (state.get("maker") or {}).get("arguments"))
    ]


def parts_of(connection: Connection, name: str) -> list[RegisteredSource]:
    """Find the source of this name, or all its parts (``mp`` for ``mp:Mn-O`` and ``mp:Fe-O``).

    Raises
    ------
    ConfigurationError
        No source is called so.
    """
    known = registered_sources(connection)
    parts = [source for source in known if source.name == name or source.name.startswith(f"{name}:")]
    if not parts:
        names = [source.name for source in known]
        near = difflib.get_close_matches(name, names, n=1)
        advice = f"Did you mean {near[0]}?" if near else f"There are: {', '.join(names) or 'none'}."
        raise ConfigurationError(f"no source is called {name!r}", advice)
    return parts


def check_kind(connection: Connection, source: str, kind: str) -> None:
    """Check that nothing of another kind was ingested under the name of a source.

    Raises
    ------
    ConfigurationError
        It was.
    """
    states = connection.database["stage_states"].find(
        {"stage": {"$regex": f"^{STAGE}{re.escape(source)}(:|$)"}}, {"maker": 1}
    )
    for state in states:
        arguments = (state.get("maker") or {}).get("arguments")
        known = arguments.get("kind", _VASP) if arguments else kind
        if known != kind:
            raise ConfigurationError(
                f"source {source} was read as {known}, not as {kind}",
                "Give the new data a source name of its own (--source NAME).",
            )


def _source(connection: Connection, stage: str, arguments: Doc) -> RegisteredSource:
    kind, options = arguments.get("kind", _VASP), arguments.get("options") or {}
    if kind in LIVE_KINDS:
        places = [_address(kind, options)]
        records = connection.database["source_records"].count_documents({"stage": stage})
    else:
        files = list(connection.database["source_files"].find({"stage": stage}, {"_id": 0}).sort("path", 1))
        places = list(options.get("paths") or arguments.get("directories") or [file["path"] for file in files])
        records = sum(int(file.get("records", file.get("next_record")) or 0) for file in files)
    return RegisteredSource(
        name=stage.removeprefix(STAGE),
        kind=kind,
        places=places,
        records=records,
        quarantined=connection.database["quarantine"].count_documents({"stage": stage}),
        ingested_at=_last_end(connection, stage),
        waiting=connection.database["pending_retirements"].count_documents({"stage": stage}),
        licence=_licence(connection, stage),
    )


def _licence(connection: Connection, stage: str) -> str:
    last = connection.database["source_pulls"].find_one({"stage": stage}, {"provider.licence": 1}) or {}
    return str((last.get("provider") or {}).get("licence", ""))


def _address(kind: str, options: Doc) -> str:
    try:
        return live_source(kind, **options).address
    except SourceOptionError:  # registered by another version
        return ""


def _last_end(connection: Connection, stage: str) -> datetime | None:
    """Time at which the last ingestion ended that could go on to its end."""
    alone = {"job": f"run {stage}", "state": {"$in": ["succeeded", "partial"]}}
    in_refresh = {"job": {"$ne": f"run {stage}"}, "stages.stage": stage}
    run = connection.database["runs"].find_one({"$or": [alone, in_refresh]}, sort=[("started_at", -1)]) or {}
    return run.get("ended_at") or run.get("started_at")
