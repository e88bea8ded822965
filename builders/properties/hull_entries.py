"""Makes hull entries of reference entries and of our calculations, corrected by one scheme; says what is left out.

Knows the fields of documents and `models.energetics`; reads no database.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from pymatgen.core.entries import ComputedEntry, ComputedStructureEntry
from pymatgen.core.structure import Structure

from ...models.calculation.run_kind import ENERGY_KINDS
from ...models.energetics.corrections import CorrectedEnergy, correct
from ...models.energetics.entry import Entry
from ...models.energetics.schemes import GGA_RUN_TYPES, Scheme
from ...models.structure.comparison.matching import Representatives
from ...models.structure.serialization import BadStructure, from_plain
from ...stores.canonical import text_hash
from ..engine.batches import Doc
from .usable_calculations import why_unusable

MP2020: Final = "MaterialsProject2020Compatibility"
"""What entries corrected by the scheme MP2020 name as their scheme."""
USABLE_TASKS: Final = ENERGY_KINDS
"""Kinds of run whose total energy belongs to the structure; the first is taken before the second."""

UNCORRECTED: Final = "uncorrected"
"""Last word of the method of energies as computed."""

_METHODS: Final = {
    Scheme.MP2020: "PBE(+U) MP2020",
    Scheme.MP2020_GGA: "PBE MP2020",
    Scheme.R2SCAN_MIXING: "PBE(+U)/r2SCAN MP2020",
}


@dataclass(frozen=True, slots=True)
class Phase:
    """A document and the entry made of it; or why there is none."""

    doc: Doc
    entry: Entry | None
    corrected: CorrectedEnergy | None = None
    refusal: str | None = None


@dataclass(frozen=True, slots=True)
class Phases:
    """The phases of a chemical system by one scheme.

    Attributes
    ----------
    references, ours
        By method, what can be used.
    refused
        Our calculations that can't be, with reasons.
    left_out
        Reference entries that can't be used, counted by reason.
    """

    references: dict[str, list[Phase]] = field(default_factory=dict)
    ours: dict[str, list[Phase]] = field(default_factory=dict)
    refused: list[Phase] = field(default_factory=list)
    left_out: dict[str, int] = field(default_factory=dict)


def phases(references: Sequence[Doc], calculations: Sequence[Doc], scheme: Scheme, *, check_potcar: bool) -> Phases:
    """Correct reference entries and calculations, and sort them by method.

    Parameters
    ----------
    references
        `reference_entries` documents. Those that were corrected by the scheme at their source are taken as they are.
    calculations
        `calculations` documents.
    scheme
        Correction scheme.
    check_potcar
        Whether pseudopotentials must be the scheme's.
    """
    competing = Phases()
    usable: list[Doc] = []
    for doc in calculations:
        reason = why_unusable(doc)
        if reason:
            reasons = filter(None, (reason, _refusal_of_scheme(doc, scheme, check_potcar=check_potcar)))
            competing.refused.append(Phase(doc, None, refusal="; ".join(reasons)))
        else:
            usable.append(doc)
    given = [doc for doc in references if _is_corrected(doc, scheme)]
    for doc in given:
        _put(competing.references, Phase(doc, _entry(doc, doc["energy_per_atom"], _method(doc, scheme))))
    rest = [doc for doc in references if not _is_corrected(doc, scheme)]
    unused: list[Phase] = []
    answers = correct([_computed(doc) for doc in (*rest, *usable)], scheme, check_potcar=check_potcar)
    for doc, answer in zip((*rest, *usable), answers, strict=True):
        ours = "calculation_id" in doc
        if answer.energy_per_atom is not None:
            entry = _entry(doc, answer.energy_per_atom, _method(doc, scheme))
            _put(competing.ours if ours else competing.references, Phase(doc, entry, answer))
        elif ours:
            competing.refused.append(Phase(doc, None, answer, answer.refusal))
        else:
            unused.append(Phase(doc, None, answer, answer.refusal))
    stand_ins = _stand_ins(unused, competing.ours.get(_METHODS[scheme], [])) if scheme is Scheme.R2SCAN_MIXING else {}
    for phase in unused:
        stand_in = stand_ins.get(phase.doc["entry_id"])
        if stand_in is not None:
            _put(competing.references, Phase(phase.doc, stand_in, phase.corrected))
        else:
            competing.left_out[str(phase.refusal)] = competing.left_out.get(str(phase.refusal), 0) + 1
    return competing


def _stand_ins(unused: list[Phase], ours: list[Phase]) -> dict[str, Entry]:
    """Entries that stand for known phases which the mixing scheme replaced by calculations of ours.

    Without them a known compound that we calculate with r2SCAN would have left the known hull, and our calculation of
    it would look like a discovery.
    """
    by_gga = [phase for phase in unused if phase.doc.get("functional") in GGA_RUN_TYPES]
    replaced = [phase for phase in by_gga if "match" in str(phase.refusal)]
    stand_ins: dict[str, Entry] = {}
    for formula in sorted({phase.doc["formula_reduced"] for phase in replaced}):
        mine = [
            phase
            for phase in ours
            if phase.doc["formula_reduced"] == formula and phase.doc["functional"] not in GGA_RUN_TYPES
        ]
        representatives, first = Representatives(), dict[int, Entry]()
        for phase in sorted(mine, key=best_first):
            structure = _structure(phase.doc)
            if structure is not None and phase.entry is not None:
                number, new = representatives.add(structure)
                if new:
                    first[number] = phase.entry
        for phase in replaced:
            structure = _structure(phase.doc) if first and phase.doc["formula_reduced"] == formula else None
            number_of_match = representatives.match(structure) if structure is not None else None
            if number_of_match is not None:
                entry = first[number_of_match]
                known = Entry(phase.doc["composition"], entry.energy_per_atom, phase.doc["entry_id"], entry.method)
                stand_ins[phase.doc["entry_id"]] = known
    return stand_ins


def _refusal_of_scheme(calculation: Doc, scheme: Scheme, *, check_potcar: bool) -> str | None:
    """What the scheme has against a calculation by itself, so that all reasons are told at once."""
    if scheme is Scheme.R2SCAN_MIXING:  # it judges a chemical system at once
        return None
    (answer,) = correct([_computed(calculation)], scheme, check_potcar=check_potcar)
    return answer.refusal


def snapshot(used: Sequence[Phase]) -> str:
    """Name the reference entries that a value rests on: their sources, how many, and a hash of their content."""
    docs = sorted((phase.doc for phase in used), key=lambda doc: str(doc["entry_id"]))
    sources = sorted({" ".join(filter(None, (doc["source"], doc.get("source_version")))) for doc in docs})
    digest = text_hash(*(f"{doc['entry_id']}={doc['content_hash']}" for doc in docs))[:12]
    return f"{', '.join(sources)}: {len(docs)} entries, {digest}"


def best_first(phase: Phase) -> tuple[int, float, str]:
    """Order calculations of one structure: static before relaxation, then the lowest."""
    energy = phase.entry.energy_per_atom if phase.entry else 0.0
    return USABLE_TASKS.index(phase.doc["task_type"]), energy, phase.doc["calculation_id"]


def _put(by_method: dict[str, list[Phase]], phase: Phase) -> None:
    if phase.entry is not None:
        by_method.setdefault(phase.entry.method, []).append(phase)


def _is_corrected(doc: Doc, scheme: Scheme) -> bool:
    if doc.get("scheme") != MP2020 or doc.get("energy_per_atom") is None:
        return False
    return scheme is Scheme.MP2020 or (scheme is Scheme.MP2020_GGA and doc.get("functional") == "GGA")


def _method(doc: Doc, scheme: Scheme) -> str:
    return _METHODS.get(scheme) or f"{doc.get('functional') or 'functional not stated'}, {UNCORRECTED}"


def _entry(doc: Doc, energy_per_atom: float, method: str) -> Entry:
    return Entry(doc["composition"], energy_per_atom, doc.get("entry_id") or doc["calculation_id"], method)


def _computed(doc: Doc) -> ComputedEntry:
    common: dict[str, Any] = {
        "entry_id": doc.get("entry_id") or doc["calculation_id"],
        "parameters": {
            "run_type": doc.get("functional"),
            "hubbards": doc.get("hubbards") or {},
            "potcar_symbols": doc.get("potcar_symbols") or [],
        },
        "data": {"oxide_type": doc["oxide_type"]} if doc.get("oxide_type") else {},
    }
    structure = _structure(doc)
    if structure is None:
        return ComputedEntry(doc["composition"], doc["energy"], **common)
    return ComputedStructureEntry(structure, doc["energy"], **common)


def _structure(doc: Doc) -> Structure | None:
    if not doc.get("structure"):
        return None
    try:
        return from_plain(doc["structure"])
    except BadStructure:  # it costs the entry its oxide type only, which the scheme then guesses
        return None
