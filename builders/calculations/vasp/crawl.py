"""Finds the calculations in trees of VASP folders: one for every vasprun.xml, whatever its suffix and compression.

Knows names and folders; it opens no file, and follows no symbolic link, which may lead out of the tree or in a circle.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ...sources.files.open_files import quoted, without_compression

MANIFEST: Final = "exfolio.json"
"""File beside a calculation's input that says which candidate it is for."""

# vasprun.xml, and as jobs and people rename it: vasprun.xml.relax1 (custodian), vasprun.relax1.xml, vasprun_static.xml,
# vasprun-1.xml, MoS2_vasprun.xml, Copy of vasprun.xml.
_VASPRUN = re.compile(
    r"(?:(?P<first>[^.]+)[._ -])?vasprun(?:[._ -]?(?P<before>[^.]+))?\.xml(?:\.(?P<after>[^.]+))?", re.IGNORECASE
)
_NOT_READ = re.compile(r"(?:[^.]+[._-])?vaspout(?:[._-]?[^.]+)?\.h5", re.IGNORECASE)
_OUTPUT_ONLY = re.compile(r"OUTCAR(\..+)?")
_SET_ASIDE = re.compile(r"error\.\d+")  # where custodian keeps an attempt that went wrong


@dataclass(frozen=True, slots=True)
class Run:
    """One calculation.

    Attributes
    ----------
    directory
        The folder it lies in.
    suffix
        Tells it from others in the same folder: ``relax1``; empty where it is alone.
    vasprun
        Its vasprun.xml.
    manifest
        The manifest of the folder, where it has one.
    set_aside
        An attempt that custodian gave up.
    """

    directory: Path
    suffix: str
    vasprun: Path
    manifest: Path | None = None
    set_aside: bool = False

    @property
    def files(self) -> tuple[Path, ...]:
        """Every file it is read from."""
        return (self.vasprun, self.manifest) if self.manifest else (self.vasprun,)

    @property
    def place(self) -> str:
        """Name of the calculation, that of its folder and, where it is not alone there, its suffix."""
        return f"{shown(self.directory)}#{self.suffix}" if self.suffix else shown(self.directory)


@dataclass(frozen=True, slots=True)
class Trouble:
    """A folder or link that was passed over, and why."""

    path: str
    reason: str
    remedy: str


def shown(path: Path) -> str:
    """Path as text that can be stored: as it is, or with undecodable bytes escaped."""
    text = str(path)
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return os.fsencode(path).decode("utf-8", "backslashreplace")
    return text


def crawl(roots: Iterable[Path]) -> Iterator[Run | Trouble]:
    """Find the calculations below folders, in the order of their names.

    Parameters
    ----------
    roots
        Folders. One inside another is looked at once. A root itself may be a link.

    Yields
    ------
    Run or Trouble
        Each calculation; and what could not be looked into, with the reason. Hidden folders are passed over.
    """
    seen: set[tuple[int, int]] = set()
    for root in roots:
        waiting = [root.absolute()]
        while waiting:
            here = waiting.pop()
            try:
                state = here.stat()
                if (state.st_dev, state.st_ino) in seen:
                    continue
                seen.add((state.st_dev, state.st_ino))
                with os.scandir(here) as scanned:
                    entries = sorted(scanned, key=lambda entry: entry.name)
                folders, results = _sorted_out(here, entries)
            except OSError as error:
                yield Trouble(shown(here), f"the folder can't be read: {error.strerror or error}", "Allow reading it.")
                continue
            yield from results
            waiting.extend(reversed(folders))


def _sorted_out(here: Path, entries: list[os.DirEntry[str]]) -> tuple[list[Path], list[Run | Trouble]]:
    folders: list[Path] = []
    results: list[Run | Trouble] = []
    runs: dict[str, Path] = {}
    manifest: Path | None = None
    finished = False
    other: str | None = None
    for entry in entries:
        if entry.name.startswith("."):
            continue
        path = here / entry.name
        match = _VASPRUN.fullmatch(without_compression(entry.name))
        if entry.is_symlink():
            if match or entry.is_dir() or entry.name == MANIFEST:
                reason = f"a symbolic link (to {quoted(path.readlink())}) is not followed"
                results.append(Trouble(shown(path), reason, "Name the folder it leads to, if that is to be read."))
        elif entry.is_dir(follow_symlinks=False):
            folders.append(path)
        elif match:
            suffix = ".".join(part for part in (match["first"], match["before"], match["after"]) if part)
            if not entry.is_file(follow_symlinks=False):
                results.append(Trouble(shown(path), "it is no regular file", "Write its content to a file."))
            elif suffix in runs:
                first = quoted(Path(runs[suffix].name))
                results.append(Trouble(shown(path), f"{first} is the same file already", "Keep one of the two."))
            else:
                runs[suffix] = path
        elif entry.name == MANIFEST and entry.is_file(follow_symlinks=False):
            manifest = path
        elif _OUTPUT_ONLY.fullmatch(without_compression(entry.name)):
            finished = True
        elif _NOT_READ.fullmatch(without_compression(entry.name)):
            other = entry.name
    if other and not runs:
        remedy = "VASP writes a vasprun.xml beside it: fetch that."
        results.append(Trouble(shown(here / other), "it is not read, and there is no vasprun.xml beside it", remedy))
    if finished and not runs and not results:
        results.append(Trouble(shown(here), "there is an OUTCAR but no vasprun.xml", "Fetch the vasprun.xml too."))
    set_aside = _SET_ASIDE.fullmatch(here.name) is not None
    results += [Run(here, suffix, path, manifest, set_aside) for suffix, path in sorted(runs.items())]
    return folders, results
