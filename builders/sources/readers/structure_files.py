"""Reader of CIF and POSCAR files, given by name or found in folders; each structure is a material of its own.

What a file states of itself has to agree with what is read (see `crystal_files`). Partly occupied sites are flagged,
not refused.
"""

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from ..crystal_files.cif_crystal import read_crystal
from ..crystal_files.cif_moments import read_moments
from ..crystal_files.poscar import read_poscar
from ..files.file_reader import FileReader
from ..files.file_search import find_files
from ..files.open_files import SourceFileError, numbered_lines, read_head, read_whole, rest_unread, without_compression
from ..records.material_fields import claim, identity
from ..records.raw_record import BadRecord, Documents, RawRecord
from ..records.record_values import storable
from ..records.structure_fields import checked, structure_fields

MAX_BLOCK_BYTES = 8 * 2**20
"""Largest CIF block taken; some hold their whole diffraction data."""
MAX_POSCAR_BYTES = 4 * 2**20
"""Largest POSCAR taken: far above `MAX_SITES` sites with velocities."""

_CIF_SUFFIXES = (".cif", ".mcif")
_POSCAR_SUFFIXES = (".vasp", ".poscar", ".contcar")
_POSCAR_NAMES = ("POSCAR", "CONTCAR")
_BLOCK = re.compile(rb"\s*data_(\S*)", re.IGNORECASE)
_ATOMS = re.compile(rb"^[ \t]*_atom_site[._](?:fract|cartn)_x\b", re.IGNORECASE | re.MULTILINE)
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_STATED = {
    "formula": re.compile(r"^_chemical_formula_sum[ \t]+(\S.*)$", re.M),
    "formula_units": re.compile(r"^_cell_formula_units_Z[ \t]+(\S.*)$", re.M),
    "space_group_number": re.compile(r"^_(?:space_group_IT_number|symmetry_Int_Tables_number)[ \t]+(\S.*)$", re.M),
    "space_group_symbol": re.compile(
        r"^_(?:space_group_name_H-M_alt|symmetry_space_group_name_H-M)[ \t]+(\S.*)$", re.M
    ),
    "name": re.compile(r"^_chemical_name_(?:systematic|mineral|common)[ \t]+(\S.*)$", re.M),
    "database_code": re.compile(r"^_database_code_\w+[ \t]+(\S.*)$", re.M),
}


@dataclass(frozen=True, kw_only=True)
class StructureFiles(FileReader):
    """CIF and POSCAR files; the id is the file's path in the folder, with the block's name where a CIF has several.

    Blocks of one name have one id: the later one goes to quarantine, or says the same.

    Attributes
    ----------
    method
        How the structures were got, e.g. ``PBE`` or ``experiment``.
    reference
        Publication to cite.
    dimension
        2 or 3, where the source claims it of all its records.
    synthesised
        Whether all of its records have been made; not said where it is None.
    """

    kind: ClassVar[str] = "structure-files"
    version: ClassVar[int] = 6
    file_kinds: ClassVar[str] = "CIF or POSCAR files (.cif, .mcif, .vasp, .poscar, POSCAR*, CONTCAR*, or a number)"
    suffixes: ClassVar[tuple[str, ...]] = (*_CIF_SUFFIXES, *_POSCAR_SUFFIXES)

    method: str | None = None
    reference: str | None = None
    dimension: int | None = None
    synthesised: bool | None = None

    @classmethod
    def accepts(cls, name: str) -> bool:
        """Whether a file in a folder is a CIF or POSCAR, by its name without compression suffix."""
        return super().accepts(name) or name.upper().startswith(_POSCAR_NAMES)

    @classmethod
    def _accepts_number(cls, name: str) -> bool:
        return cls.accepts(name) or name.isdecimal()

    def files(self) -> list[Path]:
        """Find the files to read, sorted.

        Raises
        ------
        SourceFileError
            Where there are none, or two would give the same id.
        """
        # Collections name files by numbers, without an ending: crystals where a person says that they are.
        given = [Path(path) for path in self.paths]
        files = find_files(given, accepts=self._accepts_number, file_kinds=self.file_kinds)
        names: dict[str, Path] = {}
        for path in files:
            other = names.setdefault(self.relative_name(path), path)
            if other is not path:
                msg = f"{other} and {path} would give the same id; remove or rename one of them"
                raise SourceFileError(msg)
        return files

    def records(self, path: Path) -> Iterator[RawRecord | BadRecord]:
        """Read the blocks of a CIF one by one, or a POSCAR as a whole.

        A file that can't be read at all is a bad record too: a folder may hold thousands.
        """
        name = self.relative_name(path)
        try:
            if _is_cif(path):
                yield from self._blocks(path, name)
            else:
                content = _text(read_whole(path, limit=MAX_POSCAR_BYTES))
                yield RawRecord("the file", 0, ("poscar", _line_ends(content), name))
        except SourceFileError as error:
            # Raised before the first block only; damage further on is a bad record of its own.
            yield rest_unread(error, place="the file", index=0)

    def _blocks(self, path: Path, name: str) -> Iterator[RawRecord | BadRecord]:
        # A block's id depends on whether there are others, so one is held back.
        held: tuple[int, str, bytes] | None = None
        several = False
        index = 0
        seen: set[str] = set()
        for block in _cif_blocks(path):
            several |= held is not None or isinstance(block, BadRecord)
            if held is not None:
                yield _raw(held, index, name, several=several, seen=seen)
                index, held = index + 1, None
            if isinstance(block, BadRecord):
                yield block.moved(block.place, index)
                index += 1
            else:
                held = block
        if held is not None:
            yield _raw(held, index, name, several=several, seen=seen)
        elif index == 0:
            yield BadRecord(
                "no block lists atoms with coordinates", remedy="give CIFs of structures", place="the file", index=0
            )

    def parse(self, raw: RawRecord) -> Documents:
        """Make the document of one structure.

        Raises
        ------
        BadRecord
            The record can't be used.
        """
        form, text, source_id = raw.payload
        structure = read_crystal(text) if form == "cif" else read_poscar(text)
        document: dict[str, Any] = {
            **identity(self.source, source_id, self.source_version),
            **structure_fields(checked(structure)),
        }
        if self.method:
            document["methods"] = {"structure": self.method}
        if self.reference:
            document["reference"] = self.reference
        claim(document, dimension=self.dimension, synthesised=self.synthesised)
        extra = _stated(text) if form == "cif" else _comment(text)
        if form == "cif" and (moments := read_moments(text)):
            extra["magnetic_moments"] = {"unit": "µB", "sites": moments}
        if extra:
            document["extra"] = storable(extra, "extra")
        return {"materials": [document]}


def _is_cif(path: Path) -> bool:
    name = without_compression(path.name).lower()
    if name.endswith(_CIF_SUFFIXES):
        return True
    if name.endswith(_POSCAR_SUFFIXES) or path.name.upper().startswith(_POSCAR_NAMES):
        return False
    head = read_head(path, 64 * 1024).lower()
    return b"_cell_length_a" in head or re.search(rb"^\s*data_", head, re.MULTILINE) is not None


def _text(content: bytes) -> str:
    """CIF and POSCAR are ASCII by their definition; older files hold Latin-1 in comments and names.

    Raises
    ------
    SourceFileError
        It is UTF-16.
    """
    if content.startswith(_UTF_16):
        msg = "it is UTF-16, which no program for crystals reads; save it as UTF-8"
        raise SourceFileError(msg)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("latin-1")


def _line_ends(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _raw(block: tuple[int, str, bytes], index: int, file: str, *, several: bool, seen: set[str]) -> RawRecord:
    """One block; one whose name came before has its id too, so only its place tells them apart.

    Numbered ids would move to other crystals as soon as a block before them is taken out.
    """
    line, name, content = block
    place = f"block data_{name}" + (f" of line {line}" if name in seen else "")
    seen.add(name)
    return RawRecord(place, index, ("cif", _text(content), f"{file}#{name}" if several else file))


def _cif_blocks(path: Path) -> Iterator[tuple[int, str, bytes] | BadRecord]:
    """Read the blocks that hold a structure: line, name and content; one block is in memory at a time."""
    start, name = 0, ""
    lines: list[bytes] = []
    size = 0
    in_text = headless = False
    for number, line in _lines(path):
        if isinstance(line, BadRecord):
            if not line.rest_unread:
                size = MAX_BLOCK_BYTES + 1
                continue
            # The block the damage is in is not given: what is left of it might parse, as another structure.
            yield line
            return
        # Within a text field, between two lines that begin with a semicolon, data_ is a word like others.
        in_text ^= line.startswith(b";")
        if not in_text and (match := _BLOCK.match(line)):
            if start:
                yield from _finished(start, name, lines, size)
            start, name = number, match[1].decode("utf-8", "backslashreplace")[:74] or f"line-{number}"
            lines, size = [b"data_" + line[match.start(1) :]], 0
        elif start:
            size += len(line) + 1
            if size <= MAX_BLOCK_BYTES:
                lines.append(line)
        elif not headless and _ATOMS.match(line):
            headless = True
            yield BadRecord(
                "atoms are listed before the first data_ heading", remedy="give each block one", place=f"line {number}"
            )
    if start:
        yield from _finished(start, name, lines, size)


def _lines(path: Path) -> Iterator[tuple[int, bytes | BadRecord]]:
    """Read lines that end as those of any system, without the mark of UTF-8."""
    number = 0
    for _, line in numbered_lines(path, limit=MAX_BLOCK_BYTES):
        if isinstance(line, BadRecord):
            number += 1
            yield number, line
            continue
        if number == 0:
            _text(line[:2])
        for part in line.split(b"\r") if b"\r" in line else (line,):
            number += 1
            yield number, part


def _finished(start: int, name: str, lines: list[bytes], size: int) -> Iterator[tuple[int, str, bytes] | BadRecord]:
    if size > MAX_BLOCK_BYTES:
        yield BadRecord(
            f"the block is larger than {MAX_BLOCK_BYTES} bytes",
            remedy="leave its diffraction data out",
            place=f"block data_{name}",
        )
        return
    content = b"\n".join(lines) + b"\n"
    # Blocks without a structure are usual: data_global holds the publication.
    if _ATOMS.search(content):
        yield start, name, content


def _stated(text: str) -> dict[str, Any]:
    stated = {}
    for name, pattern in _STATED.items():
        if (match := pattern.search(text)) and (value := match[1].strip().strip("'\"")) not in ("", "?", "."):
            stated[name] = value
    return {"stated": stated} if stated else {}


def _comment(text: str) -> dict[str, Any]:
    comment = text.split("\n", 1)[0].strip()
    return {"comment": comment[:1000]} if comment else {}
