"""Notes of facets: the revision and the hash of each, which groups a document has left, the hash of all together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from ..canonical import text_hash
from ..documents.base import LEFT

Doc = dict[str, Any]
_64_BITS = (1 << 64) - 1


def system_fields(stored: Mapping[str, Doc], notes: Mapping[str, Doc], rev: int, run_id: str, now: datetime) -> Doc:
    """System fields of a document that changes, with its notes by their paths.

    Parameters
    ----------
    stored
        Notes of all its facets, as they are stored.
    notes
        Those that change.
    rev
        Revision of the collection at which it changes.
    run_id
        The run that changes it.
    now
        When.
    """
    hashed = {name: note for name, note in notes.items() if "hash" in note}
    same = all(name in stored and stored[name]["hash"] == note["hash"] for name, note in hashed.items())
    return {
        **{f"facets.{name}": note for name, note in notes.items()},
        **({} if same else {"content_hash": combined({**stored, **notes})}),
        "rev": rev,
        "run_id": run_id,
        "updated_at": now,
    }


def combined(facets: Mapping[str, Doc]) -> str:
    """Hash of all content, as 16 hexadecimal digits; parts are in the facet they are of."""
    hashes = {name: note["hash"] for name, note in facets.items() if "hash" in note}
    if len(hashes) == 1:
        return f"{next(iter(hashes.values())) & _64_BITS:016x}"
    return text_hash(*(f"{name}={hashes[name]}" for name in sorted(hashes)))[:16]


def makers(stored: Doc, note: Doc) -> list[str]:
    """Stages that make a document."""
    return stored.get("made_by") or [note["stage"]]


def left_groups(group_fields: Iterable[str], facet: str, stored: Doc, content: Doc, rev: int) -> Doc:
    """Groups that a document has been in and is not any more, for the note of a facet.

    Parameters
    ----------
    group_fields
        Fields of the facet by which stages group documents.
    facet
        Its name.
    stored, content
        The document as it is stored, and the new content of the facet.
    rev
        Revision at which it changes.
    """
    before = (stored["facets"].get(facet) or {}).get(LEFT, {})
    left: Doc = {}
    for name in group_fields:
        groups = dict(before.get(name, ()))
        if (group := stored.get(name)) is not None and group != content.get(name):
            groups[group] = rev
        if groups:
            left[name] = [[group, groups[group]] for group in sorted(groups)]
    return {LEFT: left} if left else {}
