"""What every reader of a file of known materials gives: raw records, parsed documents, and bad records.

A reader reads and parses; it knows no database, keeps no state between two readings and never decides what is stored.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

Documents = dict[str, list[dict[str, Any]]]
"""Documents by the name of their collection: ``materials`` and ``reference_entries``."""


@dataclass(frozen=True, slots=True)
class RawRecord:
    """One record of a file, found but not yet understood.

    Attributes
    ----------
    place
        Where it stands, for a person: ``line 12``, ``row 40``, ``block data_NaCl``, ``key Li2O``.
    index
        Ordinal of the record in its file, from 0; bad records count too.
    payload
        What ``parse`` needs: made of bytes, str, numbers, None, tuples, lists and dicts only, so that it can be
        pickled, and hashed to see whether the record has changed.
    """

    place: str
    index: int
    payload: Any


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
        """Give the same complaint with the place of a raw record, unless it has one already."""
        if self.place:
            return self
        return BadRecord(
            self.reason, remedy=self.remedy, place=raw.place, index=raw.index, rest_unread=self.rest_unread
        )


def _bad_record(reason: str, remedy: str, place: str, index: int, rest_unread: bool) -> BadRecord:  # noqa: FBT001
    return BadRecord(reason, remedy=remedy, place=place, index=index, rest_unread=rest_unread)


class Reader(Protocol):
    """A reader of one kind of file. Readers can be pickled and are configured by keyword when they are made."""

    @property
    def kind(self) -> str:
        """Name of the kind of file, as in the catalogue."""

    @property
    def version(self) -> int:
        """Raised whenever what `parse` gives for the same input changes."""

    @property
    def source(self) -> str:
        """Name of the source, first part of every id; a user may give another than the default."""

    @property
    def source_version(self) -> str | None:
        """Version of the source, where it is known."""

    @property
    def complete(self) -> bool:
        """Whether the files list the whole source, so that ids no longer in them are to be retired."""

    def describe(self) -> dict[str, Any]:
        """Give all that shapes what `parse` gives (JSON-able), for fingerprints and provenance; no paths."""

    def files(self) -> list[Path]:
        """Give the files to read, sorted.

        Raises
        ------
        SourceFileError
            Where a path does not exist, can't be read, or holds no file of this kind (see `opening`).
        """

    def records(self, path: Path) -> Iterator[RawRecord | BadRecord]:
        """Read one file record by record, in memory that does not grow with the file.

        A record that can't be read is given as a `BadRecord` and reading goes on. A file cut short gives what is
        readable and then a `BadRecord` with ``rest_unread`` for the rest.

        Raises
        ------
        SourceFileError
            Before the first record, where the file can't be opened, is of another kind, or doesn't fit the options (a
            table without a formula column). Other files of the source may still be good.
        """

    def parse(self, raw: RawRecord) -> Documents:
        """Make documents of one raw record.

        Raises
        ------
        BadRecord
            Where the record can't be used. Nothing else is raised, whatever the record holds.
        """


@runtime_checkable
class BulkReader(Protocol):
    """A reader that parses many records faster together than one by one."""

    def parse_many(self, raws: Sequence[RawRecord]) -> list[Documents | BadRecord]:
        """Make documents of each raw record, in order; a bad one gives its `BadRecord` in its place."""


def parse_many(reader: Reader, raws: Sequence[RawRecord]) -> list[Documents | BadRecord]:
    """Parse many raw records with any reader, in bulk where the reader can.

    Parameters
    ----------
    reader
        Any reader.
    raws
        Raw records of its files.

    Returns
    -------
    list
        As long as `raws` and in its order: the documents, or the `BadRecord` with its place.
    """
    if isinstance(reader, BulkReader):
        return reader.parse_many(raws)
    results: list[Documents | BadRecord] = []
    for raw in raws:
        try:
            results.append(reader.parse(raw))
        except BadRecord as bad:
            results.append(bad.at(raw))
    return results
