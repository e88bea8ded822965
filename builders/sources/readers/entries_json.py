"""Reader of JSON files of computed entries (pymatgen's ComputedEntry and ComputedStructureEntry).

Energies and corrections are taken over as they are; nothing is recomputed, and no class named in a file is imported.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from ..files.file_reader import FileReader
from ..files.json_stream import JsonItem, json_items, load
from ..records.material_fields import Occurrences, facts_fields, facts_of_amounts, identity
from ..records.raw_record import BadRecord, Documents, RawRecord
from ..records.record_values import check_value, extra_fields, number, storable, text
from ..records.structure_fields import amounts_of, read_structure, structure_fields, written

SAME_ENERGY = 1e-4
"""eV. The stated correction and the sum of the stated adjustments may differ by this: files round both."""
SAME_AMOUNT = 1e-3
"""Atoms. Composition and structure may differ by this in the amount of an element."""

CORRECTED_RANGE = (-20.0, 10.0)
"""eV/atom that a phase may have by PBE with the corrections of 2020. The element with the lowest, Pu, has -14.3 as the
Materials Project computes it, and no compound lies more than 4.6 below its elements; free atoms are near zero."""
_CORRECTED = ("MaterialsProject2020Compatibility", ("GGA", "GGA+U"))

_UNCERTAINTIES = ("uncertainty", "uncertainty_per_atom", "uncertainty_per_deg")
_USED = frozenset(
    {"energy", "composition", "entry_id", "correction", "energy_adjustments", "parameters", "data", "structure"}
)
_USED_PARAMETERS = frozenset({"run_type", "is_hubbard", "hubbards", "potcar_symbols", "oxide_type"})


@dataclass(frozen=True, kw_only=True)
class EntriesJson(FileReader):
    """Computed entries, in any of the forms of `json_stream.json_items`; those with a structure are materials too.

    The id is the entry's, else its key in the file, else ``<reduced formula>-<n>``, n counted in the file.

    Attributes
    ----------
    reference
        Publication to cite.
    """

    kind: ClassVar[str] = "entries"
    version: ClassVar[int] = 2
    file_kinds: ClassVar[str] = "JSON files (.json, .jsonl)"
    suffixes: ClassVar[tuple[str, ...]] = (".json", ".jsonl", ".ndjson")

    reference: str | None = None

    def records(self, path: Path) -> Iterator[RawRecord | BadRecord]:
        """Read the entries of a file; what has no id is numbered here, since only here the order is known."""
        occurrences = Occurrences()
        prefix = self.id_prefix(path)
        for item in json_items(path):
            if isinstance(item, BadRecord):
                yield item
                continue
            try:
                source_id = _stated_id(item)
                if source_id is None:
                    reduced = facts_of_amounts(_composition(_object(item.value))).reduced
                    source_id = prefix + occurrences.next_id(reduced)
            except BadRecord as bad:
                yield bad.at(RawRecord(item.place, item.index, None))
                continue
            yield RawRecord(item.place, item.index, (item.text, source_id))

    def parse(self, raw: RawRecord) -> Documents:
        """Make the reference entry of one record, and the material where it has a structure.

        Raises
        ------
        BadRecord
            The record can't be used.
        """
        source_text, source_id = raw.payload
        record = _object(load(source_text))
        amounts = _composition(record)
        natoms = sum(amounts.values())
        energy = number(record, "energy")
        if energy is None:
            raise BadRecord("it has no energy", remedy="give computed entries")
        adjustments, schemes = _adjustments(record)
        correction = _correction(record, adjustments)
        parameters, data = _part(record, "parameters"), _part(record, "data")
        entry: dict[str, Any] = {
            "entry_id": f"{self.source}:{source_id}",
            **{key: value for key, value in self._identity(source_id).items() if key != "material_id"},
            "composition": amounts,
            "formula": written(amounts),
            **facts_fields(facts_of_amounts(amounts)),
            "energy": energy,
            "correction": correction,
            "energy_per_atom": (energy + correction) / natoms,
            "adjustments": adjustments,
            **_settings(parameters, data),
        }
        if schemes:
            entry["scheme"] = "+".join(schemes)
        _check_energy(entry)
        extra = {
            **extra_fields(record, used=_USED),
            **extra_fields(parameters, used=_USED_PARAMETERS),
        }
        if rest := extra_fields(data, used=frozenset({"oxide_type"})):
            extra["data"] = rest
        if extra:
            entry["extra"] = extra
        if record.get("structure") is None:
            return {"reference_entries": [entry]}
        material = self._material(record, source_id, amounts, energy / natoms, entry.get("functional"), data)
        for field in ("formula", "structure", "nsites", "volume", "density", "disordered", "material_id"):
            if field in material:
                entry[field] = material[field]
        return {"materials": [material], "reference_entries": [entry]}

    def _identity(self, source_id: str) -> dict[str, Any]:
        reference = {"reference": self.reference} if self.reference else {}
        return identity(self.source, source_id, self.source_version) | reference

    def _material(
        self,
        record: Mapping[str, Any],
        source_id: str,
        amounts: Mapping[str, float],
        energy_per_atom: float,
        functional: str | None,
        data: Mapping[str, Any],
    ) -> dict[str, Any]:
        structure = read_structure(record["structure"])
        in_structure = amounts_of(structure)
        if any(abs(amounts.get(el, 0.0) - in_structure.get(el, 0.0)) > SAME_AMOUNT for el in {*amounts, *in_structure}):
            raise BadRecord(
                f"the composition is {dict(amounts)}, the structure has {in_structure}", remedy="correct one of the two"
            )
        material = {**self._identity(source_id), **structure_fields(structure), "energy_per_atom": energy_per_atom}
        if (above_hull := number(data, "e_above_hull")) is not None:
            material["energy_above_hull"] = check_value("energy_above_hull", above_hull)
        if functional:
            material["methods"] = {"energy_per_atom": functional}
        return material


def _object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise BadRecord(f"it is not an object but {type(value).__name__}", remedy="give computed entries")
    return value


def _stated_id(item: JsonItem) -> str | None:
    value = _object(item.value).get("entry_id")
    if isinstance(value, str) and value:
        return value
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else item.key or None


def _composition(record: Mapping[str, Any]) -> dict[str, float]:
    composition = record.get("composition")
    if not isinstance(composition, dict):
        raise BadRecord(f"the composition is not an object but {composition!r:.60}", remedy="give computed entries")
    # "@class" and the like stand beside the elements where monty wrote the file.
    names = sorted(name for name in composition if not name.startswith("@"))
    amounts = {name: number(composition, name) for name in names}
    kept: dict[str, float] = {}
    for name, amount in amounts.items():
        if amount:  # a hull knows hydrogen, not its isotopes
            element = "H" if name in ("D", "T") else name
            kept[element] = kept.get(element, 0.0) + amount
    if not kept:
        raise BadRecord("the composition holds no atoms", remedy="give computed entries")
    facts_of_amounts(kept)
    return kept


def _part(record: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = record.get(name)
    if part is not None and not isinstance(part, dict):
        raise BadRecord(f"{name} is not an object but {part!r:.60}", remedy="give computed entries")
    return part or {}


def _adjustments(record: Mapping[str, Any]) -> tuple[list[dict[str, Any]], list[str]]:
    """Energy adjustments with their values in eV for the cell, and the names of the schemes they are from."""
    listed = record.get("energy_adjustments") or []
    if not isinstance(listed, list) or not all(isinstance(stated, dict) for stated in listed):
        raise BadRecord("energy_adjustments is not a list of objects", remedy="give computed entries")
    adjustments: list[dict[str, Any]] = []
    schemes: dict[str, None] = {}
    for stated in listed:
        # pymatgen writes NaN for an uncertainty that is not known.
        known = {
            key: value
            for key, value in stated.items()
            if not (key in _UNCERTAINTIES and isinstance(value, float) and math.isnan(value))
        }
        adjustment: dict[str, Any] = {"value": _value(known)}
        if isinstance(stated.get("@class"), str):
            adjustment["kind"] = stated["@class"]
        maker = stated.get("cls")
        if isinstance(maker, dict) and isinstance(maker.get("@class"), str):
            adjustment["scheme"] = maker["@class"]
            schemes[maker["@class"]] = None
        for key, value in known.items():
            if key not in ("value", "cls") and not key.startswith("@") and value is not None:
                adjustment[key] = storable(value, f"energy_adjustments.{key}")
        adjustments.append(adjustment)
    return adjustments, list(schemes)


def _value(adjustment: Mapping[str, Any]) -> float:
    """Value in eV of one of pymatgen's energy adjustments: constant or manual, per atom, or per atom and kelvin."""
    natoms = number(adjustment, "n_atoms")
    per_atom, per_kelvin = number(adjustment, "adj_per_atom"), number(adjustment, "adj_per_deg")
    value, kelvin = number(adjustment, "value"), number(adjustment, "temp")
    if value is not None:
        return value
    if per_atom is not None and natoms is not None:
        return per_atom * natoms
    if per_kelvin is not None and natoms is not None and kelvin is not None:
        return per_kelvin * natoms * kelvin
    raise BadRecord(
        f"an energy adjustment has no value: {sorted(adjustment)}", remedy="write the entries again with pymatgen"
    )


def _correction(record: Mapping[str, Any], adjustments: list[dict[str, Any]]) -> float:
    total = float(sum(adjustment["value"] for adjustment in adjustments))
    stated = number(record, "correction")
    if stated is None:
        return total
    if not adjustments:
        return stated  # an entry of before 2020, or one corrected by hand
    if abs(stated - total) > SAME_ENERGY:
        raise BadRecord(
            f"the correction is {stated} eV, its parts sum to {total:.6f} eV", remedy="write the entry again"
        )
    return stated


def _check_energy(entry: Mapping[str, Any]) -> None:
    """Refuse an energy that no phase has; only of corrected PBE is it known what that is."""
    low, high = CORRECTED_RANGE
    scheme, functionals = _CORRECTED
    if entry.get("scheme") != scheme or entry.get("functional") not in functionals:
        return
    if not low <= entry["energy_per_atom"] <= high:
        raise BadRecord(
            f"its energy is {entry['energy_per_atom']:.4g} eV/atom, and by PBE no phase lies beyond {low:g} to "
            f"{high:g}",
            remedy="is the energy that of the cell given, in eV?",
        )


def _settings(parameters: Mapping[str, Any], data: Mapping[str, Any]) -> dict[str, Any]:
    """Functional, +U and POTCARs that an energy was computed with, where the entry says."""
    settings: dict[str, Any] = {}
    if (functional := text(parameters, "run_type")) is not None:
        settings["functional"] = functional
    if isinstance(parameters.get("is_hubbard"), bool):
        settings["is_hubbard"] = parameters["is_hubbard"]
    if isinstance(hubbards := parameters.get("hubbards"), dict):
        settings["hubbards"] = {element: number(hubbards, element) for element in sorted(hubbards)}
    symbols = parameters.get("potcar_symbols")
    if isinstance(symbols, list) and all(isinstance(symbol, str) for symbol in symbols):
        settings["potcar_symbols"] = symbols
    if (oxide_type := text(parameters, "oxide_type") or text(data, "oxide_type")) is not None:
        settings["oxide_type"] = oxide_type
    return settings
