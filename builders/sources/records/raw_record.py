"""What every source gives, file or service: raw records, the documents made of them, and bad records.

A source reads and parses; it knows no database, keeps no state between two readings and never decides what is stored.
"""

import re
from dataclasses import dataclass
from typing import Any, Protocol

Documents = dict[str, list[dict[str, Any]]]
"""Documents by the name of their collection: ``materials`` and ``reference_entries``."""

UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")
"""Characters of control and of direction: an id that holds them can't be typed, nor told from another."""


@dataclass(frozen=True, slots=True)
class RawRecord:
    """One record of a source, not yet understood.

    Attributes
    ----------
    place
        Where it stands. In a file, for a person: ``line 12``, ``row 40``, ``block data_NaCl``, ``key Li2O``. In a
        service, the id that tells it from all its other records.
    index
        Ordinal of the record in its file or page, from 0; bad records count too.
    payload
        What ``parse`` needs: made of bytes, str, numbers, None, tuples, lists and dicts only, so that it can be
        pickled, and hashed to see whether the record has changed.
    stamp
        When a service says that the record changed last; None where it does not say.
    release
        Release of the service it was pulled from.
    """

    place: str
    index: int
    payload: Any
    stamp: str | None = None
    release: str | None = None


class BadRecord(ValueError):
    """A record that can't be used: why, what to do about it, and where it stands.

    Parameters
    ----------
    reason
        What is wrong, with the offending value.
    remedy
        What a person can do about it.
    place
        Where in the file it stands (see `RawRecord`); empty where it is not known yet.
    index
        Ordinal of the record in its file, -1 where it is not known.
    rest_unread
        True where reading of the file had to stop here, so that what follows is not known. The file must then not be
        taken for a full listing of its source.
    """

    def __init__(
        self, reason: str, *, remedy: str = "", place: str = "", index: int = -1, rest_unread: bool = False
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.remedy = remedy
        self.place = place
        self.index = index
        self.rest_unread = rest_unread

    def __str__(self) -> str:
        where = f"{self.place}: " if self.place else ""
        what_to_do = f" ({self.remedy})" if self.remedy else ""
        return f"{where}{self.reason}{what_to_do}"

    def __reduce__(self) -> tuple[Any, ...]:
        # Exceptions with keyword-only arguments don't survive pickling by themselves.
        return _bad_record, (self.reason, self.remedy, self.place, self.index, self.rest_unread)

    def at(self, raw: RawRecord) -> "BadRecord":
        """Complain of the same at the place of a raw record, unless there is a place already."""
        return self if self.place else self.moved(raw.place, raw.index)

    def moved(self, place: str, index: int) -> "BadRecord":
        """Complain of the same at another place."""
        return BadRecord(self.reason, remedy=self.remedy, place=place, index=index, rest_unread=self.rest_unread)


def _bad_record(reason: str, remedy: str, place: str, index: int, rest_unread: bool) -> BadRecord:  # noqa: FBT001
    return BadRecord(reason, remedy=remedy, place=place, index=index, rest_unread=rest_unread)


class Source(Protocol):
    """A source of known materials. It can be pickled, and is made by keyword, of plain data without secrets."""

    @property
    def kind(self) -> str:
        """Name of the kind of source."""

    @property
    def version(self) -> int:
        """Raised whenever what `parse` makes of the same record changes."""

    @property
    def source(self) -> str:
        """Name of the source, first part of every id; a user may give another than the default."""

    def describe(self) -> dict[str, Any]:
        """Describe all that shapes which records there are and what `parse` makes of them (JSON-able); no paths."""

    def parse(self, raw: RawRecord) -> Documents:
        """Make documents of one record.

        Raises
        ------
        BadRecord
            Where the record can't be used. Nothing else is raised, whatever the record holds.
        """
