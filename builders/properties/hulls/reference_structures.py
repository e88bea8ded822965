"""Reads the structures of those reference entries whose correction depends on them.

Structures are the bulk of an entry, and most entries come corrected: of these only such as a calculation of ours may
repeat are looked at.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from pymongo.database import Database

from ....models.energetics.corrections.schemes import Scheme
from ....stores.documents import ReferenceEntry
from ...engine.batches import Doc
from .hull_entries import is_corrected

_ASKED_AT_ONCE: Final = 10_000


def add_structures(
    database: Database[Doc], references: Iterable[Doc], calculations: Iterable[Doc], scheme: Scheme
) -> None:
    """Put structures into documents of reference entries where a scheme looks at them.

    Parameters
    ----------
    database
        The registry's.
    references
        `reference_entries` documents; changed in place.
    calculations
        `calculations` documents that are corrected with them.
    scheme
        Correction scheme.
    """
    if scheme is Scheme.NONE:
        return
    repeated = {doc["formula_reduced"] for doc in calculations}
    wanted: dict[str, list[Doc]] = {}
    for doc in references:
        compound = len(doc["composition"]) > 1
        needed = scheme is Scheme.R2SCAN_MIXING or (
            compound and (doc["formula_reduced"] in repeated or not is_corrected(doc, scheme))
        )
        if needed and "structure" not in doc:
            wanted.setdefault(doc["entry_id"], []).append(doc)
    for asked in _parts(sorted(wanted)):
        query = {"entry_id": {"$in": asked}, "structure": {"$exists": True}}
        fields = {"_id": 0, "entry_id": 1, "structure": 1}
        for stored in database[ReferenceEntry.collection_name()].find(query, fields):
            for doc in wanted[stored["entry_id"]]:
                doc["structure"] = stored["structure"]


def _parts(names: Sequence[str]) -> Iterable[Sequence[str]]:
    return (names[start : start + _ASKED_AT_ONCE] for start in range(0, len(names), _ASKED_AT_ONCE))
