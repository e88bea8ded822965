"""Open source files, compressed or not, with guards against damaged and hostile ones.

Knows bytes and lines; knows nothing of what the files mean.
"""

import bz2
import codecs
import gzip
import io
import lzma
import os
import stat
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, cast

from ..records.raw_record import BadRecord

MAX_LINE_BYTES = 64 * 2**20
"""Longest line taken for one record. A structure of 10,000 sites is about 3 MB of JSON."""
MAX_WHOLE_BYTES = 64 * 2**20
"""Largest file, uncompressed, that is read as a whole (POSCAR; one block of a CIF)."""
MAX_RATIO = 250
"""Largest believable compression: JSON of structures reaches about 30, a table of repeated rows about 100."""
RATIO_CHECKED_FROM_BYTES = 64 * 2**20
"""Expansion is judged only beyond this size: what is smaller does no harm."""
COMPRESSION_SUFFIXES = (".gz", ".bz2", ".xz", ".zst", ".zip")

# First bytes: RFC 1952 (gzip), the bzip2 and xz file formats, RFC 8878 (zstd), PKWARE APPNOTE (zip).
_GZIP, _BZIP2, _XZ, _ZSTD, _ZIP = b"\x1f\x8b", b"BZh", b"\xfd7zXZ\x00", b"\x28\xb5\x2f\xfd", b"PK\x03\x04"
# The part that every document of Office Open XML has (ECMA-376-2), and that of OpenDocument.
_OFFICE = frozenset({"[Content_Types].xml", "META-INF/manifest.xml"})
# One 4-byte zstd block may hold 128 KiB, so a small piece bounds what comes out at once to 32 MiB.
_ZSTD_PIECE_BYTES = 1024
_BUFFER_BYTES = 256 * 1024


class SourceFileError(ValueError):
    """A path or file that can't be read as a source at all; the message names it and says what to do."""


class CutShortError(SourceFileError):
    """A file that ends too early or is damaged; what came before the damage has been given."""


def quoted(path: Path) -> str:
    """Quote a path as a person should see it: control characters and undecodable bytes escaped."""
    text = os.fsencode(path).decode("utf-8", "backslashreplace")
    return "'" + "".join(c if c.isprintable() else repr(c)[1:-1] for c in text) + "'"


def open_source(path: Path) -> io.BufferedReader:
    """Open a file for reading; what is compressed (by its first bytes, not its name) is uncompressed on the way.

    Parameters
    ----------
    path
        A plain, gzip, bzip2, xz or zstd file, or a zip archive of one file.

    Returns
    -------
    io.BufferedReader
        Stream of the uncompressed bytes. Reading it raises `CutShortError` where the file is damaged or cut
        short, and `SourceFileError` where it expands more than `MAX_RATIO` times.

    Raises
    ------
    SourceFileError
        Where the file is missing, not a regular file, not readable, or an archive of several files.
    """
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            msg = f"{quoted(path)} is a folder where a file is needed; give the files in it"
            raise SourceFileError(msg)
        if not stat.S_ISREG(mode):
            msg = f"{quoted(path)} is a device, pipe or socket; write its content to a file first"
            raise SourceFileError(msg)
        compressed = path.open("rb")
    except OSError as error:
        msg = f"can't read {quoted(path)}: {error.strerror or error}"
        raise SourceFileError(msg) from error
    try:
        inner = _uncompressed(compressed, path)
    except BaseException:
        compressed.close()
        raise
    if inner is compressed:
        return compressed
    return io.BufferedReader(_Guarded(inner, compressed, path), _BUFFER_BYTES)


def _uncompressed(compressed: io.BufferedReader, path: Path) -> io.BufferedIOBase | io.RawIOBase:
    head = compressed.read(8)
    compressed.seek(0)
    if head.startswith(_GZIP):
        return gzip.GzipFile(fileobj=compressed, mode="rb")
    if head.startswith(_BZIP2):
        return bz2.BZ2File(compressed)
    if head.startswith(_XZ):
        return lzma.LZMAFile(compressed)
    if head.startswith(_ZSTD):
        return _ZstdFile(compressed, path)
    if head.startswith(_ZIP):
        return _only_member(compressed, path)
    return compressed


def _only_member(compressed: io.BufferedReader, path: Path) -> io.BufferedIOBase:
    try:
        archive = zipfile.ZipFile(compressed)
        if not _OFFICE.isdisjoint(archive.namelist()):
            msg = f"{quoted(path)} is a spreadsheet or another document of an office program; export it as CSV"
            raise SourceFileError(msg)
        files = [member for member in archive.infolist() if not member.is_dir() and not _is_of_macos(member.filename)]
        if len(files) == 1 and not files[0].flag_bits & 0x1:  # APPNOTE 4.4.4: encrypted
            return cast("io.BufferedIOBase", archive.open(files[0]))
    except (zipfile.BadZipFile, NotImplementedError, OSError) as error:
        msg = f"{quoted(path)} is a zip archive that can't be read: {error}"
        raise SourceFileError(msg) from error
    what = "an encrypted file" if len(files) == 1 else f"{len(files)} files"
    msg = f"{quoted(path)} is a zip archive of {what}; unpack it and give the files in it"
    raise SourceFileError(msg)


def _is_of_macos(name: str) -> bool:
    return name.startswith("__MACOSX/")


class _ZstdFile(io.RawIOBase):
    """Zstandard frames one after the other; unlike the package's own stream it tells a cut file from a whole one."""

    def __init__(self, compressed: BinaryIO, path: Path) -> None:
        try:
            import zstandard  # only files that need it need the package
        except ImportError as error:
            msg = f"{quoted(path)} is zstd-compressed: pip install zstandard, or recompress it with gzip"
            raise SourceFileError(msg) from error
        self._new = zstandard.ZstdDecompressor(max_window_size=2**27).decompressobj
        self._errors = zstandard.ZstdError
        self._compressed = compressed
        self._frame = self._new()
        self._at_frame_start = True
        self._ready = b""

    def readable(self) -> bool:
        return True

    def read(self, size: int | None = -1) -> bytes:
        want = _BUFFER_BYTES if size is None or size < 0 else size
        while not self._ready:
            piece = self._compressed.read(_ZSTD_PIECE_BYTES)
            if not piece:
                if self._at_frame_start:
                    return b""
                raise EOFError("the last frame has no end")
            self._ready = self._decompress(piece)
        given, self._ready = self._ready[:want], self._ready[want:]
        return given

    def _decompress(self, piece: bytes) -> bytes:
        given = []
        while piece:
            if self._frame.eof:
                self._frame = self._new()
            try:
                given.append(self._frame.decompress(piece))
            except self._errors as error:
                raise OSError(str(error)) from error
            self._at_frame_start = self._frame.eof
            piece = self._frame.unused_data if self._frame.eof else b""
        return b"".join(given)


class _Guarded(io.RawIOBase):
    """What comes out of a decompressor, with its errors named after the file and its expansion watched."""

    def __init__(self, inner: io.BufferedIOBase | io.RawIOBase, compressed: io.BufferedReader, path: Path) -> None:
        self._inner = inner
        # read1 gives what came before a damage; read would throw it away.
        self._read: Callable[[int], bytes | None] = getattr(inner, "read1", inner.read)
        self._compressed = compressed
        self._path = path
        self._given = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        view = memoryview(cast("bytearray", buffer))
        try:
            piece = self._read(len(view)) or b""
        except (EOFError, OSError, zlib.error, lzma.LZMAError, zipfile.BadZipFile) as error:
            msg = f"{quoted(self._path)} is damaged or cut short after {self._given} uncompressed bytes: {error}"
            raise CutShortError(msg) from error
        view[: len(piece)] = piece
        self._given += len(piece)
        taken = max(1, self._compressed.tell())
        if self._given > RATIO_CHECKED_FROM_BYTES and self._given > MAX_RATIO * taken:
            msg = (
                f"{quoted(self._path)} expands from {taken} to more than {self._given} bytes, over {MAX_RATIO} times; "
                "uncompress it yourself if you trust it"
            )
            raise SourceFileError(msg)
        return len(piece)

    def close(self) -> None:
        if not self.closed:
            self._inner.close()
            self._compressed.close()
        super().close()


def read_whole(path: Path, *, limit: int = MAX_WHOLE_BYTES) -> bytes:
    """Read a file as a whole.

    Raises
    ------
    SourceFileError
        As `open_source`, and where the uncompressed file is larger than `limit` bytes.
    """
    with open_source(path) as stream:
        content = _read_upto(stream, limit + 1)
    if len(content) > limit:
        msg = f"{quoted(path)} is larger than {limit} bytes uncompressed; split it"
        raise SourceFileError(msg)
    return content


def read_head(path: Path, size: int) -> bytes:
    """Read up to the first `size` uncompressed bytes of a file; of a damaged one, what can be had."""
    with open_source(path) as stream:
        return _read_upto(stream, size, cut_is_end=True)


def _read_upto(stream: io.BufferedReader, size: int, *, cut_is_end: bool = False) -> bytes:
    pieces, missing = [], size
    while missing > 0:
        try:
            piece = stream.read1(min(missing, _BUFFER_BYTES))
        except CutShortError:
            if cut_is_end:
                break
            raise
        if not piece:
            break
        pieces.append(piece)
        missing -= len(piece)
    return b"".join(pieces)


def numbered_lines(path: Path, *, limit: int = MAX_LINE_BYTES) -> Iterator[tuple[int, bytes | BadRecord]]:
    """Read a file line by line, in memory of one line.

    Parameters
    ----------
    path
        A text file, compressed or not.
    limit
        Longest line taken, in bytes; a longer one is passed over without being kept.

    Yields
    ------
    tuple
        Number of the line, from 1, and its bytes without the line end and the mark of UTF-8; or the `BadRecord` for a
        line too long, or for the rest of a damaged file.
    """
    number = 0
    try:
        with open_source(path) as stream:
            while line := stream.readline(limit + 2):
                number += 1
                if number == 1:
                    line = line.removeprefix(codecs.BOM_UTF8)
                content = line.rstrip(b"\r\n")
                if len(content) > limit:
                    while line and not line.endswith(b"\n"):
                        line = stream.readline(_BUFFER_BYTES)
                    yield (
                        number,
                        BadRecord(
                            f"the line is longer than {limit} bytes", remedy="one record a line", place=f"line {number}"
                        ),
                    )
                else:
                    yield number, content
    except SourceFileError as error:
        if number == 0 and not isinstance(error, CutShortError):
            raise
        yield number + 1, rest_unread(error, place=f"line {number + 1}")


def rest_unread(error: SourceFileError, *, place: str, index: int = -1) -> BadRecord:
    """Make the bad record that stands for all that could not be read of a damaged file."""
    return BadRecord(
        str(error),
        remedy="fetch the file again; what came before was read",
        place=f"{place} and all after it",
        index=index,
        rest_unread=True,
    )


def without_compression(name: str) -> str:
    """Strip the compression suffix off a file name: ``a.cif.gz`` -> ``a.cif``."""
    stem, dot, suffix = name.rpartition(".")
    return stem if stem and dot + suffix.lower() in COMPRESSION_SUFFIXES else name
