"""Who wrote what: each stage in each run has a number, which notes of the facets it writes carry instead of names."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from pymongo.database import Database
from pymongo.errors import DuplicateKeyError

Doc = dict[str, Any]
_COLLECTION = "writers"


def number_of(database: Database[Doc], stage: str, fingerprint: str, run_id: str, version: int | None = None) -> int:
    """Number of a stage in a run; a new one where it has none.

    Parameters
    ----------
    database
        The database.
    stage, fingerprint
        The stage, and the hash of its version and settings.
    run_id
        The run.
    version
        Version of the stage, where it is known; noted with a new number.
    """
    identity = {"run_id": run_id, "stage": stage, "fingerprint": fingerprint}
    while True:
        if known := database[_COLLECTION].find_one(identity):
            return int(known["number"])
        last = database[_COLLECTION].find_one(sort=[("number", -1)])
        new: Doc = {"number": int(last["number"]) + 1 if last else 1, **identity}
        if version is not None:
            new["version"] = version
        with suppress(DuplicateKeyError):  # another process has taken the number, or made the very same entry
            database[_COLLECTION].insert_one(new)


def of_numbers(database: Database[Doc], numbers: Iterable[int]) -> dict[int, Doc]:
    """What stands under each number: stage, fingerprint, run_id and, where it is known, version."""
    known = database[_COLLECTION].find({"number": {"$in": sorted(set(numbers))}}, {"_id": 0})
    return {int(doc.pop("number")): doc for doc in known}
