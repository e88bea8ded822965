"""Reader of JARVIS-DFT (dft_2d, dft_3d …): the JSON lists it distributes, zipped or not, and matminer's form of them.

Its fields and units are stated here once; see Choudhary et al., npj Comput. Mater. 6, 173 (2020).
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from pymatgen.core.structure import Lattice, Structure

from ..files.file_reader import FileReader
from ..files.json_stream import json_items, load
from ..records.material_fields import identity, space_group
from ..records.raw_record import BadRecord, Documents, RawRecord
from ..records.record_values import check_value, extra_fields, number, text
from ..records.structure_fields import check_formula, checked, read_structure, structure_fields

REFERENCE = "K. Choudhary et al., JARVIS, npj Comput. Mater. 6, 173 (2020)"
OPT = "optB88-vdW"

_SAME, _MILLI = 1.0, 1e-3
# Key there: field here, factor to its unit, and functional. First JARVIS's own keys (energies eV/atom, gaps eV, moment
# µB of the cell, exfoliation meV/atom), then those of matminer's data-set descriptions.
_NUMBERS = {
    "formation_energy_peratom": ("formation_energy", _SAME, OPT),
    "optb88vdw_total_energy": ("energy_per_atom", _SAME, OPT),
    "ehull": ("energy_above_hull", _SAME, OPT),
    "optb88vdw_bandgap": ("band_gap", _SAME, OPT),
    "exfoliation_energy": ("exfoliation_energy", _MILLI, OPT),
    "magmom_oszicar": ("magnetization", _SAME, OPT),
    "e_form": ("formation_energy", _SAME, OPT),
    "gap opt": ("band_gap", _SAME, OPT),
    "exfoliation_en": ("exfoliation_energy", _MILLI, OPT),
    "e_exfol": ("exfoliation_energy", _SAME, OPT),
    "mu_b": ("magnetization", _SAME, OPT),
}
_USED = frozenset({"jid", "atoms", "structure", "composition", "formula", "spg_number", "spg_symbol", *_NUMBERS})
_UNKNOWN = ("na", "", "None")


@dataclass(frozen=True, kw_only=True)
class Jarvis(FileReader):
    """Materials of JARVIS-DFT.

    Attributes
    ----------
    dimension
        2 or 3, where it holds for all records; else what each record says.
    """

    kind: ClassVar[str] = "jarvis"
    version: ClassVar[int] = 1
    file_kinds: ClassVar[str] = "JSON files (.json, .json.zip)"
    suffixes: ClassVar[tuple[str, ...]] = (".json",)
    default_source: ClassVar[str] = "jarvis"

    dimension: int | None = None

    def records(self, path: Path) -> Iterator[RawRecord | BadRecord]:
        """Read the records of a file."""
        for item in json_items(path):
            if isinstance(item, BadRecord):
                yield item
            else:
                columns = list(item.columns) if item.columns is not None else None
                yield RawRecord(item.place, item.index, (item.text, columns))

    def parse(self, raw: RawRecord) -> Documents:
        """Make the document of one material.

        Raises
        ------
        BadRecord
            The record can't be used.
        """
        source, columns = raw.payload
        record = _known(load(source), columns)
        source_id = text(record, "jid")
        if source_id is None:
            raise BadRecord("it has no jid", remedy="take the record from JARVIS again")
        structure = _structure(record)
        if isinstance(record.get("formula"), str):
            check_formula(record["formula"], structure)
        document: dict[str, Any] = {
            **identity(self.source, source_id, self.source_version),
            **structure_fields(structure),
            "reference": REFERENCE,
            **self._dimension(record),
        }
        if (symmetry := record.get("spg_number")) is not None:
            whole = int(symmetry) if isinstance(symmetry, str) and symmetry.isdecimal() else symmetry
            document["space_group"] = space_group(whole, record.get("spg_symbol"))
        methods: dict[str, str] = {}
        for name, (field, factor, method) in _NUMBERS.items():
            if (amount := number(record, name)) is not None:
                document[field], methods[field] = check_value(field, amount * factor), method
        document["methods"] = methods
        if extra := extra_fields(record, used=_USED):
            document["extra"] = extra
        return {"materials": [document]}

    def _dimension(self, record: Mapping[str, Any]) -> dict[str, Any]:
        if self.dimension is not None:
            return {"dimension_claimed": self.dimension}
        stated = text(record, "dimensionality") or ""
        if stated.endswith("bulk"):  # "2D-bulk" is a bulk crystal of layers
            return {"dimension_claimed": 3, "layered_claimed": stated.startswith("2D")}
        return {"dimension_claimed": 2} if stated.startswith("2D") else {}


def _known(value: Any, columns: list[str] | None) -> dict[str, Any]:
    """Reduce a record to what is known: JARVIS writes "na" for the rest."""
    if columns is not None:
        if not isinstance(value, list) or len(value) != len(columns):
            raise BadRecord(f"the row does not have the {len(columns)} columns {columns}", remedy="correct the row")
        value = dict(zip(columns, value, strict=True))
    if not isinstance(value, dict):
        raise BadRecord(f"it is not an object but {type(value).__name__}", remedy="give objects with jid and atoms")
    return {key: item for key, item in value.items() if not _is_unknown(item)}


def _is_unknown(value: Any) -> bool:
    if isinstance(value, float):
        return math.isnan(value)
    return value is None or (isinstance(value, str) and value.strip() in _UNKNOWN)


def _structure(record: Mapping[str, Any]) -> Structure:
    if "structure" in record:
        return read_structure(record["structure"])
    atoms = record.get("atoms")
    if not isinstance(atoms, Mapping):
        raise BadRecord("it has no atoms", remedy="take the record from JARVIS again")
    try:
        if len(atoms["elements"]) != len(atoms["coords"]):
            raise BadRecord(
                f"its atoms can't be read: {len(atoms['elements'])} elements and {len(atoms['coords'])} coordinates",
                remedy="correct them",
            )
        # JARVIS's Atoms.to_dict: lattice_mat in Å, coords fractional unless cartesian.
        return checked(
            Structure(
                Lattice(atoms["lattice_mat"]),
                [str(element).strip() for element in atoms["elements"]],
                atoms["coords"],
                coords_are_cartesian=bool(atoms.get("cartesian")),
            )
        )
    except BadRecord:
        raise
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        raise BadRecord(f"its atoms can't be read: {type(error).__name__}: {error}", remedy="correct them") from error
