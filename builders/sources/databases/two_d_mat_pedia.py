"""Reader of the 2DMatPedia dump: JSON lines of computed two-dimensional materials (the form of its ``db.json``).

Energies are named and their units stated here once; see Zhou et al., Sci. Data 6, 86 (2019).
"""

from dataclasses import dataclass
from typing import Any, ClassVar

from ..files.json_file_reader import JsonFileReader
from ..files.json_stream import load
from ..records.material_fields import identity, space_group
from ..records.raw_record import BadRecord, Documents, RawRecord
from ..records.record_values import check_value, extra_fields, number, text
from ..records.structure_fields import check_formula, read_structure, structure_fields

REFERENCE = "J. Zhou et al., 2DMatPedia, Sci. Data 6, 86 (2019)"
PBE, VDW = "PBE", "optB88-vdW"

# Field of the dump: field here, and the functional its authors used for it. Energies eV/atom, gap eV, moment µB.
_NUMBERS = {
    "energy_per_atom": ("energy_per_atom", PBE),
    "decomposition_energy": ("decomposition_energy", PBE),
    "exfoliation_energy_per_atom": ("exfoliation_energy", VDW),
    "bandgap": ("band_gap", PBE),
    "total_magnetization": ("magnetization", PBE),
}
_USED = frozenset(
    {"material_id", "structure", "formula_pretty", "formula_reduced_abc", "formula_anonymous", "nelements", "elements"}
    | {"chemsys", "sg_number", "sg_symbol", "source_id", "discovery_process"}
    | set(_NUMBERS)
)


@dataclass(frozen=True, kw_only=True)
class TwoDMatPedia(JsonFileReader):
    """Monolayers of 2DMatPedia, each with its structure, energies and the bulk material it comes from."""

    kind: ClassVar[str] = "2dmatpedia"
    version: ClassVar[int] = 1
    file_kinds: ClassVar[str] = "JSON-lines files (.json, .jsonl)"
    suffixes: ClassVar[tuple[str, ...]] = (".json", ".jsonl", ".ndjson")
    default_source: ClassVar[str] = "2dmatpedia"

    def parse(self, raw: RawRecord) -> Documents:
        """Make the document of one monolayer.

        Raises
        ------
        BadRecord
            The record can't be used.
        """
        record = load(raw.payload)
        if not isinstance(record, dict):
            raise BadRecord("it is not a JSON object", remedy="one object a line")
        source_id = text(record, "material_id")
        if source_id is None:
            raise BadRecord("it has no material_id", remedy="take the record from the dump again")
        structure = read_structure(record.get("structure"))
        check_formula(record.get("formula_pretty"), structure)
        document: dict[str, Any] = {
            **identity(self.source, source_id, self.source_version),
            **structure_fields(structure),
            "dimension_claimed": 2,
            "reference": REFERENCE,
        }
        if record.get("sg_number") is not None:
            document["space_group"] = space_group(record["sg_number"], record.get("sg_symbol"))
        for name, field in (("source_id", "parent_id"), ("discovery_process", "discovery")):
            if (value := text(record, name)) is not None:
                document[field] = value
        methods: dict[str, str] = {}
        for name, (field, method) in _NUMBERS.items():
            if (amount := number(record, name)) is not None:
                document[field], methods[field] = check_value(field, amount), method
        document["methods"] = methods
        document["extra"] = extra_fields(record, used=_USED)
        return {"materials": [document]}
