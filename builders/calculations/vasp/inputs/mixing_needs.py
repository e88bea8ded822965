"""Which known phases r2SCAN has to be calculated of before its energies can be put on a hull of the GGA(+U) entries.

The mixing scheme of the Materials Project places r2SCAN by the stable phases of a chemical system; one that is missing
makes it refuse compositions. Reads the registry, writes nothing; `due` knows what candidates wait for.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from pymatgen.analysis.structure_matcher import StructureMatcher

from .....models.calculation.plan import HULL_FIELDS
from .....models.composition.formula.chemical_systems import sub_systems
from .....models.composition.formula.single_formula import read_one
from .....models.energetics.corrections.schemes import R2SCAN_RUN_TYPES, Scheme
from .....models.energetics.hull import hull_positions
from .....models.structure.serialization import BadStructure, from_plain
from .....stores.connection import Connection
from ....engine.batches import Doc
from ....engine.selection.chemical_system_stage import first_principles_entries
from ....properties.hulls.hull_entries import phases
from ....properties.hulls.phase import Phase
from ....properties.hulls.reference_structures import add_structures
from .due import Due
from .subjects import Subject

BY_ITSELF: Final = "materials, by themselves"
"""What known phases are due under, beside ``materials`` for bulks of layers."""
ON_THE_HULL: Final = 1e-6
"""eV/atom: a phase that lies no higher is stable."""


def add_stable_phases(connection: Connection, due: Due) -> dict[str, str]:
    """Add the known phases to what is due whose r2SCAN energies place those of candidates.

    Parameters
    ----------
    connection
        The registry.
    due
        What candidates wait for; gets subjects.

    Returns
    -------
    dict
        By chemical system, why r2SCAN energies of it will be refused all the same.
    """
    refused: dict[str, str] = {}
    waiting: dict[str, list[Subject]] = {}
    for subject in due.subjects.values():
        if subject.role != "bulk" and subject.fields & set(HULL_FIELDS):
            waiting.setdefault("-".join(sorted(read_one(subject.formula))), []).append(subject)
    for system, subjects in sorted(waiting.items()):
        entries = _entries(connection, sub_systems(system))
        reasons = _missing_elements(system, entries)
        stable = [] if reasons else _stable(connection, entries)
        at_hand = _materials(connection, (phase.doc.get("material_id") for phase in stable))
        for phase in _without_r2scan(connection, stable, entries):
            material_id, formula = phase.doc.get("material_id"), phase.doc["formula_reduced"]
            if material_id not in at_hand:
                reasons.append(f"{formula} ({phase.doc['entry_id']}) is stable and has no structure")
                continue
            known = Subject("materials", material_id, "crystal", formula, material_id=material_id)
            # Under a key of its own: it may be due as the bulk of a layer too, by another functional.
            kept = due.subjects.setdefault((BY_ITSELF, material_id), known)
            for subject in subjects:
                kept.candidates |= subject.candidates
                kept.fields |= subject.fields & set(HULL_FIELDS)
        if reasons:
            refused[system] = "; ".join(reasons)
    return refused


def _entries(connection: Connection, systems: list[str]) -> list[Doc]:
    members = first_principles_entries("adjustments", "material_id")
    query = {**members.query(), "chemsys": {"$in": systems}}
    fields = {"_id": 0, **dict.fromkeys((members.document.KEY, "chemsys", *members.fields), 1)}
    return list(connection.database[members.collection].find(query, fields).sort(members.document.KEY, 1))


def _missing_elements(system: str, entries: list[Doc]) -> list[str]:
    there = {doc["chemsys"] for doc in entries if doc.get("functional") not in R2SCAN_RUN_TYPES}
    missing = [symbol for symbol in system.split("-") if symbol not in there]
    return [f"no GGA(+U) reference entry of {', '.join(missing)}: ingest entries of it"] if missing else []


def _stable(connection: Connection, entries: list[Doc]) -> list[Phase]:
    """Phases on the hull of GGA(+U), corrected, one of each formula."""
    of_gga = [doc for doc in entries if doc.get("functional") not in R2SCAN_RUN_TYPES]
    add_structures(connection.database, of_gga, (), Scheme.MP2020)
    by_method = phases(of_gga, (), Scheme.MP2020, check_potcar=True).references
    usable = [phase for listed in by_method.values() for phase in listed if phase.entry]
    elements = {doc["chemsys"] for doc in of_gga if "-" not in doc["chemsys"]}
    if elements - {phase.doc["chemsys"] for phase in usable}:
        return []
    positions = hull_positions([one.entry for one in usable if one.entry], [one.entry for one in usable if one.entry])
    stable = [phase for phase, position in zip(usable, positions, strict=True) if position.energy <= ON_THE_HULL]
    return list({phase.doc["formula_reduced"]: phase for phase in reversed(stable)}.values())


def _without_r2scan(connection: Connection, stable: list[Phase], entries: list[Doc]) -> list[Phase]:
    """Those that no r2SCAN reference entry has the structure of."""
    formulas = {phase.doc["formula_reduced"] for phase in stable}
    by_formula: dict[str, list[Doc]] = {}
    for doc in entries:
        if doc.get("functional") in R2SCAN_RUN_TYPES and doc["formula_reduced"] in formulas:
            by_formula.setdefault(doc["formula_reduced"], []).append(doc)
    compared = [phase.doc for phase in stable if phase.doc["formula_reduced"] in by_formula]
    compared += [doc for docs in by_formula.values() for doc in docs]
    add_structures(connection.database, compared, (), Scheme.R2SCAN_MIXING)
    return [phase for phase in stable if not _matches(phase.doc, by_formula.get(phase.doc["formula_reduced"], []))]


def _matches(doc: Doc, others: list[Doc]) -> bool:
    try:
        structures = [from_plain(one["structure"]) for one in (doc, *others) if one.get("structure")]
    except BadStructure:
        return False
    matcher = StructureMatcher()
    return len(structures) > 1 and any(matcher.fit(structures[0], other) for other in structures[1:])


def _materials(connection: Connection, ids: Iterable[str | None]) -> set[str]:
    query = {"material_id": {"$in": sorted({one for one in ids if one})}, "structure": {"$exists": True}}
    return set(connection.database["materials"].distinct("material_id", {**query, "deprecated": False}))
