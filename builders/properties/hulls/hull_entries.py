"""Makes hull entries of reference entries and of our calculations, corrected by one scheme; says what is left out.

Knows the fields of documents and `models.energetics`; reads no database.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from pymatgen.core.entries import ComputedEntry, ComputedStructureEntry
from pymatgen.core.structure import Structure

from ....models.calculation.run_kind import ENERGY_KINDS
from ....models.energetics.corrections.corrected_energy import Adjustment
from ....models.energetics.corrections.entry_corrections import correct, correct_alike
from ....models.energetics.corrections.schemes import GGA_RUN_TYPES, Scheme
from ....models.energetics.entry import Entry
from ....models.energetics.reliability.plausible_energies import finite
from ....models.structure.serialization import BadStructure, from_plain
from ....stores.canonical import text_hash
from ...engine.batches import Doc
from .phase import Phase, Phases
from .plausible_phases import without_implausible
from .usable_calculations import why_unusable

MP2020: Final = "MaterialsProject2020Compatibility"
"""What entries corrected by the scheme MP2020 name as their scheme."""
USABLE_TASKS: Final = ENERGY_KINDS
"""Kinds of run whose total energy belongs to the structure; the first is taken before the second."""

UNCORRECTED: Final = "uncorrected"
"""Last word of the method of energies as computed."""

_ROUNDING: Final = 1e-6
"""eV of a cell within which stated terms make up a stated correction."""
_METHODS: Final = {
    Scheme.MP2020: "PBE(+U) MP2020",
    Scheme.MP2020_GGA: "PBE MP2020",
    Scheme.R2SCAN_MIXING: "PBE(+U)/r2SCAN MP2020",
}


def phases(references: Sequence[Doc], calculations: Sequence[Doc], scheme: Scheme, *, check_potcar: bool) -> Phases:
    """Correct reference entries and calculations, and sort them by method.

    Parameters
    ----------
    references
        `reference_entries` documents. Those that were corrected by the scheme at their source are taken as they are;
        the others need their structures, see `reference_structures`.
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
        if not reason and not finite(doc["energy"]):
            competing.refused.append(Phase(doc, None, refusal=f"its energy is {doc['energy']}"))
        elif reason:
            reasons = filter(None, (reason, _refusal_of_scheme(doc, scheme, check_potcar=check_potcar)))
            competing.refused.append(Phase(doc, None, refusal="; ".join(reasons)))
        else:
            usable.append(doc)
    usable.sort(key=_as_stand_in)
    references, nameless = _with_energy(references)
    competing.implausible.extend(nameless)
    matched = scheme is Scheme.R2SCAN_MIXING  # else structures of entries that are corrected are seldom asked for
    open_formulas = {doc["formula_reduced"] for doc in usable}
    open_formulas |= {doc["formula_reduced"] for doc in references if not is_corrected(doc, scheme)}
    looked_at: list[Doc] = []
    for doc in references:
        if matched or doc["formula_reduced"] in open_formulas:
            looked_at.append(doc)
        else:
            _put(competing.references, Phase(doc, _entry(doc, doc["energy_per_atom"], _method(doc, scheme))))
    by_id = {doc["entry_id"]: doc for doc in looked_at}
    given = {name: _given(doc) for name, doc in by_id.items() if is_corrected(doc, scheme)}
    known, ours = correct_alike(
        [_computed(doc, structure=matched or doc["entry_id"] not in given) for doc in looked_at],
        [_computed(doc) for doc in usable],
        scheme,
        given=given,
        structure_of=lambda name: _structure(by_id[name]),
        check_potcar=check_potcar,
    )
    for doc, answer in zip((*looked_at, *usable), (*known, *ours), strict=True):
        of_ours = "calculation_id" in doc
        if answer.energy_per_atom is not None:
            entry = _entry(doc, answer.energy_per_atom, _method(doc, scheme))
            _put(competing.ours if of_ours else competing.references, Phase(doc, entry, answer))
        elif of_ours:
            competing.refused.append(Phase(doc, None, answer, answer.refusal))
        else:
            competing.left_out[str(answer.refusal)] = competing.left_out.get(str(answer.refusal), 0) + 1
    return without_implausible(competing, scheme)


def is_corrected(doc: Doc, scheme: Scheme) -> bool:
    """Whether a reference entry was corrected by the scheme at its source."""
    if doc.get("scheme") != MP2020 or doc.get("energy_per_atom") is None:
        return False
    if scheme is Scheme.R2SCAN_MIXING:
        return doc.get("functional") in GGA_RUN_TYPES
    return scheme is Scheme.MP2020 or (scheme is Scheme.MP2020_GGA and doc.get("functional") == "GGA")


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


def _with_energy(references: Sequence[Doc]) -> tuple[list[Doc], list[Phase]]:
    """Entries whose energy is a number, and the others."""
    usable: list[Doc] = []
    broken: list[Phase] = []
    for doc in references:
        energies = [doc["energy"], doc.get("energy_per_atom", 0.0)]
        fault = next((energy for energy in energies if not finite(energy)), None)
        if fault is None:
            usable.append(doc)
        else:
            broken.append(Phase(doc, None, refusal=f"its energy is {fault}"))
    return usable, broken


def _put(by_method: dict[str, list[Phase]], phase: Phase) -> None:
    if phase.entry is not None:
        by_method.setdefault(phase.entry.method, []).append(phase)


def _as_stand_in(calculation: Doc) -> tuple[bool, int, float, str]:
    """Order calculations by how well one stands for a known phase: of a known material, static, low in energy."""
    task = USABLE_TASKS.index(calculation["task_type"])
    energy = calculation.get("energy_per_atom") or 0.0
    return bool(calculation.get("structure_id")), task, energy, calculation["calculation_id"]


def _given(doc: Doc) -> tuple[Adjustment, ...]:
    """Terms by which an entry was corrected at its source; one for all where they are not told."""
    total = doc["energy_per_atom"] * sum(doc["composition"].values()) - doc["energy"]
    told: Sequence[Mapping[str, Any]] = doc.get("adjustments") or ()
    terms = tuple(Adjustment(str(term.get("name") or ""), float(term["value"])) for term in told)
    if abs(sum(term.energy for term in terms) - total) > _ROUNDING:
        return (Adjustment("correction of the source", total),) if abs(total) > _ROUNDING else ()
    return terms


def _method(doc: Doc, scheme: Scheme) -> str:
    return _METHODS.get(scheme) or f"{doc.get('functional') or 'functional not stated'}, {UNCORRECTED}"


def _entry(doc: Doc, energy_per_atom: float, method: str) -> Entry:
    return Entry(doc["composition"], energy_per_atom, doc.get("entry_id") or doc["calculation_id"], method)


def _computed(doc: Doc, *, structure: bool = True) -> ComputedEntry:
    common: dict[str, Any] = {
        "entry_id": doc.get("entry_id") or doc["calculation_id"],
        "parameters": {
            "run_type": doc.get("functional"),
            "hubbards": doc.get("hubbards") or {},
            "potcar_symbols": doc.get("potcar_symbols") or [],
        },
        "data": {"oxide_type": doc["oxide_type"]} if doc.get("oxide_type") else {},
    }
    made = _structure(doc) if structure else None
    if made is None:
        return ComputedEntry(doc["composition"], doc["energy"], **common)
    return ComputedStructureEntry(made, doc["energy"], **common)


def _structure(doc: Doc) -> Structure | None:
    if not doc.get("structure"):
        return None
    try:
        return from_plain(doc["structure"])
    except BadStructure:  # it costs the entry its oxide type only, which the scheme then guesses
        return None
