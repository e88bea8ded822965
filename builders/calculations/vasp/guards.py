"""Lets only what looks like a vasprun.xml reach the XML parser: no declarations, no bombs, no giants.

Knows bytes; the meaning is read in `parse`. Nothing here executes, imports or fetches what a file names.
"""

from __future__ import annotations

import io
import re
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

from ...sources.files.open_files import SourceFileError, open_source, quoted, without_compression

MAX_BYTES: Final = 2 * 2**30
"""Largest vasprun.xml taken, uncompressed; a relaxation of 200 atoms with many k-points has about 200 MB."""
MAX_PROLOG: Final = 64 * 1024
"""Bytes within which the root element must begin; VASP writes it into the second line."""
ROOT: Final = b"modeling"

_ENCODINGS: Final = frozenset({"iso-8859-1", "latin-1", "utf-8", "utf8", "us-ascii", "ascii"})
_ENCODING = re.compile(rb"""encoding\s*=\s*["']([^"']*)["']""")
_CHUNK = 1 << 20


class BadRun(ValueError):
    """A calculation that can't be used: why, and what a person can do."""

    def __init__(self, reason: str, remedy: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.remedy = remedy

    def __reduce__(self) -> tuple[type[BadRun], tuple[str, str]]:
        return BadRun, (self.reason, self.remedy)


def check_size(path: Path) -> None:
    """Refuse what is no regular file, or larger than any result, by its entry in the folder alone.

    Raises
    ------
    BadRun
        Naming the file and its size.
    """
    try:
        state = path.lstat()
    except OSError as error:
        raise BadRun(f"{quoted(path)} can't be read: {error.strerror or error}", "Allow reading it.") from None
    if not stat.S_ISREG(state.st_mode):
        raise BadRun(f"{quoted(path)} is no regular file", "Write its content to a file.")
    if state.st_size > MAX_BYTES:
        raise BadRun(f"{quoted(path)} has {state.st_size:,} bytes, more than {MAX_BYTES:,}", _TOO_LARGE)


_TOO_LARGE = "Look whether it is what it seems; a trajectory that long is best split."


@contextmanager
def plain_xml(path: Path) -> Iterator[Path]:
    """Check and uncompress a file to parse: the file itself, or a copy that is removed afterwards.

    Parameters
    ----------
    path
        A vasprun.xml, plain or compressed (which is told by its content, not its name).

    Raises
    ------
    BadRun
        When it is too large, expands beyond belief, is cut short within its compression, declares a document type or
        entities, or its root element is not VASP's.
    """
    check_size(path)
    with tempfile.NamedTemporaryFile(prefix="exfolio-", suffix=".xml") as copy:
        try:
            checked = _checked(path, copy)
        except SourceFileError as error:
            raise BadRun(str(error), "Fetch the file again.") from None
        except OSError as error:
            raise BadRun(f"{quoted(path)} can't be read: {error.strerror or error}", "Allow reading it.") from None
        yield checked


def _checked(path: Path, copy: IO[bytes]) -> Path:
    with path.open("rb") as raw:
        # pymatgen tells compression by the name, so a name that does not fit is no name for it.
        named_plain = without_compression(path.name) == path.name and path.suffix.lower() not in (".z", ".lzma")
        plain = named_plain and raw.read(64).lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<")
    with open_source(path) as stream:
        head = _head(stream)
        check_prolog(head, path)
        if plain:
            return path
        size = copy.write(head)
        while piece := stream.read1(_CHUNK):
            size += len(piece)
            if size > MAX_BYTES:
                raise BadRun(f"{quoted(path)} has more than {MAX_BYTES:,} bytes uncompressed", _TOO_LARGE)
            copy.write(piece)
    copy.flush()
    return Path(copy.name)


def _head(stream: io.BufferedReader) -> bytes:
    pieces: list[bytes] = []
    missing = MAX_PROLOG
    while missing > 0 and (piece := stream.read1(missing)):
        pieces.append(piece)
        missing -= len(piece)
    return b"".join(pieces)


def check_prolog(head: bytes, path: Path) -> None:
    """Check what stands before the root element; a document type or an entity can be declared nowhere else.

    Parameters
    ----------
    head
        The first bytes of the file, uncompressed.
    path
        For messages.

    Raises
    ------
    BadRun
        When there is a declaration, an unusual encoding, or another root element than VASP's.
    """
    name = quoted(path)
    if not head.strip():
        raise BadRun(f"{name} is empty", "Run the calculation, or remove the file.")
    if b"\x00" in head:
        raise BadRun(f"{name} is no XML in one of the encodings that VASP writes", "Fetch the file again.")
    rest = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    while True:
        if rest.startswith(b"<?"):
            end, step = rest.find(b"?>"), 2
            stated = _ENCODING.search(rest[: max(end, 0)])
            if stated and stated[1].decode("ascii", "replace").lower() not in _ENCODINGS:
                encoding = stated[1].decode("ascii", "replace")
                raise BadRun(f"{name} is in the encoding {encoding!r}, which VASP does not write", "Do not trust it.")
        elif rest.startswith(b"<!--"):
            end, step = rest.find(b"-->"), 3
        elif rest.startswith(b"<!"):
            what = rest[:40].split(b"\n")[0].decode("ascii", "replace")
            raise BadRun(
                f"{name} declares a document type or entities ({what!r} …)", "VASP writes none: don't trust it."
            )
        else:
            break
        if end < 0:
            raise BadRun(f"{name} has no root element in its first {MAX_PROLOG:,} bytes", "Fetch the file again.")
        rest = rest[end + step :].lstrip()
    if not re.match(rb"<" + ROOT + rb"[\s>]", rest):
        what = rest[:40].split(b"\n")[0].decode("utf-8", "replace")
        raise BadRun(f"{name} is no vasprun.xml: it begins with {what!r}", "Fetch the file again.")
