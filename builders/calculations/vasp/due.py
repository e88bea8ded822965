"""Which calculations a campaign's candidates wait for, by structure. Reads the registry, writes nothing.

A candidate waits for a value; the value needs calculations of its structure and, where it is an exfoliation energy, of
the bulk its layer belongs to. Bulks that several layers share are calculated once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Final, TypeVar

from ....models.calculation.inputs import cutoff_of, hubbards_of
from ....models.calculation.plan import CALCULATED_FIELDS, EXFOLIATION, GAP, Role, Step
from ....models.calculation.run_kind import RELAXATION, STATIC
from ....models.calculation.usability import Purpose
from ....models.composition.formula.parsing import read_one
from ....models.structure.serialization import from_plain, to_plain
from ....models.structure.templates.template_cells import TemplateCell
from ....stores.canonical import content_hash
from ....stores.connection import Connection
from ...engine.batches import Doc

T = TypeVar("T")

HYBRID_GAP: Final = "hse_band_gap"
"""Field of a candidate that only a hybrid functional fills; band gaps are calculated with one anyway."""

_BATCH: Final = 500
BULK: Final = ":bulk"
"""What a bulk that no source has, being made from another one, has after the id of its layer."""


@dataclass(slots=True)
class Subject:
    """A structure that is calculated.

    Attributes
    ----------
    collection, id
        The document whose structure it is. A bulk that no source has, made from another one by the replacements that
        made the layer, has the layer's id followed by ``:bulk``.
    role
        ``crystal``, ``layer`` or ``bulk``.
    formula
        Reduced.
    candidates
        Candidates that wait for it.
    fields
        Values they wait for.
    material_id, substitution
        For a bulk: the material, and which elements of it are replaced.
    layers
        For a bulk: the structures whose exfoliation energy it is needed for.
    """

    collection: str
    id: str
    role: Role
    formula: str
    candidates: set[str] = field(default_factory=set)
    fields: set[str] = field(default_factory=set)
    material_id: str | None = None
    substitution: dict[str, str] = field(default_factory=dict)
    layers: set[str] = field(default_factory=set)
    structure: Doc = field(default_factory=dict, repr=False)
    attempts: dict[tuple[str, str], list[Doc]] = field(default_factory=dict, repr=False)
    """Calculations there are of it, by functional and task."""

    @property
    def structure_hash(self) -> str:
        """Hash of the structure."""
        return content_hash(self.structure)


@dataclass(slots=True)
class Due:
    """What is due.

    Attributes
    ----------
    subjects
        Structures to be calculated, by (collection, id).
    blocked
        By name of a gate whose value no calculation gives: candidates that wait for it first.
    without_bulk
        Candidates whose exfoliation energy can't be calculated, with the reason.
    """

    subjects: dict[tuple[str, str], Subject] = field(default_factory=dict)
    blocked: dict[str, int] = field(default_factory=dict)
    without_bulk: dict[str, str] = field(default_factory=dict)

    def want(self, subject: Subject, candidate_id: str, fields: Iterable[str]) -> None:
        """Add a candidate's need."""
        kept = self.subjects.setdefault((subject.collection, subject.id), subject)
        kept.candidates.add(candidate_id)
        kept.fields.update(fields)


def find_due(connection: Connection, campaign: str, *, everything: bool = False, verify: bool = False) -> Due:
    """Find what the candidates of a campaign wait for.

    Parameters
    ----------
    campaign
        Its name.
    everything
        Also what comes after a gate whose value no calculation gives, and band gaps (hybrid runs, the dearest of all)
        while other values are still open.
    verify
        Also values that are known, but not from a calculation of the structure itself; of promoted candidates too.
    """
    due = Due()
    query = {
        "campaign": campaign,
        "deprecated": False,
        "structure_id": {"$exists": True},
        "status": {"$in": ["waiting", "promoted"] if verify else ["waiting"]},
    }
    names = ("candidate_id", "structure_id", "dimension", "route", "parent_id", "formula_reduced", "gates")
    candidates = (
        connection.database["candidates"].find(query, {"_id": 0, **dict.fromkeys(names, 1)}).sort("candidate_id", 1)
    )
    for batch in _batches(candidates):
        calculated = _calculated(connection, batch) if verify else {}
        layers: list[Doc] = []
        for candidate in batch:
            fields, blocked_by = wanted_fields(candidate["gates"], everything=everything)
            if verify:
                own = calculated.get(candidate["structure_id"], set())
                judged = {gate["field"] for gate in candidate["gates"] if gate["verdict"] == "passed"}
                fields |= (judged & set(CALCULATED_FIELDS)) - own
            if blocked_by and not fields:
                due.blocked[blocked_by] = due.blocked.get(blocked_by, 0) + 1
            two_dimensional = candidate.get("dimension") == 2
            if EXFOLIATION in fields and two_dimensional:
                layers.append(candidate)
            elif EXFOLIATION in fields:
                fields.discard(EXFOLIATION)
                due.without_bulk[candidate["candidate_id"]] = "it is not a layer"
            if rest := fields - {EXFOLIATION}:
                due.want(_own(candidate), candidate["candidate_id"], rest)
        for candidate, bulk in _bulks(connection, layers):
            if isinstance(bulk, str):
                due.without_bulk[candidate["candidate_id"]] = bulk
            else:
                due.want(_own(candidate), candidate["candidate_id"], [EXFOLIATION])
                due.want(bulk, candidate["candidate_id"], [EXFOLIATION])
                due.subjects[bulk.collection, bulk.id].layers.add(candidate["structure_id"])
    return due


def wanted_fields(gates: Iterable[Doc], *, everything: bool = False) -> tuple[set[str], str | None]:
    """Values that calculations are due for, and the gate that keeps later ones from being due.

    Examples
    --------
    >>> gates = [{"name": n, "field": n, "verdict": "unknown"} for n in ("energy_above_hull", "p_2d", "band_gap")]
    >>> wanted_fields(gates)
    ({'energy_above_hull'}, 'p_2d')
    >>> sorted(wanted_fields(gates, everything=True)[0])
    ['band_gap', 'energy_above_hull']
    """
    fields: set[str] = set()
    blocked_by = None
    for gate in gates:
        if gate["verdict"] != "unknown":
            continue
        value = GAP if gate["field"] == HYBRID_GAP else gate["field"]
        if value not in CALCULATED_FIELDS:
            blocked_by = blocked_by or gate["name"]
            if not everything:
                break
        elif everything or value != GAP or not fields:
            fields.add(value)
    return fields, blocked_by


def with_structures(connection: Connection, due: Due) -> Iterator[Subject]:
    """Load the structure of each subject, in order, and the calculations there are of it.

    Subjects whose document has no structure any more are left out: the next refresh deals with their candidates.
    """
    for batch in _batches(sorted(due.subjects.values(), key=lambda subject: (subject.role, subject.id))):
        materials = {subject.material_id for subject in batch if subject.material_id}
        proposed = {subject.id for subject in batch if subject.material_id is None}
        structures = _structures(connection, "structures", "structure_id", proposed)
        if missing := proposed - structures.keys():  # a candidate carries its own structure as well
            structures |= _structures(connection, "candidates", "structure_id", missing)
        bulks = _structures(connection, "materials", "material_id", materials)
        attempts = _attempts(connection, [subject.id for subject in batch])
        for subject in batch:
            plain = structures.get(subject.id) if subject.material_id is None else bulks.get(subject.material_id)
            if plain is None:
                continue
            subject.structure = _replaced(plain, subject.substitution)
            subject.attempts = attempts.get(subject.id, {})
            yield subject
            subject.structure, subject.attempts = {}, {}


def _batches(items: Iterable[T]) -> Iterator[list[T]]:
    iterator = iter(items)
    while batch := list(islice(iterator, _BATCH)):
        yield batch


def _own(candidate: Doc) -> Subject:
    return Subject(
        "structures",
        candidate["structure_id"],
        "layer" if candidate.get("dimension") == 2 else "crystal",
        candidate["formula_reduced"],
    )


def _bulks(connection: Connection, layers: list[Doc]) -> Iterator[tuple[Doc, Subject | str]]:
    """Bulk crystal of each layer, or why there is none."""
    database = connection.database
    parents = {layer["parent_id"] for layer in layers if layer.get("parent_id")}
    ids = sorted({layer["structure_id"] for layer in layers} | parents)
    names = {"_id": 0, "structure_id": 1, "parent_id": 1, "route": 1, "substitution": 1}
    proposed = {doc["structure_id"]: doc for doc in database["structures"].find({"structure_id": {"$in": ids}}, names)}
    above = {doc["parent_id"] for doc in proposed.values() if doc.get("parent_id")}
    materials = {
        doc["material_id"]: doc["formula_reduced"]
        for doc in database["materials"].find(
            {"material_id": {"$in": sorted(parents | above)}, "deprecated": False, "structure": {"$exists": True}},
            {"_id": 0, "material_id": 1, "formula_reduced": 1},
        )
    }
    for layer in layers:
        parent = layer.get("parent_id")
        substitution: dict[str, str] = {}
        if layer.get("route") == "bottom-up":
            substitution = (proposed.get(layer["structure_id"]) or {}).get("substitution") or {}
            parent = (proposed.get(parent or "") or {}).get("parent_id")
        if parent is None or parent not in materials:
            yield layer, "no bulk crystal is known that it is a layer of"
        elif substitution:
            identity = f"{layer['structure_id']}{BULK}"
            formula = layer["formula_reduced"]
            bulk = Subject("structures", identity, "bulk", formula, material_id=parent, substitution=substitution)
            yield layer, bulk
        elif materials[parent] != layer["formula_reduced"]:
            yield layer, f"its bulk, {parent}, is {materials[parent]}, of which it is one of several kinds of layers"
        else:
            yield layer, Subject("materials", parent, "bulk", materials[parent], material_id=parent)


def _replaced(plain: Doc, substitution: dict[str, str]) -> Doc:
    if not substitution:
        return plain
    structure = from_plain(plain)
    mapping = {one.symbol: substitution.get(one.symbol, one.symbol) for one in structure.composition.elements}
    return to_plain(TemplateCell(structure, dimension=3).with_elements(mapping).structure())


def _structures(connection: Connection, collection: str, key: str, ids: Iterable[str]) -> dict[str, Doc]:
    documents = connection.database[collection].find(
        {key: {"$in": sorted(ids)}, "structure": {"$exists": True}}, {"_id": 0, key: 1, "structure": 1}
    )
    return {doc[key]: doc["structure"] for doc in documents}


def _calculated(connection: Connection, candidates: Iterable[Doc]) -> dict[str, set[str]]:
    """By structure, the values that come from a calculation of itself."""
    ids = sorted({candidate["structure_id"] for candidate in candidates})
    query = {"structure_id": {"$in": ids}, "basis": "calculation", "value": {"$ne": None}, "deprecated": False}
    known: dict[str, set[str]] = {}
    for doc in connection.database["properties"].find(query, {"_id": 0, "structure_id": 1, "kind": 1, "stale": 1}):
        if not doc.get("stale"):
            known.setdefault(doc["structure_id"], set()).add(doc["kind"])
    return known


_ATTEMPT: Final = (
    *("calculation_id", "functional", "task_type", "structure", "hubbards", "settings", "set_aside", "converged"),
    *("usable_for", "unusable_for"),
)


def _attempts(connection: Connection, ids: Iterable[str]) -> dict[str, dict[tuple[str, str], list[Doc]]]:
    """By subject, the calculations: by functional without its +U, and by task."""
    ids = set(ids)
    layers = sorted({identity.removesuffix(BULK) for identity in ids})
    keys = ("structure_id", "material_id", "manifest.bulk_of")
    query = {"$or": [{key: {"$in": layers}} for key in keys], "deprecated": False}
    names = {"_id": 0, **dict.fromkeys((*keys, *_ATTEMPT), 1)}
    attempts: dict[str, dict[tuple[str, str], list[Doc]]] = {}
    for doc in connection.database["calculations"].find(query, names).sort("calculation_id", 1):
        key = (_family(doc.get("functional")), _task(doc.get("task_type")))
        bulk_of = doc.get("manifest", {}).get("bulk_of")
        # A known phase that is a candidate as well is calculated once.
        of = [name for name in (doc.get("structure_id"), doc.get("material_id")) if name] or [f"{bulk_of}{BULK}"]
        for identity in ids.intersection(of):
            attempts.setdefault(identity, {}).setdefault(key, []).append(doc)
    return attempts


_PBE: Final = "gga"


def _family(functional: Any) -> str:
    name = str(functional or "").replace("+U", "").casefold()
    return _PBE if name == "pbe" else name


def _task(task_type: Any) -> str:
    return {STATIC: "static", RELAXATION: "relax"}.get(str(task_type), str(task_type))


def finished(subject: Subject, step: Step) -> Doc | None:
    """The calculation that a step asks for, where the registry has one that may be used for it."""
    attempts = _of_step(subject, step)
    return next((doc for doc in reversed(attempts) if not what_has_to_change(doc, subject, step)), None)


def why_again(subject: Subject, step: Step) -> str | None:
    """Why a step is due although it has been calculated, and what has to change; None where it has not been."""
    attempts = _of_step(subject, step)
    told = (f"{doc['calculation_id']}: {'; '.join(what_has_to_change(doc, subject, step))}" for doc in attempts)
    return " | ".join(told) or None


def what_has_to_change(calculation: Doc, subject: Subject, step: Step) -> list[str]:
    """What keeps a calculation from being the one that a step asks for; nothing when it is."""
    reasons: list[str] = []
    if "usable_for" in calculation:
        purpose = _purpose(step)
        if purpose not in calculation["usable_for"]:
            reasons += calculation.get("unusable_for", {}).get(purpose) or [f"it is not usable for {purpose}"]
    elif calculation.get("set_aside") or not calculation.get("converged"):
        reasons.append("it is not converged")
    elements = _elements(subject)
    wanted, had = hubbards_of(step.functional, elements), calculation.get("hubbards") or {}
    for element in sorted(elements & (wanted.keys() | had.keys())):
        u, needed = float(had.get(element, 0.0)), wanted.get(element, 0.0)
        if abs(u - needed) > 1e-6:
            reasons.append(f"U({element}) is {u:g} eV, {needed:g} eV is wanted")
    cutoff = calculation.get("settings", {}).get("ENCUT")
    if isinstance(cutoff, int | float) and cutoff < cutoff_of(step.functional) - 0.1:
        reasons.append(f"ENCUT is {cutoff:g} eV, {cutoff_of(step.functional):g} eV is wanted")
    return reasons


def _of_step(subject: Subject, step: Step) -> list[Doc]:
    return subject.attempts.get((_family(step.functional), step.task), [])


def _purpose(step: Step) -> Purpose:
    if EXFOLIATION in step.fields:
        return "exfoliation"
    return "gap" if step.functional == "HSE06" else "energy"


def _elements(subject: Subject) -> set[str]:
    return set(read_one(subject.formula))
