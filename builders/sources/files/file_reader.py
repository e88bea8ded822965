"""What the readers of files have in common: which files, which source they are, and what shapes their result.

Knows paths and names; each reader knows its own format.
"""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, ClassVar

from ..records.raw_record import UNPRINTABLE
from ..records.source_options import SourceOptionError, checked_dimension, checked_name
from .file_search import find_files
from .open_files import without_compression

_NOT_PART_OF_A_NAME = re.compile(r"[^A-Za-z0-9._-]+")


@dataclass(frozen=True, kw_only=True)
class FileReader:
    """Options of every reader of files.

    Attributes
    ----------
    paths
        Files, and folders that are searched.
    source
        Name of the source, first part of every id. Default: the reader's own, or the name of the one path given.
    source_version
        Version of the source, where it is known.
    complete
        Whether the files list the whole source, so that ids no longer in them are to be retired.
    """

    kind: ClassVar[str]
    version: ClassVar[int]
    file_kinds: ClassVar[str]
    suffixes: ClassVar[tuple[str, ...]]
    default_source: ClassVar[str] = ""

    paths: Sequence[Path | str]
    source: str = ""
    source_version: str | None = None
    complete: bool = True

    def __post_init__(self) -> None:
        given = [self.paths] if isinstance(self.paths, str | Path) else self.paths
        paths = tuple(Path(path) for path in given)
        source = self.source or self.default_source or self._name_of(paths)
        checked_dimension(getattr(self, "dimension", None))
        object.__setattr__(self, "paths", paths)
        object.__setattr__(self, "source", checked_name(source))

    def _name_of(self, paths: tuple[Path, ...]) -> str:
        if len(paths) != 1:
            msg = f"{len(paths)} paths are given, so the source needs a name: say which with source="
            raise SourceOptionError(msg)
        stem = without_compression(paths[0].resolve().name)
        name, dot, suffix = stem.rpartition(".")
        stem = name if name and (dot + suffix.lower()) in self.suffixes else stem
        return _NOT_PART_OF_A_NAME.sub("-", stem).strip("-._") or self.kind

    def describe(self) -> dict[str, Any]:
        """Describe all that shapes what `parse` makes (JSON-able): kind, version and options, without the paths."""
        options = {
            field.name: _plain(getattr(self, field.name)) for field in fields(self) if field.name not in _NOT_SHAPING
        }
        return {"kind": self.kind, "version": self.version, **options}

    def files(self) -> list[Path]:
        """Find the files to read, sorted.

        Raises
        ------
        SourceFileError
            Where a path is missing or not readable, or a folder holds no file of this kind.
        """
        return find_files([Path(path) for path in self.paths], accepts=self.accepts, file_kinds=self.file_kinds)

    def relative_name(self, path: Path) -> str:
        """Name a file for use in ids: below the folder given, with slashes, without its compression suffix."""
        for given in map(Path, self.paths):
            if given.is_dir() and path.is_relative_to(given):
                relative = path.relative_to(given)
                # Two folders may hold files of the same name.
                relative = Path(given.resolve().name) / relative if len(self.paths) > 1 else relative
                break
        else:
            relative = Path(path.name)
        name = os.fsencode(without_compression(relative.as_posix())).decode("utf-8", "backslashreplace")
        return UNPRINTABLE.sub(lambda found: found[0].encode("unicode-escape").decode(), name)

    def id_prefix(self, path: Path) -> str:
        """Text before numbered ids: nothing where one file is given, else the name of the file."""
        alone = len(self.paths) == 1 and not Path(self.paths[0]).is_dir()
        return "" if alone else f"{self.relative_name(path)}/"

    @classmethod
    def accepts(cls, name: str) -> bool:
        """Whether a file in a folder is of this kind, by its name without compression suffix."""
        return name.lower().endswith(cls.suffixes)


_NOT_SHAPING = frozenset({"paths", "complete"})


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in sorted(value.items())}
    return [_plain(item) for item in value] if isinstance(value, tuple | list) else value
