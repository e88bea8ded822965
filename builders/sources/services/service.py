"""What every service that is pulled from has: a source, passes over it, and pages of records.

A source is plain configuration; its connection is opened where it is pulled from and nowhere else.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, Final, Protocol, cast

from ....stores.settings import Settings
from ..records.raw_record import RawRecord, Source
from ..records.source_options import SourceOptionError, source_of_class
from .http_client import WebClient

LIVE_KINDS: Final[dict[str, str]] = {
    "materials-project": "the Materials Project by its API: materials and the entries of convex hulls (needs a key)",
    "optimade": "any OPTIMADE provider, with a filter (give --url)",
}
"""Name of each kind of live source and what it is, in a line."""

_CLASSES: Final = {
    "materials-project": ("services.materials_project", "MaterialsProject"),
    "optimade": ("optimade.optimade", "Optimade"),
}


@dataclass(slots=True)
class Page:
    """A part of what a source has.

    Attributes
    ----------
    records
        Records that are to be brought in.
    seen
        Ids of records that are still there and have not changed.
    withdrawn
        Ids of records that the source itself has withdrawn, with its reason.
    unnamed
        Records without an id, of which nothing can be kept: place and complaint.
    repeated
        Records with the id of an earlier one that say something else: place and complaint.
    cursor
        Where to go on once this page is written; None where a cut begins again from the start of the listing.
    """

    records: Sequence[RawRecord] = ()
    seen: Sequence[str] = ()
    withdrawn: Mapping[str, str] = field(default_factory=dict)
    unnamed: Sequence[tuple[str, str]] = ()
    repeated: Sequence[tuple[str, str]] = ()
    cursor: dict[str, Any] | None = None


class Pull(ABC):
    """One pass over a source.

    Parameters
    ----------
    client
        Asks the service.

    Attributes
    ----------
    release
        Release of the source that is being pulled, where it has such a thing.
    total
        Records to bring in, as far as is known.
    complete
        Whether, after the last page, every record of the source was met.
    note
        Why it is not complete, for a person.
    broken_off
        That the listing came in part, for a person: the pass then counts for nothing and the next one begins anew.
    not_sent
        How many records are known to be lacking of it.
    repeats
        Whether an id was listed more than once.
    warnings
        What the service itself warned of.
    provider
        What the service says of itself: name, licence, version and so on.
    memory
        After the last page: what the next pass needs to know of this one.
    """

    def __init__(self, client: WebClient) -> None:
        self.client = client
        self.release: str | None = None
        self.total: int | None = None
        self.complete = False
        self.note = ""
        self.broken_off = ""
        self.not_sent = 0
        self.repeats = False
        self.warnings: list[str] = []
        self.provider: dict[str, Any] = {}
        self.memory: dict[str, Any] = {}

    @property
    def requests(self) -> int:
        """Requests sent so far."""
        return self.client.requests

    def nothing_new(self, memory: Mapping[str, Any]) -> bool:  # noqa: ARG002
        """Whether, at the cost of one request at most, nothing can have changed since the pass that left `memory`."""
        return False

    @abstractmethod
    def pages(
        self,
        memory: Mapping[str, Any],
        cursor: Mapping[str, Any] | None,
        known: Mapping[str, str | None],
        met: Collection[str] = (),
    ) -> Iterator[Page]:
        """Pull what has changed.

        Parameters
        ----------
        memory
            What the last finished pass left; empty where there was none.
        cursor
            Where an unfinished pass stands.
        known
            Id and stamp of every record that was brought in.
        met
            Ids of the records that the unfinished pass has met.

        Raises
        ------
        SourceUnavailable, SourceDenied
            The source can't be pulled from now, or not by this user.
        """

    def close(self) -> None:
        """Close the connection."""
        self.client.close()


class LiveSource(Source, Protocol):
    """A source that is pulled from a service."""

    @property
    def scope(self) -> str:
        """The part of the source that is pulled, in a word; empty for all of it."""

    @property
    def address(self) -> str:
        """Where it is, for provenance; without secrets."""

    def open(self, settings: Settings) -> Pull:
        """Begin a pass.

        Raises
        ------
        ConfigurationError
            Something is missing in the settings, such as a key.
        """


def live_source(kind: str, **options: Any) -> LiveSource:
    """Make a live source.

    Parameters
    ----------
    kind
        One of `LIVE_KINDS`.
    options
        What its class takes; see there. Options that are None are left out.

    Raises
    ------
    SourceOptionError
        There is no such kind, or it has no such option, or lacks one.
    """
    if kind not in _CLASSES:
        raise SourceOptionError(f"there is no live source called {kind!r}; there are: {', '.join(LIVE_KINDS)}")
    module, name = _CLASSES[kind]
    source_class = getattr(import_module(f"..{module}", __package__), name)
    return cast("LiveSource", source_of_class(source_class, kind, options))
