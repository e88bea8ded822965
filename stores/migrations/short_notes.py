"""Rewrites the notes of facets as versions before 2 wrote them: names instead of numbers, hashes as text.

What they say stays the same, revisions and content hashes of documents too: nothing becomes due by it.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, Final

from pymongo import UpdateOne
from pymongo.database import Database

from ..canonical import as_number, text_hash
from ..writer_numbers import number_of
from .migration import Change, Updates

Doc = dict[str, Any]
_SINCE: Final = 2
"""The version from which on notes are short."""
_FIRST_FACETS: Final = {
    "materials": "record",
    "reference_entries": "record",
    "trained_models": "training",
    "compositions": "sample",
    "structures": "proposal",
    "calculations": "record",
    "properties": "value",
    "candidates": "verdict",
}
"""The facet that was written when a document was made: it alone keeps the name of its stage."""


def changes() -> tuple[Change, ...]:
    """What is done to each collection."""
    fields = ("facets", "origins", "created_at")
    old_form = {"schema_version": {"$lt": _SINCE}}
    return tuple(
        Change(name, old_form, fields, partial(_shortened, first=first)) for name, first in _FIRST_FACETS.items()
    )


def _shortened(database: Database[Doc], batch: Sequence[Doc], *, first: str) -> Updates:
    numbers: dict[tuple[str, str, str], int] = {}
    updates: Updates = []
    for doc in batch:
        changed: Doc = {"schema_version": _SINCE, "facets": {}}
        for facet, note in doc["facets"].items():
            if "hash" not in note:  # of a part, by a program that had these and long notes
                changed["facets"][facet] = note
                continue
            who = note["stage"], note["fingerprint"], note["run_id"]
            if who not in numbers:
                numbers[who] = number_of(database, *who)
            changed["facets"][facet] = _short(note, numbers[who], doc["created_at"], keeps_stage=facet == first)
        if "origins" in doc:
            said = ("stage", "version")
            changed["origins"] = [{k: v for k, v in origin.items() if k not in said} for origin in doc["origins"]]
        updates.append(UpdateOne({"_id": doc["_id"]}, {"$set": changed}))
    return updates


def _short(note: Doc, number: int, created_at: Any, *, keeps_stage: bool) -> Doc:
    kept = {name: value for name, value in note.items() if name not in ("fingerprint", "run_id")}
    if not keeps_stage:
        kept.pop("stage")
    if kept["at"] == created_at:
        kept.pop("at")
    digest = note["hash"]
    if digest.startswith("deprecated: "):
        digest = text_hash(digest)
    return {**kept, "hash": as_number(digest), "by": number}
