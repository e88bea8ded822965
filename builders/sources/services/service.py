"""What every live source gives: pages of records with the time of their last change, and documents made of them.

A source is plain configuration that can be pickled; its connection is opened where it is pulled from and nowhere
else. It knows no database and never decides what is stored.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, Final, Protocol, cast

from ....stores.settings import Settings
from ..files.file_reader import ReaderOptionError
from ..record import Documents

LIVE_KINDS: Final[dict[str, str]] = {
    "materials-project": "the Materials Project by its API: materials and the entries of convex hulls (needs a key)",
    "optimade": "any OPTIMADE provider, with a filter (give --url)",
}
"""Name of each kind of live source and what it is, in a line."""

_CLASSES: Final = {
    "materials-project": ("materials_project", "MaterialsProject"),
    "optimade": ("optimade", "Optimade"),
}
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass(frozen=True, slots=True)
class LiveRecord:
    """One record of a source.

    Attributes
    ----------
    id
        Names it among all records of its source.
    stamp
        When the source says it changed last; None where it does not say.
    payload
        What `parse` needs, JSON-able.
    release
        Release of the source it was pulled from.
    """

    id: str
    stamp: str | None
    payload: Any
    release: str | None = None


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
    cursor
        Where to go on once this page is written; None where a cut begins again from the start of the listing.
    """

    records: Sequence[LiveRecord] = ()
    seen: Sequence[str] = ()
    withdrawn: Mapping[str, str] = field(default_factory=dict)
    unnamed: Sequence[tuple[str, str]] = ()
    cursor: dict[str, Any] | None = None


class Pull(Protocol):
    """One pass over a source."""

    release: str | None
    """Release of the source that is being pulled, where it has such a thing."""
    total: int | None
    """Records to bring in, as far as is known."""
    complete: bool
    """Whether, after the last page, every record of the source was met."""
    note: str
    """Why it is not complete, for a person."""
    memory: dict[str, Any]
    """After the last page: what the next pass needs to know of this one."""

    @property
    def requests(self) -> int:
        """Requests sent so far."""

    def nothing_new(self, memory: Mapping[str, Any]) -> bool:
        """Say, at the cost of one request at most, that nothing can have changed since the pass that left `memory`."""

    def pages(
        self, memory: Mapping[str, Any], cursor: Mapping[str, Any] | None, known: Mapping[str, str | None]
    ) -> Iterator[Page]:
        """Give what has changed.

        Parameters
        ----------
        memory
            What the last finished pass left; empty where there was none.
        cursor
            Where an unfinished pass stands.
        known
            Id and stamp of every record that was brought in.

        Raises
        ------
        SourceUnavailable, SourceDenied
            The source can't be pulled from now, or not by this user.
        """

    def close(self) -> None:
        """Close the connection."""


class LiveSource(Protocol):
    """A source that is pulled from a service. It can be pickled; made by keyword, of plain data without secrets."""

    @property
    def kind(self) -> str:
        """Name of the kind, as in `LIVE_KINDS`."""

    @property
    def version(self) -> int:
        """Raised whenever what `parse` gives for the same record changes."""

    @property
    def source(self) -> str:
        """Name of the source, first part of every id."""

    @property
    def scope(self) -> str:
        """The part of the source that is pulled, in a word; empty for all of it."""

    @property
    def address(self) -> str:
        """Where it is, for provenance; without secrets."""

    def describe(self) -> dict[str, Any]:
        """Give all that shapes which records are pulled and what `parse` gives."""

    def open(self, settings: Settings) -> Pull:
        """Begin a pass.

        Raises
        ------
        ConfigurationError
            Something is missing in the settings, such as a key.
        """

    def parse(self, record: LiveRecord) -> Documents:
        """Make documents of one record.

        Raises
        ------
        BadRecord
            Where the record can't be used. Nothing else is raised, whatever the record holds.
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
    ReaderOptionError
        There is no such kind, or it has no such option, or lacks one.
    """
    if kind not in _CLASSES:
        raise ReaderOptionError(f"there is no live source called {kind!r}; there are: {', '.join(LIVE_KINDS)}")
    module, name = _CLASSES[kind]
    made_by = getattr(import_module(f".{module}", __package__), name)
    given = {key: value for key, value in options.items() if value is not None}
    unknown = sorted(set(given) - set(made_by.__dataclass_fields__))
    if unknown:
        known = ", ".join(made_by.__dataclass_fields__)
        raise ReaderOptionError(f"a source of kind {kind} has no option {', '.join(unknown)}; it has: {known}")
    return cast("LiveSource", made_by(**given))


def checked_name(name: str) -> str:
    """Give a name back that a source can have.

    Raises
    ------
    ReaderOptionError
        It holds what an id can't.
    """
    if not _NAME.fullmatch(name):
        raise ReaderOptionError(f"the source can't be called {name!r}; use letters, digits, dot, dash and underscore")
    return name
