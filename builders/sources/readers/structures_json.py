"""Reader of JSON files of pymatgen structures, bare or within documents like those of the Materials Project (emmet).

A field is given a meaning only where its name is emmet's, and then it has emmet's unit; all else is kept in ``extra``.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from ..files.file_reader import FileReader
from ..files.json_stream import JsonItem, json_items, load
from ..records.emmet_fields import emmet_fields
from ..records.material_fields import Occurrences, claim, facts_of_amounts, formula_fields, identity
from ..records.raw_record import BadRecord, Documents, RawRecord
from ..records.record_values import check_value, extra_fields, number, text

# emmet-core's SummaryDoc, ThermoDoc and ElectronicStructureDoc: energies eV/atom, gap eV, moment µB of the cell.
_NUMBERS = {
    "energy_per_atom": "energy_per_atom",
    "formation_energy_per_atom": "formation_energy",
    "energy_above_hull": "energy_above_hull",
    "band_gap": "band_gap",
    "total_magnetization": "magnetization",
}
_IDS = ("material_id", "entry_id", "task_id", "id")
_USED = frozenset(
    {"structure", "formula_pretty", "formula_anonymous", "chemsys", "elements", "nelements", "nsites", "volume"}
    | {"density", "symmetry", "material_id", "composition", "composition_reduced"}
    | set(_NUMBERS)
)


@dataclass(frozen=True, kw_only=True)
class StructuresJson(FileReader):
    """Structures, in any of the forms of `json_stream.json_items`.

    Records without an id are called ``<reduced formula>-<n>``, n counted in the file. With several files the name of
    the file comes first.

    Attributes
    ----------
    method
        How energies and gaps were got (e.g. ``PBE``), where all records agree and don't say.
    reference
        Publication to cite.
    dimension
        2 or 3, where the source claims it of all its records.
    synthesised
        Whether all of its records have been made; not said where it is None.
    """

    kind: ClassVar[str] = "structures"
    version: ClassVar[int] = 2
    file_kinds: ClassVar[str] = "JSON files (.json, .jsonl)"
    suffixes: ClassVar[tuple[str, ...]] = (".json", ".jsonl", ".ndjson")

    method: str | None = None
    reference: str | None = None
    dimension: int | None = None
    synthesised: bool | None = None

    def records(self, path: Path) -> Iterator[RawRecord | BadRecord]:
        """Read the records of a file; what has no id is numbered here, since only here the order is known."""
        occurrences = Occurrences()
        prefix = self.id_prefix(path)
        for item in json_items(path):
            if isinstance(item, BadRecord):
                yield item
                continue
            try:
                source_id = _stated_id(item) or prefix + occurrences.next_id(
                    _reduced_formula(_record(item.value, item))
                )
            except BadRecord as bad:
                yield bad.at(RawRecord(item.place, item.index, None))
                continue
            columns = list(item.columns) if item.columns is not None else None
            yield RawRecord(item.place, item.index, (item.text, source_id, columns))

    def parse(self, raw: RawRecord) -> Documents:
        """Make the document of one structure.

        Raises
        ------
        BadRecord
            The record can't be used.
        """
        source, source_id, columns = raw.payload
        return {"materials": [self.document(_as_record(load(source), columns), source_id)]}

    def document(self, record: Mapping[str, Any], source_id: str) -> dict[str, Any]:
        """Make the document of a record that is an object with a structure.

        Raises
        ------
        BadRecord
            The record can't be used.
        """
        document: dict[str, Any] = identity(self.source, source_id, self.source_version) | emmet_fields(record)
        computed = [field for name, field in _NUMBERS.items() if _take(record, name, document, field)]
        if self.method and computed:
            document["methods"] = dict.fromkeys(computed, self.method)
        if self.reference:
            document["reference"] = self.reference
        claim(document, dimension=self.dimension, synthesised=self.synthesised)
        if extra := extra_fields(record, used=_USED):
            document["extra"] = extra
        return document


def _take(record: Mapping[str, Any], name: str, document: dict[str, Any], field: str) -> bool:
    value = number(record, name)
    if value is not None:
        document[field] = check_value(field, value)
    return value is not None


def _stated_id(item: JsonItem) -> str | None:
    record = _record(item.value, item)
    for name in _IDS:
        value = record.get(name)
        if isinstance(value, str) and value:
            return value
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
    return item.key or None


def _record(value: Any, item: JsonItem) -> Mapping[str, Any]:
    return _as_record(value, list(item.columns) if item.columns is not None else None)


def _as_record(value: Any, columns: list[str] | None) -> Mapping[str, Any]:
    """Bring every form of a record into an object that holds its structure under ``structure``."""
    if columns is not None:
        if not isinstance(value, list) or len(value) != len(columns):
            raise BadRecord(f"the row does not have the {len(columns)} columns {columns}", remedy="correct the row")
        value = dict(zip(columns, value, strict=True))
    if not isinstance(value, dict):
        raise BadRecord(f"it is not an object but {type(value).__name__}", remedy="give structures or documents")
    if "lattice" in value and "sites" in value:
        return {"structure": value}
    return value


def _reduced_formula(record: Mapping[str, Any]) -> str:
    """Reduced formula of a record, without the cost of building its structure."""
    if record.get("structure") is None:
        formula = text(record, "formula_pretty")
        if formula is None:
            raise BadRecord("it has neither structure nor formula_pretty", remedy="write either into the record")
        return str(formula_fields(formula)["formula_reduced"])
    amounts: dict[str, float] = {}
    try:
        for site in record["structure"]["sites"]:
            for species in site["species"]:
                symbol = str(species["element"])
                amounts[symbol] = amounts.get(symbol, 0.0) + float(species.get("occu", 1))
    except (TypeError, KeyError, ValueError, AttributeError) as error:
        raise BadRecord(f"bad structure: a site can't be read ({error!r})", remedy="correct the structure") from error
    return facts_of_amounts(amounts).reduced
