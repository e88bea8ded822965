"""Reader of MC2D's archive on the Materials Cloud: structure_2d.json (structures.json) beside its folders of CIF files.

Fields and units as its README states them; see Mounet et al., Nat. Nanotechnol. 13, 246 (2018), and Campi et al., ACS
Nano 17, 11268 (2023). The layer relaxed by PBE is taken where there is one, else that cut from the bulk.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from ..files.file_reader import FileReader
from ..files.json_stream import json_items, load
from ..readers.structure_files import StructureFiles
from ..records.material_fields import formula_fields, identity, space_group
from ..records.raw_record import BadRecord, Documents, RawRecord
from ..records.record_values import check_value, extra_fields, number, text
from ..records.structure_fields import check_formula, read_structure, structure_fields

REFERENCE = "D. Campi et al., MC2D, ACS Nano 17, 11268 (2023)"

# Folder of the structures that a key names by UUID, the better first, and how those were got.
_STRUCTURES = {
    "optimized_2D_structure_uuid": ("optimized_2d_structures", "PBE"),
    "as_extracted_2D_structure_uuid": ("as_extracted_2d_structures", "cut from the bulk"),
}
# Binding energy of a layer in the bulk, eV/Å^2 of the layer, by the functional; the first that is there is taken.
_BINDING = {
    "binding_energy_per_substructure_per_unit_area_df2": "vdW-DF2-C09",
    "binding_energy_per_substructure_per_unit_area_rvv10": "rVV10",
}
_USED = frozenset({"formula", "band_gap", "prototype", "space_group_number", "number_of_atoms", "number_of_species"})


@dataclass(frozen=True, kw_only=True)
class Mc2d(FileReader):
    """Layers of MC2D, exfoliated from experimentally known bulk crystals."""

    kind: ClassVar[str] = "mc2d"
    version: ClassVar[int] = 1
    file_kinds: ClassVar[str] = "MC2D's structure_2d.json, beside its folders of CIF files"
    suffixes: ClassVar[tuple[str, ...]] = ("structure_2d.json", "structures.json")
    default_source: ClassVar[str] = "mc2d"

    def records(self, path: Path) -> Iterator[RawRecord | BadRecord]:
        """Read the records of a file, each with the CIF file it names."""
        for item in json_items(path):
            if isinstance(item, BadRecord):
                yield item
            elif not isinstance(item.value, Mapping):
                bad = BadRecord("it is not an object", remedy="give the archive's own file")
                yield bad.moved(item.place, item.index)
            else:
                try:
                    yield RawRecord(item.place, item.index, (item.text, *_cif(path.parent, item.value)))
                except BadRecord as bad:
                    yield bad.moved(item.place, item.index)

    def parse(self, raw: RawRecord) -> Documents:
        """Make the document of one layer.

        Raises
        ------
        BadRecord
            The record can't be used.
        """
        source_text, cif, how = raw.payload
        record = load(source_text)
        source_id = next((stated for key in _STRUCTURES if (stated := text(record, key))), None)
        if source_id is None:
            raise BadRecord("it names no structure", remedy="take the record from the archive again")
        formula = text(record, "formula")
        structure = None
        if cif is not None:
            of_file = StructureFiles(paths=(), source=self.source).parse(RawRecord(raw.place, raw.index, cif))
            structure = read_structure(of_file["materials"][0]["structure"])
            if formula is not None:
                check_formula(formula, structure)
        elif formula is None:
            raise BadRecord("it has neither a formula nor a CIF file", remedy="unpack the archive's folders beside it")
        document: dict[str, Any] = {
            **identity(self.source, source_id, self.source_version),
            **(formula_fields(formula or "") if structure is None else structure_fields(structure)),
            "dimension_claimed": 2,
            "discovery": "top-down",
            "reference": REFERENCE,
        }
        methods = {"structure": how} if structure is not None else {}
        if (gap := _value(record.get("band_gap"))) is not None:
            document["band_gap"], methods["band_gap"] = check_value("band_gap", gap), "PBE"
        if prototype := text(record, "prototype"):
            document["prototype"] = prototype
        if record.get("space_group_number") is not None:
            document["space_group"] = space_group(record["space_group_number"], None)
        parents = record.get("all_3D_parents") or [record]
        parent = parents[0] if isinstance(parents[0], Mapping) else {}
        if parent.get("source_db") and parent.get("db_id"):
            document["parent_id"] = f"{parent['source_db']} {parent['db_id']}"
        for key, functional in _BINDING.items():
            if structure is not None and (binding := _value(parent.get(key))) is not None:
                a, b, _ = structure.lattice.matrix
                energy = binding * float(np.linalg.norm(np.cross(a, b))) / len(structure)
                document["exfoliation_energy"] = check_value("exfoliation_energy", energy)
                methods["exfoliation_energy"] = functional
                break
        document["methods"] = methods
        if extra := extra_fields(record, used=_USED):
            document["extra"] = extra
        return {"materials": [document]}


def _cif(folder: Path, record: Mapping[str, Any]) -> tuple[Any, str]:
    """CIF file of a record, as its own reader reads it, and how its structure was got; None where there is none."""
    for key, (name, how) in _STRUCTURES.items():
        uuid = record.get(key)
        if isinstance(uuid, str) and uuid.replace("-", "").isalnum():
            path = folder / name / f"{uuid}.cif"
            if path.is_file():
                block = next(StructureFiles(paths=[path]).records(path))
                if isinstance(block, BadRecord):
                    raise block
                return block.payload, how
    return None, ""


def _value(stated: object) -> float | None:
    """Number of ``{"uuid": …, "value": …}``, as the archive states calculated values."""
    return number(stated, "value") if isinstance(stated, Mapping) else None
