"""Reader of Alexandria's dumps (alexandria_000.json.bz2, alexandria_2d_000.json.bz2 …): relaxed crystals and layers.

A file is ``{"entries": [ComputedStructureEntry, …]}`` of pymatgen; its fields and units are stated here once. See
Schmidt et al., Adv. Mater. 35, 2210788 (2023), and for layers Wang et al., 2D Mater. 10, 035007 (2023).
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from ..files.file_reader import FileReader
from ..files.json_stream import json_items, load
from ..records.material_fields import identity, space_group
from ..records.raw_record import BadRecord, Documents, RawRecord
from ..records.record_values import check_value, extra_fields, number, text
from ..records.structure_fields import check_formula, read_structure, structure_fields

REFERENCES = {
    2: "H.-C. Wang et al., 2D Mater. 10, 035007 (2023)",
    3: "J. Schmidt et al., Adv. Mater. 35, 2210788 (2023)",
}
LICENSE = "CC BY 4.0"

# Files of each data set, by the beginning of their name: dimension, functional.
_DATA_SETS = {
    "alexandria_2d_": (2, "PBE"),
    "alexandria_1d_": (1, "PBE"),
    "alexandria_ps_": (3, "PBEsol"),
    "alexandria_scan_": (3, "SCAN"),
    "alexandria_": (3, "PBE"),
}
# Key in an entry's `data`: field here. Energies eV/atom, gap eV, moment µB of the cell.
_NUMBERS = {
    "e_form": "formation_energy",
    "e_above_hull": "energy_above_hull",
    "band_gap_ind": "band_gap",
    "total_mag": "magnetization",
}
_USED = frozenset({"mat_id", "formula", "spg", "nsites", "elements", *_NUMBERS})


@dataclass(frozen=True, kw_only=True)
class Alexandria(FileReader):
    """Materials of Alexandria.

    Attributes
    ----------
    dimension, method
        Dimension and functional of all records; without, what the name of a file says (``alexandria_2d_…``, PBE).
    """

    kind: ClassVar[str] = "alexandria"
    version: ClassVar[int] = 1
    file_kinds: ClassVar[str] = "Alexandria's files (.json, .json.bz2)"
    suffixes: ClassVar[tuple[str, ...]] = (".json",)
    default_source: ClassVar[str] = "alexandria"

    dimension: int | None = None
    method: str | None = None

    def records(self, path: Path) -> Iterator[RawRecord | BadRecord]:
        """Read the entries of a file."""
        dimension, method = data_set(path.name)
        for item in json_items(path):
            if isinstance(item, BadRecord):
                yield item
            else:
                yield RawRecord(item.place, item.index, (item.text, self.dimension or dimension, self.method or method))

    def parse(self, raw: RawRecord) -> Documents:
        """Make the document of one entry.

        Raises
        ------
        BadRecord
            The record can't be used.
        """
        source_text, dimension, method = raw.payload
        entry = load(source_text)
        data = entry.get("data") if isinstance(entry, Mapping) else None
        if not isinstance(data, Mapping):
            raise BadRecord("it is no entry with data", remedy="give Alexandria's files as they are")
        source_id = text(data, "mat_id")
        if source_id is None:
            raise BadRecord("it has no mat_id", remedy="take the record from Alexandria again")
        structure = read_structure(entry.get("structure"))
        if isinstance(data.get("formula"), str):
            check_formula(data["formula"], structure)
        document: dict[str, Any] = {
            **identity(self.source, source_id, self.source_version),
            **structure_fields(structure),
            "dimension_claimed": dimension,
            "reference": REFERENCES.get(dimension, REFERENCES[3]),
        }
        values = {field: number(data, name) for name, field in _NUMBERS.items()}
        if (energy := number(entry, "energy")) is not None:  # of the cell, as in pymatgen's entries
            values["energy_per_atom"] = energy / len(structure)
        stated = {field: check_value(field, value) for field, value in values.items() if value is not None}
        document |= stated
        document["methods"] = dict.fromkeys(stated, method)
        if data.get("spg") is not None:
            document["space_group"] = space_group(data["spg"], None)
        document["extra"] = {**extra_fields(data, used=_USED), "license": LICENSE}
        return {"materials": [document]}


def data_set(name: str) -> tuple[int, str]:
    """Dimension and functional of the data set that a file belongs to, by its name; bulk by PBE for any other name."""
    for start, meant in _DATA_SETS.items():
        if re.match(re.escape(start), name, re.IGNORECASE):
            return meant
    return 3, "PBE"
