"""What stages read and write, said in channels: one facet of one collection, or one kind of what lies there.

The plan of a refresh follows from it, and whether anything can be due for a stage at all. Knows no stage.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ...stores.bookkeeping import revisions
from ...stores.documents import BY_COLLECTION
from .batches import Doc


@dataclass(frozen=True, slots=True)
class Channel:
    """One facet of one collection.

    Attributes
    ----------
    collection, facet
        Their names.
    kinds
        Which of its documents, by their field `kind` (of properties and of trained models); None: any.
    """

    collection: str
    facet: str
    kinds: frozenset[str] | None = None

    @property
    def name(self) -> str:
        """Name under which its revisions are counted; kinds share it."""
        return revisions.channel(self.collection, self.facet)

    def meets(self, other: Channel) -> bool:
        """Whether the same documents may be written on one and read on the other."""
        if (self.collection, self.facet) != (other.collection, other.facet):
            return False
        return self.kinds is None or other.kinds is None or not self.kinds.isdisjoint(other.kinds)


def in_parts(state: Doc, channels: Sequence[Channel]) -> Doc:
    """State of a stage with parts in place of the facets they are of; the very same where nothing is to be replaced.

    Parameters
    ----------
    state
        As it is stored: ``consumed`` and ``ahead`` by channel.
    channels
        What the stage reads now.
    """
    consumed, ahead = dict(state.get("consumed") or {}), dict(state.get("ahead") or {})
    read = {channel.name for channel in channels}
    replaced: set[str] = set()
    for channel in channels:
        document = BY_COLLECTION.get(channel.collection)
        if document is None or channel.facet not in document.PARTS or channel.name in consumed:
            continue
        whole = revisions.channel(channel.collection, document.creating_facet())
        if whole in consumed:
            consumed[channel.name] = consumed[whole]
            ahead[channel.name] = ahead.get(whole, [])
            replaced.add(whole)
    if not replaced:
        return state
    for whole in replaced - read:
        consumed.pop(whole)
        ahead.pop(whole, None)
    return {**state, "consumed": consumed, "ahead": ahead}
