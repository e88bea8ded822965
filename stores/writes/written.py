"""Documents as a stage made them, on their way into the registry, and what came of writing them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ..bookkeeping.failures import Failure
from ..bookkeeping.quarantine import Refused

Doc = dict[str, Any]


@dataclass(slots=True)
class Counts:
    """What a write came to, and what of it the writer's followers have taken care of."""

    inserted: int = 0
    updated: int = 0
    unchanged: int = 0
    deprecated: int = 0
    followed: list[Followed] = field(default_factory=list)

    def add(self, other: Counts) -> None:
        """Add the counts of another write."""
        self.inserted += other.inserted
        self.updated += other.updated
        self.unchanged += other.unchanged
        self.deprecated += other.deprecated
        self.followed += other.followed

    @property
    def written(self) -> int:
        """Documents that changed in any way."""
        return self.inserted + self.updated + self.deprecated


@dataclass(slots=True)
class Written:
    """A document as a stage made it, ready to be compared with what is stored.

    Attributes
    ----------
    further
        What each follower of the writer made of it: the content of a facet of its own, what went wrong, or None where
        the document is not for it. Empty where no follower has looked at it.
    """

    key: str
    content: Doc
    origins: list[Doc]
    hash: int
    group: str | None = None
    further: tuple[Written | Failure | Refused | None, ...] = ()


@dataclass(frozen=True, slots=True)
class Followed:
    """What one follower is done with, once a write is stored.

    Attributes
    ----------
    number
        Which follower.
    interval
        Revisions ``(after, up to]``; those of `docs`.
    docs
        The documents that were written.
    updated
        In how many of them its facet is new or has changed.
    """

    number: int
    interval: tuple[int, int]
    docs: list[Written]
    updated: int
