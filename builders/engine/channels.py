"""What stages read and write, said in channels: one facet of one collection, or one kind of what lies there.

The plan of a refresh follows from it, and whether anything can be due for a stage at all. Knows no stage.
"""

from __future__ import annotations

from dataclasses import dataclass

from ...stores.bookkeeping import revisions


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
