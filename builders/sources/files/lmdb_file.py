"""Read keys and values of an LMDB file: a B+ tree of pages, walked with plain reads.

The library maps a file into memory, where one that was cut short ends the process; here it is told. Knows pages and
nodes as mdb.c of LMDB 0.9 lays them out (data version 1, little-endian), and nothing of what the values mean.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from .open_files import MAX_WHOLE_BYTES, CutShortError, SourceFileError, quoted

_HEADER: Final = struct.Struct("<QHHHH")  # MDB_page: number, pad, flags, lower, upper (or pages of an overflow)
_META: Final = struct.Struct("<IIQQ")  # MDB_meta: magic, version, address, size of the map; two MDB_db follow
_TREE: Final = struct.Struct("<IHHQQQQQ")  # MDB_db: pad (page size in the first), flags, depth, pages of 3 kinds, root
_END: Final = struct.Struct("<QQ")  # of MDB_meta: last page used, transaction
_NODE: Final = struct.Struct("<HHHH")  # MDB_node: low and high half of size or page, flags, size of the key
_MAGIC: Final = b"\xde\xc0\xef\xbe"
_VERSION: Final = 1
_BRANCH, _LEAF = 0x01, 0x02
_ELSEWHERE, _SUBTREE, _SEVERAL = 0x01, 0x02, 0x04  # flags of a node
_NOWHERE: Final = 2**64 - 1
_MAX_DEPTH: Final = 32
_PAGE_SIZES: Final = tuple(2**n for n in range(8, 17))


@dataclass(frozen=True, slots=True)
class _Tree:
    page_bytes: int
    root: int
    last_page: int


def is_lmdb(head: bytes) -> bool:
    """Whether a file is an LMDB file, by its first bytes."""
    return head[_HEADER.size : _HEADER.size + len(_MAGIC)] == _MAGIC


def lmdb_items(path: Path) -> Iterator[tuple[bytes, bytes]]:
    """Read keys and values in the order of the keys' bytes, in memory of one value.

    Raises
    ------
    SourceFileError
        It is no LMDB file, or of another version of the format.
    CutShortError
        It is damaged or cut short; what came before was given.
    """
    with path.open("rb") as stream:
        tree = _newest(stream, path)
        if tree.root != _NOWHERE:
            pages_left = [tree.last_page + 1]
            yield from _below(stream, path, tree, tree.root, _MAX_DEPTH, pages_left)


def _newest(stream: BinaryIO, path: Path) -> _Tree:
    """The tree of the newer of the two transactions that a file keeps."""
    head = stream.read(_HEADER.size + _META.size + _TREE.size)
    if not is_lmdb(head):
        raise SourceFileError(f"{quoted(path)} is no LMDB file: it begins with {head[:8]!r}")
    if len(head) < _HEADER.size + _META.size + _TREE.size:
        raise _damaged(path, "it ends in its first page")
    page_bytes = _TREE.unpack_from(head, _HEADER.size + _META.size)[0]
    if page_bytes not in _PAGE_SIZES:
        raise _damaged(path, f"its pages have {page_bytes} bytes")
    found: list[tuple[int, _Tree]] = []
    for number in (0, 1):
        page = _read(stream, path, number * page_bytes, page_bytes)
        _, version, _, _ = _META.unpack_from(page, _HEADER.size)
        if version & 0xFF != _VERSION:
            raise SourceFileError(
                f"{quoted(path)} is of version {version & 0xFF} of LMDB's format, and version {_VERSION} is read; "
                "copy its rows into an ASE database (.db) with the program that wrote it"
            )
        start = _HEADER.size + _META.size + _TREE.size  # past the tree of free pages
        root = _TREE.unpack_from(page, start)[-1]
        last_page, transaction = _END.unpack_from(page, start + _TREE.size)
        found.append((transaction, _Tree(page_bytes, root, last_page)))
    return max(found, key=lambda each: each[0])[1]


def _below(
    stream: BinaryIO, path: Path, tree: _Tree, number: int, depth: int, pages_left: list[int]
) -> Iterator[tuple[bytes, bytes]]:
    pages_left[0] -= 1
    if depth == 0 or pages_left[0] < 0 or number > tree.last_page:
        raise _damaged(path, f"page {number} is no page of its tree")
    page = _read(stream, path, number * tree.page_bytes, tree.page_bytes)
    _, _, flags, lower, _ = _HEADER.unpack_from(page)
    if not flags & (_BRANCH | _LEAF) or not _HEADER.size <= lower <= tree.page_bytes:
        raise _damaged(path, f"page {number} is no page of its tree")
    for (place,) in struct.iter_unpack("<H", page[_HEADER.size : lower - lower % 2]):
        if place + _NODE.size > tree.page_bytes:
            raise _damaged(path, f"page {number} holds a node beyond its end")
        low, high, node_flags, key_bytes = _NODE.unpack_from(page, place)
        if flags & _BRANCH:
            child = low | high << 16 | node_flags << 32
            yield from _below(stream, path, tree, child, depth - 1, pages_left)
            continue
        start = place + _NODE.size + key_bytes
        key, size = page[place + _NODE.size : start], low | high << 16
        if node_flags & (_SUBTREE | _SEVERAL):
            continue  # a database within the database, or several values of one key: ASE writes neither
        if size > MAX_WHOLE_BYTES:
            raise _damaged(path, f"a value has {size} bytes")
        if node_flags & _ELSEWHERE:
            (first,) = struct.unpack_from("<Q", page, start)
            yield key, _read(stream, path, first * tree.page_bytes + _HEADER.size, size)
        elif start + size <= tree.page_bytes:
            yield key, page[start : start + size]
        else:
            raise _damaged(path, f"page {number} holds a value beyond its end")


def _read(stream: BinaryIO, path: Path, start: int, size: int) -> bytes:
    try:
        stream.seek(start)
        piece = stream.read(size)
    except (OSError, OverflowError, ValueError) as error:
        raise _damaged(path, f"byte {start} can't be read: {error}") from error
    if len(piece) < size:
        raise _damaged(path, f"it ends before byte {start + size}")
    return piece


def _damaged(path: Path, how: str) -> CutShortError:
    return CutShortError(f"{quoted(path)} is damaged or cut short: {how}")
