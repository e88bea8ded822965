"""What has been calculated of a subject before: whether a step is done, and if not what has to change."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final

from .....models.calculation.plan import EXFOLIATION, Step
from .....models.calculation.run_kind import RELAXATION, STATIC
from .....models.calculation.usability import Purpose
from .....models.composition.formula.single_formula import read_one
from .....stores.connection import Connection
from ....engine.batches import Doc
from .subjects import BULK, Subject

_ATTEMPT: Final = (
    *("calculation_id", "functional", "task_type", "structure", "hubbards", "settings", "set_aside", "converged"),
    *("usable_for", "unusable_for"),
)


def attempts_of(connection: Connection, subjects: Collection[Subject]) -> dict[str, dict[tuple[str, str], list[Doc]]]:
    """By subject, the calculations: by functional without its +U, and by task."""
    ids = {subject.id for subject in subjects}
    unlike = _not_alike(connection, ids.union(*(subject.layers for subject in subjects)))
    layers = sorted({identity.removesuffix(BULK) for identity in ids})
    keys = ("structure_id", "material_id", "manifest.bulk_of")
    query = {"$or": [{key: {"$in": layers}} for key in keys], "deprecated": False}
    names = {"_id": 0, **dict.fromkeys((*keys, "manifest.material_id", *_ATTEMPT), 1)}
    attempts: dict[str, dict[tuple[str, str], list[Doc]]] = {}
    for doc in connection.database["calculations"].find(query, names).sort("calculation_id", 1):
        key = (_family(doc.get("functional")), _task(doc.get("task_type")))
        doc["not_alike"] = unlike.get(doc["calculation_id"], [])
        manifest = doc.get("manifest", {})
        # A bulk made for its layer stays that, also where it has turned out to be a known crystal.
        made = manifest.get("bulk_of") and not manifest.get("material_id")
        # A known phase that is a candidate as well is calculated once.
        own = [name for name in (doc.get("structure_id"), doc.get("material_id")) if name]
        for identity in ids.intersection([f"{manifest['bulk_of']}{BULK}"] if made else own):
            attempts.setdefault(identity, {}).setdefault(key, []).append(doc)
    return attempts


def _not_alike(connection: Connection, layers: set[str]) -> dict[str, list[str]]:
    """By calculation, why its pair of layer and bulk has no exfoliation energy although each is usable."""
    query = {
        "structure_id": {"$in": sorted(layers)},
        "kind": EXFOLIATION,
        "details.not_alike": {"$exists": True},
        "deprecated": False,
    }
    found: dict[str, list[str]] = {}
    for doc in connection.database["properties"].find(query, {"_id": 0, "details.not_alike": 1}):
        for pair in doc["details"]["not_alike"]:
            layer, bulk = pair["calculations"]
            found.setdefault(layer, []).append(f"not made as its bulk {bulk} was: {pair['why']}")
            found.setdefault(bulk, []).append(f"not made as its layer {layer} was: {pair['why']}")
    return found


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
    # A second of imports, for those who look at calculations.
    from .....models.calculation.inputs import cutoff_of, hubbards_of

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
    # What is already known to be wrong with a calculation is what makes it differ from the other.
    return reasons or list(calculation.get("not_alike", []) if EXFOLIATION in step.fields else [])


def _of_step(subject: Subject, step: Step) -> list[Doc]:
    return subject.attempts.get((_family(step.functional), step.task), [])


def _purpose(step: Step) -> Purpose:
    if EXFOLIATION in step.fields:
        return "exfoliation"
    return "gap" if step.functional == "HSE06" else "energy"


def _elements(subject: Subject) -> set[str]:
    return set(read_one(subject.formula))
