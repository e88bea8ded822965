"""Rewrites the notes of facets as earlier versions wrote them: names instead of numbers, hashes as text.

What they say stays the same, revisions and content hashes of documents too: nothing becomes due by it.
"""

from __future__ import annotations

import logging
from typing import Any

from pymongo import UpdateOne
from pymongo.collection import Collection

from .canonical import as_number, text_hash
from .documents import RegistryDocument
from .writer_numbers import number_of

logger = logging.getLogger(__name__)
Doc = dict[str, Any]
SINCE = 2
"""Version of the schema from which on notes are short."""
_AT_ONCE = 1000
_TOLD = 100_000
"""Documents after which it is said how far it is: some seconds."""


def shorten(collection: Collection[Doc], document: type[RegistryDocument]) -> int:
    """Rewrite all that are left of earlier versions; returns how many. Cut off, it goes on where it stopped."""
    query = {"schema_version": {"$lt": SINCE}}
    numbers: dict[tuple[str, str, str], int] = {}
    done = 0
    updates: list[UpdateOne] = []
    for doc in collection.find(query, {"facets": 1, "origins": 1, "rev": 1, "created_at": 1}):
        changes: Doc = {"schema_version": SINCE, "facets": {}}
        for facet, note in doc["facets"].items():
            if "hash" not in note:  # of a part
                changes["facets"][facet] = note
                continue
            who = note["stage"], note["fingerprint"], note["run_id"]
            if who not in numbers:
                numbers[who] = number_of(collection.database, *who)
            keeps_stage = facet == document.creating_facet()
            changes["facets"][facet] = _short(note, numbers[who], doc["created_at"], keeps_stage=keeps_stage)
        if "origins" in doc:
            said = ("stage", "version")
            changes["origins"] = [{k: v for k, v in origin.items() if k not in said} for origin in doc["origins"]]
        # One that another process changes meanwhile is in the new form already.
        updates.append(UpdateOne({"_id": doc["_id"], "rev": doc["rev"]}, {"$set": changes}))
        if len(updates) == _AT_ONCE:
            collection.bulk_write(updates, ordered=False)
            done += len(updates)
            updates = []
            if not done % _TOLD:
                logger.info("%s: %s documents brought into the form of this version", collection.name, f"{done:,}")
    if updates:
        collection.bulk_write(updates, ordered=False)
    return done + len(updates)


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
