"""Reader of C2DB's present archive (c2db.tar.gz): a folder for each monolayer, with data.json and structure.xyz.

Keys and units as in the code of C2DB's own web pages (camd-web); see Haastrup et al., 2D Mater. 5, 042002 (2018), and
Gjerding et al., 2D Mater. 8, 044002 (2021).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from ..files.file_reader import FileReader
from ..files.json_stream import load
from ..files.open_files import read_whole
from ..readers.extended_xyz import read_frame, structure_of
from ..records.material_fields import identity
from ..records.raw_record import BadRecord, Documents, RawRecord
from ..records.record_values import check_value, extra_fields, number, text
from ..records.structure_fields import structure_fields

REFERENCE = "S. Haastrup et al., 2D Mater. 5, 042002 (2018); M. N. Gjerding et al., 2D Mater. 8, 044002 (2021)"
STRUCTURE = "structure.xyz"
METHOD = "PBE"

# Energies eV/atom, gap eV.
_NUMBERS = {"hform": "formation_energy", "ehull": "energy_above_hull", "gap": "band_gap"}


@dataclass(frozen=True, kw_only=True)
class C2dbFolders(FileReader):
    """Monolayers of C2DB; those with the DOI of a report of the monolayer are flagged as synthesised."""

    kind: ClassVar[str] = "c2db-folders"
    version: ClassVar[int] = 2
    file_kinds: ClassVar[str] = "C2DB's data.json, each beside its structure.xyz"
    suffixes: ClassVar[tuple[str, ...]] = ("data.json",)
    default_source: ClassVar[str] = "c2db"
    needed: ClassVar[frozenset[str]] = frozenset({"hform"})
    reference: ClassVar[str] = REFERENCE

    @staticmethod
    def has_been_made(record: Mapping[str, Any]) -> bool:
        """Whether a report of the monolayer is named."""
        return bool(record.get("doi"))

    def records(self, path: Path) -> Iterator[RawRecord | BadRecord]:
        """Read the one record of a folder."""
        structure = path.with_name(STRUCTURE)
        if not structure.is_file():
            bad = BadRecord(f"there is no {STRUCTURE} beside it", remedy="unpack the whole archive")
            yield bad.moved("the file", 0)
            return
        uid = f"{path.parent.parent.name}-{path.parent.name}"  # AB2/1MoS2/1 is 1MoS2-1
        yield RawRecord("the file", 0, (read_whole(path).decode("utf-8", "replace"), read_whole(structure), uid))

    def parse(self, raw: RawRecord) -> Documents:
        """Make the document of one monolayer.

        Raises
        ------
        BadRecord
            The record can't be used.
        """
        source_text, frame, uid = raw.payload
        record = load(source_text)
        if not isinstance(record, Mapping) or (missing := self.needed - set(record)):
            lacks = f"no {', '.join(sorted(missing))}" if isinstance(record, Mapping) else "no facts by name"
            raise BadRecord(f"it has {lacks}", remedy="give the archive's own files")
        stated = {
            field: check_value(field, value)
            for name, field in _NUMBERS.items()
            if (value := number(record, name)) is not None
        }
        atoms = read_frame(frame)
        if atoms.pbc.all():
            raise BadRecord("it is periodic along three vectors: no layer", remedy="give the archive's own layers")
        document: dict[str, Any] = {
            **identity(self.source, text(record, "uid") or uid, self.source_version),
            **structure_fields(structure_of(atoms)),
            **stated,
            "methods": dict.fromkeys(stated, METHOD),
            "dimension_claimed": 2,
            "reference": self.reference,
        }
        if self.has_been_made(record):
            document["synthesised"] = True
        document["extra"] = extra_fields(record, used=frozenset({"uid", *_NUMBERS}))
        return {"materials": [document]}
