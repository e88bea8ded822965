"""Reader of extended XYZ as ASE writes it (OMat24's and MPtrj's exports …): cells, atoms, energies of each frame.

A frame's energy is that of its cell in eV, as in ASE; what else its comment line states is kept with the record.
"""

import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from pymatgen.core.structure import Lattice, Structure

from ..files.file_reader import FileReader
from ..files.open_files import SourceFileError, numbered_lines, quoted
from ..records.material_fields import Occurrences, claim, facts_of_amounts, identity
from ..records.raw_record import BadRecord, Documents, RawRecord
from ..records.record_values import extra_fields
from ..records.source_options import SourceOptionError
from ..records.structure_fields import checked, structure_fields

_IDS = ("material_id", "mat_id", "matpes_id", "sid", "id")
"""Keys of a comment line that are taken for the id, the first found."""
_UNITS = frozenset({"energy_unit", "energy_units"})
_MAX_ATOMS = 100_000


@dataclass(frozen=True, kw_only=True)
class ExtendedXyz(FileReader):
    """Frames of extended XYZ files; those without an id are called ``<reduced formula>-<n>``.

    Attributes
    ----------
    method
        How energies were got (e.g. ``PBE``).
    reference
        Publication to cite.
    dimension
        2 or 3, where the source claims it of all its frames; else what their ``pbc`` says.
    synthesised
        Whether all of its records have been made; not said where it is None.

    Raises
    ------
    SourceOptionError
        ASE is not installed.
    """

    kind: ClassVar[str] = "extxyz"
    version: ClassVar[int] = 2
    file_kinds: ClassVar[str] = "extended XYZ files (.xyz, .extxyz)"
    suffixes: ClassVar[tuple[str, ...]] = (".xyz", ".extxyz")

    method: str | None = None
    reference: str | None = None
    dimension: int | None = None
    synthesised: bool | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        try:
            import ase.io  # noqa: F401
        except ImportError as error:
            raise SourceOptionError("extended XYZ is read by ASE: pip install exfolio[ase]") from error

    def records(self, path: Path) -> Iterator[RawRecord | BadRecord]:
        """Read the frames of a file one by one.

        Raises
        ------
        SourceFileError
            Where it does not begin with a number of atoms.
        """
        occurrences, prefix = Occurrences(), self.id_prefix(path)
        lines = numbered_lines(path)
        for index, (start, head) in enumerate(lines):
            if isinstance(head, BadRecord) or not head.strip().isdigit() or not 0 < int(head) <= _MAX_ATOMS:
                if index == 0:
                    raise SourceFileError(f"{quoted(path)} doesn't begin with a number of atoms, as XYZ files do")
                if not isinstance(head, BadRecord) and not head.strip():
                    continue
                yield BadRecord(
                    "a frame begins with the number of its atoms",
                    remedy="correct the file from here on",
                    place=f"line {start}",
                    index=index,
                    rest_unread=True,
                )
                return
            rest = [line for _, line in islice(lines, int(head) + 1)]
            frame = b"\n".join([head.rstrip(), *(line.rstrip() for line in rest if isinstance(line, bytes))])
            place = f"line {start}"
            try:
                source_id = self._id(frame, occurrences, prefix)
                yield RawRecord(place, index, (frame, source_id))
            except BadRecord as bad:
                yield bad.moved(place, index)

    def _id(self, frame: bytes, occurrences: Occurrences, prefix: str) -> str:
        atoms = read_frame(frame)
        stated = next((str(atoms.info[key]) for key in _IDS if key in atoms.info), None)
        if stated:
            return stated
        symbols, counts = np.unique(atoms.get_chemical_symbols(), return_counts=True)
        amounts = {str(symbol): float(count) for symbol, count in zip(symbols, counts, strict=True)}
        return prefix + occurrences.next_id(facts_of_amounts(amounts).reduced)

    def parse(self, raw: RawRecord) -> Documents:
        """Make the document of one frame.

        Raises
        ------
        BadRecord
            The record can't be used.
        """
        frame, source_id = raw.payload
        atoms = read_frame(frame)
        _refuse_what_atoms_lack(atoms)
        document: dict[str, Any] = {
            **identity(self.source, source_id, self.source_version),
            **structure_fields(structure_of(atoms)),
        }
        claim(document, dimension=self.dimension, synthesised=self.synthesised)
        energy = atoms.calc.results.get("energy") if atoms.calc is not None else None
        if energy is not None:
            if not np.isfinite(energy):
                raise BadRecord(f"its energy is {energy}, which is not finite", remedy="leave it out")
            document["energy_per_atom"] = float(energy) / len(atoms)
            if self.method:
                document["methods"] = {"energy_per_atom": self.method}
        if self.reference:
            document["reference"] = self.reference
        if extra := extra_fields(_plain(atoms.info), used=frozenset(_IDS)):
            document["extra"] = extra
        return {"materials": [document]}


def read_frame(frame: bytes) -> Any:
    """Read one frame with ASE.

    Raises
    ------
    BadRecord
        ASE can't.
    """
    import ase.io

    try:
        return ase.io.read(io.StringIO(frame.decode("utf-8", "replace")), format="extxyz")
    except Exception as error:  # ASE raises whatever the text leads it into
        reason = " ".join(str(error).split()) or type(error).__name__
        raise BadRecord(f"ASE can't read it: {reason:.300}", remedy="correct the frame") from error


def _refuse_what_atoms_lack(atoms: Any) -> None:
    """Refuse frames whose comment says what atoms of ASE do not hold: partly occupied sites, and another unit."""
    occupancies = atoms.info.get("occupancy")  # as ASE notes it of a CIF, whose main species alone are its atoms
    sites = occupancies.values() if isinstance(occupancies, Mapping) else ()
    if any(not isinstance(site, Mapping) or list(site.values()) != [1] for site in sites):
        raise BadRecord("it is disordered, and lists the main species of each site alone", remedy="give a CIF")
    for key in _UNITS & atoms.info.keys():
        if str(atoms.info[key]).lower() not in ("ev", "electronvolt"):
            raise BadRecord(f"its {key} is {atoms.info[key]!r:.40}; energies are in eV here", remedy="convert them")


def structure_of(atoms: Any) -> Structure:
    """Checked structure of ASE's atoms.

    Raises
    ------
    BadRecord
        They have no cell, or aren't usable.
    """
    if atoms.cell.rank < 3:
        raise BadRecord("it has no cell of three vectors", remedy="give crystals and layers, with their cell")
    places = atoms.get_scaled_positions(wrap=False).tolist()
    lattice = Lattice(atoms.cell.array, pbc=tuple(map(bool, atoms.pbc)))
    return checked(Structure(lattice, atoms.get_chemical_symbols(), places))


def _plain(info: Mapping[str, Any]) -> dict[str, Any]:
    """Facts of a comment line as plain numbers, texts and lists."""
    plain = {}
    for key, value in info.items():
        if isinstance(value, np.ndarray | np.generic):
            plain[key] = value.tolist()
        elif isinstance(value, str | int | float | bool | list | dict):
            plain[key] = value
    return plain
