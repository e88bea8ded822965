"""What every reader of a file of known materials does: list its files, read their records, parse them one or many."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol, runtime_checkable

from ..records.raw_record import BadRecord, Documents, RawRecord, Source


class Reader(Source, Protocol):
    """A source of one kind of file."""

    @property
    def source_version(self) -> str | None:
        """Version of the source, where it is known."""

    @property
    def complete(self) -> bool:
        """Whether the files list the whole source, so that ids no longer in them are to be retired."""

    def files(self) -> list[Path]:
        """Find the files to read, sorted.

        Raises
        ------
        SourceFileError
            Where a path does not exist, can't be read, or holds no file of this kind (see `open_files`).
        """

    def records(self, path: Path) -> Iterator[RawRecord | BadRecord]:
        """Read one file record by record, in memory that does not grow with the file.

        A record that can't be read comes as a `BadRecord` and reading goes on. A file cut short gives what is
        readable and then a `BadRecord` with ``rest_unread`` for the rest.

        Raises
        ------
        SourceFileError
            Before the first record, where the file can't be opened, is of another kind, or doesn't fit the options (a
            table without a formula column). Other files of the source may still be good.
        """


@runtime_checkable
class BulkReader(Protocol):
    """A reader that parses many records faster together than one by one."""

    def parse_many(self, raws: Sequence[RawRecord]) -> list[Documents | BadRecord]:
        """Make documents of each raw record, in order; a bad one gives its `BadRecord` in its place."""


def parse_many(reader: Source, raws: Sequence[RawRecord]) -> list[Documents | BadRecord]:
    """Parse many raw records of any source, in bulk where it can.

    Parameters
    ----------
    reader
        Any source.
    raws
        Raw records of it.

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
