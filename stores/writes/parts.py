"""Which parts of a facet a change touches; a stage that reads a part need not hear of the others."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pymongo.client_session import ClientSession
from pymongo.collection import Collection

from ..canonical import content_hash
from ..documents import RegistryDocument
from .written import Written

Doc = dict[str, Any]
_AT_ONCE = 250  # whole structures in memory


def touched(
    collection: Collection[Doc],
    document: type[RegistryDocument],
    docs: Iterable[Written],
    stored: Mapping[str, Doc],
    session: ClientSession,
) -> dict[str, list[str]]:
    """Parts of the creator's facet that new content of documents touches, by key.

    Only what is written anew is read for it, so that no hash of a part has to be kept with every document.

    Parameters
    ----------
    collection
        Where the documents are.
    document
        Their class.
    docs
        New content of its creator's facet.
    stored
        The documents as they are stored, by key: ``_id``, ``facets``, ``deprecated``.
    session
        Session of the transaction.
    """
    if not document.PARTS:
        return {}
    changed = {doc.key: doc for doc in docs}
    result = {key: list(document.PARTS) for key in changed}
    comparable = [key for key in changed if not stored[key]["deprecated"]]
    fields = dict.fromkeys((document.KEY, *(name for names in document.PARTS.values() for name in names)), 1)
    for start in range(0, len(comparable), _AT_ONCE):
        ids = [stored[key]["_id"] for key in comparable[start : start + _AT_ONCE]]
        for before in collection.find({"_id": {"$in": ids}}, {**fields, "_id": 0}, session=session):
            key = before[document.KEY]
            after, notes = changed[key].content, stored[key]["facets"]
            result[key] = [
                name
                for name, names in document.PARTS.items()
                if name not in notes or _of(before, names) != _of(after, names)
            ]
    return result


def _of(content: Mapping[str, Any], names: Iterable[str]) -> str:
    return content_hash({name: content[name] for name in names if name in content})
