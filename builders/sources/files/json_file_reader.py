"""What readers of JSON have in common whose records are each parsed from their own text alone."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from ..records.raw_record import BadRecord, RawRecord
from .file_reader import FileReader
from .json_stream import json_items


@dataclass(frozen=True, kw_only=True)
class JsonFileReader(FileReader):
    """Reader of the records of JSON files in whatever form, such as a list, lines, or the answer of a web service."""

    suffixes: ClassVar[tuple[str, ...]] = (".json", ".jsonl")

    def records(self, path: Path) -> Iterator[RawRecord | BadRecord]:
        """Read the texts of the records of a file one by one."""
        for item in json_items(path):
            yield item if isinstance(item, BadRecord) else RawRecord(item.place, item.index, item.text)
