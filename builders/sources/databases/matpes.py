"""Reader of MatPES (MatPES-PBE-2025.1.json.gz, MatPES-R2SCAN-…): static energies of structures out of equilibrium.

Fields and units as in MatPES's own schema (emmet's MLTrainDoc); see Kaplan et al., arXiv 2503.04070 (2025). Most of its
structures are snapshots of molecular dynamics at 300 K, so that their formation energies are none of phases: those are
kept with the record and give no value of the material.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from ..files.json_file_reader import JsonFileReader
from ..files.json_stream import load
from ..records.material_fields import identity
from ..records.raw_record import BadRecord, Documents, RawRecord
from ..records.record_values import check_value, extra_fields, number, text
from ..records.structure_fields import check_formula, read_structure, structure_fields

REFERENCE = "A. D. Kaplan et al., MatPES, arXiv 2503.04070 (2025)"
_USED = frozenset(
    {"matpes_id", "structure", "energy", "bandgap", "functional", "formula_pretty", "formula_anonymous", "chemsys"}
    | {"elements", "nelements", "nsites", "volume", "density", "density_atomic", "composition", "composition_reduced"}
    | {"forces", "abs_forces", "stress", "stress_matrix", "symmetry", "builder_meta"}
)


@dataclass(frozen=True, kw_only=True)
class MatPes(JsonFileReader):
    """Structures of MatPES with their energies."""

    kind: ClassVar[str] = "matpes"
    version: ClassVar[int] = 1
    file_kinds: ClassVar[str] = "JSON files (.json, .json.gz)"
    default_source: ClassVar[str] = "matpes"

    def parse(self, raw: RawRecord) -> Documents:
        """Make the document of one structure.

        Raises
        ------
        BadRecord
            The record can't be used.
        """
        record = load(raw.payload)
        source_id = text(record, "matpes_id") if isinstance(record, Mapping) else None
        if source_id is None:
            raise BadRecord("it has no matpes_id", remedy="take the record from MatPES again")
        structure = read_structure(record.get("structure"))
        if isinstance(record.get("formula_pretty"), str):
            check_formula(record["formula_pretty"], structure)
        document: dict[str, Any] = {
            **identity(self.source, source_id, self.source_version),
            **structure_fields(structure),
            "reference": REFERENCE,
        }
        stated: dict[str, float] = {}
        if (energy := number(record, "energy")) is not None:
            stated["energy_per_atom"] = energy / len(structure)
        if (gap := number(record, "bandgap")) is not None:
            stated["band_gap"] = check_value("band_gap", gap)
        document |= stated
        if functional := text(record, "functional"):
            document["methods"] = dict.fromkeys(stated, functional)
        if extra := extra_fields(record, used=_USED):
            document["extra"] = extra
        return {"materials": [document]}
