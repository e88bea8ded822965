"""Reader of arrays of cells (.npz, .npy), each cell a point cloud by a layout, as Kim et al. publish those of Mg-Mn-O.

An array of shape (cells, rows, 3) is read cell by cell; how rows stand for atoms is `models.structure.point_cloud`'s.
"""

from __future__ import annotations

import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, ClassVar

import numpy as np
from pymatgen.core.structure import Structure

from ....models.structure.comparison.matching import Comparison, prepare
from ....models.structure.point_cloud import NotDecodable, decode
from ....models.structure.point_cloud_layouts import MG_MN_O, BadLayout, Layout, find_layout
from ..files.file_reader import FileReader
from ..files.file_search import find_files
from ..files.open_files import SourceFileError, quoted, rest_unread
from ..records.material_fields import claim, identity
from ..records.raw_record import BadRecord, Documents, RawRecord
from ..records.source_options import SourceOptionError
from ..records.structure_fields import checked, structure_fields

MAX_NAMES_BYTES = 64 * 2**20
"""Largest array of names taken."""
_DAMAGED = (ValueError, OSError, EOFError, zipfile.BadZipFile, zlib.error)


@dataclass(frozen=True, kw_only=True)
class PointClouds(FileReader):
    """Cells of an array; the id is the cell's name where the file has names, else its place, from 1.

    A name that comes again gets a number (``mp-1432_pox-2``), and has to be the same crystal in another setting.
    None of the supercells that Kim et al. publish is: the atoms are listed copy by copy, the slots element by element.

    Attributes
    ----------
    layout
        Name of a layout, or its data: name and slots.
    cells, names
        Arrays of an .npz that hold the cells and, where it is there, their names.
    method
        How the structures were got, e.g. ``PBE``.
    reference
        Publication to cite.
    dimension
        2 or 3, where the source claims it of all its records.

    Raises
    ------
    SourceOptionError
        The layout is none.
    """

    kind: ClassVar[str] = "point-clouds"
    version: ClassVar[int] = 2
    file_kinds: ClassVar[str] = "arrays of cells (.npz, .npy)"
    suffixes: ClassVar[tuple[str, ...]] = (".npz", ".npy")

    layout: str | Mapping[str, Any] = MG_MN_O.name
    cells: str = "cells"
    names: str = "names"
    method: str | None = None
    reference: str | None = None
    dimension: int | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        self._layout()

    def _layout(self) -> Layout:
        try:
            return find_layout(self.layout)
        except BadLayout as error:
            raise SourceOptionError(str(error)) from error

    def files(self) -> list[Path]:
        """Find the files to read, sorted.

        Raises
        ------
        SourceFileError
            Where a path is missing or not readable, or a folder holds no file of this kind.
        """
        given = [Path(path) for path in self.paths]
        return find_files(given, accepts=self.accepts, file_kinds=self.file_kinds, opened=_open)

    def records(self, path: Path) -> Iterator[RawRecord | BadRecord]:
        """Read the cells one by one.

        Raises
        ------
        SourceFileError
            Before the first, where the file holds no such array.
        """
        layout = self._layout()
        names = _names(path, self.names)
        seen: Counter[str] = Counter()
        times = Counter(names)
        first: dict[str, tuple[str, list[list[float]]]] = {}  # place and cell of those names that come again
        prefix = self.id_prefix(path)
        index = 0
        try:
            with _array(path, self.cells) as (shape, dtype, stream):
                if len(shape) != 3 or shape[1:] != layout.shape or dtype.kind != "f":
                    rows, columns = layout.shape
                    msg = (
                        f"the array {self.cells!r} of {quoted(path)} holds {dtype} of shape {shape}, and the layout "
                        f"{layout.name!r} needs floats of shape (cells, {rows}, {columns})"
                    )
                    raise SourceFileError(msg)
                if names is not None and len(names) != shape[0]:
                    msg = f"{quoted(path)} has {len(names)} names for {shape[0]} cells"
                    raise SourceFileError(msg)
                size = shape[1] * shape[2] * dtype.itemsize
                for index in range(shape[0]):
                    content = stream.read(size)
                    if len(content) != size:
                        raise EOFError(f"it ends within cell {index + 1} of {shape[0]}")
                    cell = np.frombuffer(content, dtype=dtype).astype(float).reshape(shape[1:]).tolist()
                    place = f"cell {index + 1}"
                    name = str(names[index]) if names is not None else str(index + 1)
                    seen[name] += 1
                    source_id = name if seen[name] == 1 else f"{name}-{seen[name]}"
                    yield RawRecord(place, index, (cell, prefix + source_id, first.get(name)))
                    if times[name] > seen[name] == 1:
                        first[name] = (place, cell)
        except _DAMAGED as error:
            if isinstance(error, SourceFileError):
                raise
            msg = f"{quoted(path)} can't be read on: {error}"
            yield rest_unread(SourceFileError(msg), place=f"cell {index + 1}", index=index)

    def parse(self, raw: RawRecord) -> Documents:
        """Make the document of one cell.

        Raises
        ------
        BadRecord
            The record can't be used.
        """
        cell, source_id, namesake = raw.payload
        structure = self._structure(cell)
        if namesake is not None:
            place, earlier = namesake
            if not Comparison().same(prepare(self._structure(earlier)), prepare(structure)):
                raise BadRecord(
                    f"it has the name of {place}, and is another crystal",
                    remedy="give it a name of its own, or correct which atoms are in which slots",
                )
        document = {
            **identity(self.source, source_id, self.source_version),
            **structure_fields(structure),
        }
        claim(document, dimension=self.dimension)
        if self.method:
            document["methods"] = {"structure": self.method}
        if self.reference:
            document["reference"] = self.reference
        return {"materials": [document]}

    def _structure(self, cell: list[list[float]]) -> Structure:
        try:
            return checked(decode(cell, self._layout()))
        except NotDecodable as error:
            raise BadRecord(f"it is no cell: {error.reasons[0]}", remedy="correct the array or the layout") from error


def _open(path: Path) -> IO[bytes]:
    try:
        return path.open("rb")
    except OSError as error:
        msg = f"can't read {quoted(path)}: {error.strerror or error}"
        raise SourceFileError(msg) from error


@contextmanager
def _array(path: Path, name: str) -> Iterator[tuple[tuple[int, ...], np.dtype[Any], IO[bytes]]]:
    """Shape, type and bytes of an array, which may be larger than the memory.

    Format: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html.
    """
    with _open(path) as file:
        if file.read(4) != b"PK\x03\x04":
            file.seek(0)
            yield (*_header(file, path), file)
            return
        with zipfile.ZipFile(path) as archive:
            if f"{name}.npy" not in archive.namelist():
                there = ", ".join(sorted(member.removesuffix(".npy") for member in archive.namelist()))
                msg = f"{quoted(path)} has no array {name!r}; it has: {there}"
                raise SourceFileError(msg)
            with archive.open(f"{name}.npy") as stream:
                yield (*_header(stream, path), stream)


def _header(stream: IO[bytes], path: Path) -> tuple[tuple[int, ...], np.dtype[Any]]:
    try:
        version = np.lib.format.read_magic(stream)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, fortran_order, dtype = read(stream)
    except ValueError as error:
        msg = f"{quoted(path)} is no file of numpy arrays: {error}"
        raise SourceFileError(msg) from error
    if fortran_order or dtype.hasobject:
        msg = f"{quoted(path)} holds an array in Fortran's order or of Python objects; save a plain array in C's order"
        raise SourceFileError(msg)
    return shape, dtype


def _names(path: Path, name: str) -> list[str] | None:
    if not zipfile.is_zipfile(path):
        return None
    with zipfile.ZipFile(path) as archive:
        if f"{name}.npy" not in archive.namelist():
            return None
        if archive.getinfo(f"{name}.npy").file_size > MAX_NAMES_BYTES:
            msg = f"the array {name!r} of {quoted(path)} is larger than {MAX_NAMES_BYTES} bytes"
            raise SourceFileError(msg)
    with _array(path, name) as (shape, dtype, stream):
        if len(shape) != 1 or dtype.kind not in "US":
            msg = f"the array {name!r} of {quoted(path)} holds {dtype} of shape {shape}, not one name for each cell"
            raise SourceFileError(msg)
        names = np.frombuffer(stream.read(shape[0] * dtype.itemsize), dtype=dtype)
        return [text.decode("latin-1") if isinstance(text, bytes) else str(text) for text in names.tolist()]
