"""What the documents of the Materials Project mean: materials of summary documents, entries of thermo documents.

Knows emmet-core's fields and their units; knows nothing of how they are asked for.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from emmet.core.mpid import AlphaID

from ..readers.entries_json import EntriesJson
from ..records.emmet_fields import emmet_fields
from ..records.material_fields import identity
from ..records.raw_record import BadRecord, RawRecord
from ..records.record_values import check_value, extra_fields, number

REFERENCE: Final = "A. Jain et al., The Materials Project, APL Mater. 1, 011002 (2013)"
SUMMARY_SCHEME: Final = "GGA_GGA+U_R2SCAN"
"""The mixing scheme of the energies in summary documents (mp-api's default thermo type)."""

# Fields of emmet-core's SummaryDoc. Energies eV/atom, gap eV, moment µB of the cell.
_SUMMARY_NUMBERS = {
    "uncorrected_energy_per_atom": ("energy_per_atom", None),
    "formation_energy_per_atom": ("formation_energy", SUMMARY_SCHEME),
    "energy_above_hull": ("energy_above_hull", SUMMARY_SCHEME),
    "band_gap": ("band_gap", None),
    "total_magnetization": ("magnetization", None),
}
_SUMMARY_KEPT = (
    "energy_per_atom",
    "is_stable",
    "equilibrium_reaction_energy_per_atom",
    "is_gap_direct",
    "is_metal",
    "ordering",
    "theoretical",
    "database_IDs",
)
SUMMARY_FIELDS: Final = (
    *("material_id", "last_updated", "deprecated", "deprecation_reasons", "formula_pretty", "structure", "symmetry"),
    *_SUMMARY_NUMBERS,
    *_SUMMARY_KEPT,
)
"""Fields to ask for of a summary document."""
THERMO_FIELDS: Final = ("material_id", "thermo_type", "last_updated", "entries")
"""Fields to ask for of a thermo document."""


def normal_id(given: object) -> str:
    """Bring an id of the Materials Project into the one form that is used here.

    The numeric form where there is one (up to mp-3347529), else the alphabetic one (emmet.core.mpid).

    Raises
    ------
    ValueError
        It is no such id.

    Examples
    --------
    >>> normal_id("mp-lxf"), normal_id("mp-8039")
    ('mp-8039', 'mp-8039')
    """
    if not isinstance(given, str) or "-" not in given.strip():
        raise ValueError(f"{given!r:.40} is no id of the Materials Project")
    return str(AlphaID(given.strip()).string)


def material_of_summary(
    record: Mapping[str, Any], *, source: str, source_id: str, release: str | None
) -> dict[str, Any]:
    """Make the material of a summary document.

    Parameters
    ----------
    record
        The document.
    source
        Name of the source.
    source_id
        Id of the material, as `normal_id` makes it.
    release
        Release of the database.

    Raises
    ------
    BadRecord
        The document can't be used.
    """
    document = identity(source, source_id, release) | {"reference": REFERENCE} | emmet_fields(record)
    methods: dict[str, str] = {}
    for name, (field, method) in _SUMMARY_NUMBERS.items():
        if (value := number(record, name)) is not None:
            document[field] = check_value(field, value)
            if method:
                methods[field] = method
    if methods:
        document["methods"] = methods
    kept = {name: record[name] for name in _SUMMARY_KEPT if record.get(name) is not None}
    document["extra"] = extra_fields(kept, used=frozenset())
    document["extra"]["alphabetic_id"] = str(AlphaID(source_id))
    return document


def entries_of_thermo(
    record: Mapping[str, Any], *, source: str, thermo_id: str, release: str | None
) -> list[dict[str, Any]]:
    """Make the reference entries of a thermo document.

    Parameters
    ----------
    record
        The document.
    source
        Name of the source.
    thermo_id
        Id of the material and mixing scheme: ``mp-8039_GGA_GGA+U``.
    release
        Release of the database.

    Raises
    ------
    BadRecord
        The document can't be used.
    """
    source_id, _, scheme = thermo_id.partition("_")
    entries = record.get("entries")
    if not isinstance(entries, Mapping):
        raise BadRecord(f"entries is not an object but {entries!r:.60}")
    reader = EntriesJson(paths=(), source=source, source_version=release, reference=REFERENCE)
    documents = []
    for run_type, entry in sorted(entries.items()):
        if not isinstance(entry, Mapping):
            raise BadRecord(f"the entry {run_type} is not an object but {entry!r:.60}")
        # The id is made here, so that both forms of the material's id give one entry.
        entry_id = f"{source_id}-{run_type}"
        documents_of_entry = reader.parse(RawRecord(f"entry {run_type}", 0, (json.dumps(entry), entry_id)))
        document = documents_of_entry["reference_entries"][0] | {"material_id": f"{source}:{source_id}"}
        document["extra"] = document.get("extra", {}) | {"thermo_type": scheme}
        documents.append(document)
    return documents
