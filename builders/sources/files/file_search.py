"""Find the files of a source: those given, and those in the folders given."""

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import IO

from .open_files import SourceFileError, open_source, quoted, without_compression


def find_files(
    paths: Iterable[Path],
    *,
    accepts: Callable[[str], bool],
    file_kinds: str,
    opened: Callable[[Path], IO[bytes]] = open_source,
) -> list[Path]:
    """Find the files to read: the ones given, and those in the folders given, recursively.

    Parameters
    ----------
    paths
        Files and folders. A file given by name is taken whatever its name is.
    accepts
        Whether a file in a folder is of these kinds, by its name without a compression suffix.
    file_kinds
        What is looked for, for messages, e.g. ``"CIF or POSCAR files"``.
    opened
        Opens a file that is given by name, to see that it can be read.

    Returns
    -------
    list of Path
        Sorted, each file once. In folders, hidden files and folders are passed over, and symbolic links are not
        followed: they may lead out of the folder or round in a circle.

    Raises
    ------
    SourceFileError
        Where a path is missing or not readable, or where nothing is found.
    """
    paths = list(paths)
    if not paths:
        msg = f"no path given; name at least one file or folder of {file_kinds}"
        raise SourceFileError(msg)
    by_real_path: dict[Path, Path] = {}
    for path in paths:
        if not path.is_dir():
            opened(path).close()
            by_real_path.setdefault(path.resolve(), path)
            continue
        inside, links = _files_in(path, accepts)
        if not inside:
            hint = f" ({links} symbolic links were not followed)" if links else ""
            msg = f"no {file_kinds} in the folder {quoted(path)}{hint}"
            raise SourceFileError(msg)
        for file in inside:
            by_real_path.setdefault(file.resolve(), file)
    return sorted(by_real_path.values())


def _files_in(folder: Path, accepts: Callable[[str], bool]) -> tuple[list[Path], int]:
    files, links = [], 0
    waiting = [folder]
    while waiting:
        here = waiting.pop()
        try:
            with os.scandir(here) as entries:
                for entry in entries:
                    if entry.name.startswith("."):
                        continue
                    if entry.is_symlink():
                        links += 1
                    elif entry.is_dir(follow_symlinks=False):
                        waiting.append(here / entry.name)
                    elif entry.is_file(follow_symlinks=False) and accepts(without_compression(entry.name)):
                        files.append(here / entry.name)
        except OSError as error:
            msg = f"can't read the folder {quoted(here)}: {error.strerror or error}"
            raise SourceFileError(msg) from error
    return files, links
