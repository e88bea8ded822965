"""Keeps phases with an energy that no phase has out of a hull, and tells which of the others are doubtful.

A doubtful phase stays, since it may be right: where it matters, a value has an interval down to what it is without it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final

from ....models.energetics.corrections.schemes import Scheme
from ....models.energetics.entry import Entry
from ....models.energetics.formation import element_references, formation_energies
from ....models.energetics.hull import hull_positions
from ....models.energetics.reliability.plausible_energies import doubts, element_fault, formation_faults
from ....models.potential.reference_elements import TABULATED
from ...engine.batches import Doc
from .phase import Phase, Phases

_TABULATED_SCALE: Final = (Scheme.MP2020, Scheme.MP2020_GGA)
"""Schemes that leave the energies of elements as PBE has them, which are tabulated."""
_NAMED: Final = 6
_SAME: Final = 1e-9
"""eV/atom: values that differ by rounding only."""


def without_implausible(competing: Phases, scheme: Scheme) -> Phases:
    """Phases but for those that can't be right: references among them are listed as such, calculations refused."""
    tabulated = TABULATED if scheme in _TABULATED_SCALE else {}
    for method in sorted({*competing.references, *competing.ours}):
        references, ours = competing.references.get(method, []), competing.ours.get(method, [])
        of_elements = [_element_fault(phase, tabulated) for phase in references]
        elements = element_references(
            [phase.entry for phase, why in zip(references, of_elements, strict=True) if phase.entry and not why]
        )
        faults = formation_faults(_entries(references), elements)
        faults |= {i: why for i, why in enumerate(of_elements) if why}
        competing.implausible.extend(replace(references[i], entry=None, refusal=faults[i]) for i in sorted(faults))
        competing.references[method] = [phase for i, phase in enumerate(references) if i not in faults]
        own = formation_faults(_entries(ours), elements)
        own |= {i: why for i, phase in enumerate(ours) if (why := _element_fault(phase, tabulated))}
        competing.refused.extend(replace(ours[i], entry=None, refusal=own[i]) for i in sorted(own))
        competing.ours[method] = [phase for i, phase in enumerate(ours) if i not in own]
    return competing


def with_doubts(documents: list[Doc], targets: Sequence[Phase], competing: Phases, method: str) -> list[Doc]:
    """Properties that name what was left out of their hull, and reach down to what they are without doubtful phases.

    Parameters
    ----------
    documents
        Formation energies and distances to hulls, eV/atom, of the targets.
    targets
        The phases that they are of.
    competing
        Phases of the chemical system.
    method
        Method of all of them.
    """
    references, ours = competing.references.get(method, []), competing.ours[method]
    warnings = why_left_out(competing.implausible)
    doubtful = _doubtful(references, ours)
    lows: dict[tuple[str, str], float] = {}
    if doubtful:
        warnings += _named(sorted(doubtful.items()), "likelier an error than a phase, and the low end is without it")
        known = [entry for entry in _entries(references) if entry.name not in doubtful]
        own = [entry for entry in _entries(ours) if entry.name not in doubtful]
        entries, names = _entries(targets), [phase.doc["structure_id"] for phase in targets]
        lows |= zip(((name, "formation_energy") for name in names), formation_energies(entries, known), strict=True)
        for against, hull in (("known", known), ("known and ours", [*known, *own])):
            distances = (position.energy for position in hull_positions(entries, hull))
            lows |= zip(((name, against) for name in names), distances, strict=True)
    return [_lowered(doc, lows, warnings) if warnings else doc for doc in documents]


def why_left_out(implausible: Sequence[Phase]) -> list[str]:
    """What reference entries were left out of a hull, and why."""
    return _named([(phase.doc["entry_id"], str(phase.refusal)) for phase in implausible], "left out of the hull")


def _lowered(document: Doc, lows: dict[tuple[str, str], float], warnings: list[str]) -> Doc:
    document = {**document, "warnings": [*document.get("warnings", []), *warnings]}
    against = document["method"].rpartition(", against ")[2]
    compared = document["kind"] if document["kind"] == "formation_energy" else against
    low = lows.get((document["structure_id"], compared))
    stated = document["low"] if "low" in document else document["value"]
    if low is not None and low < stated - _SAME:
        document |= {"low": float(low), "high": document.get("high", document["value"])}
    return document


def _doubtful(references: Sequence[Phase], ours: Sequence[Phase]) -> dict[str, str]:
    """Names of phases of one method that are likelier wrong than true, and why.

    Known phases are compared among themselves, so that a poor form of ours makes no known one doubtful.
    """
    known = _entries(references)
    elements = element_references(known)
    found = {known[i].name: why for i, why in doubts(known, elements).items()}
    lowest: dict[str, Entry] = {}
    for phase in ours:
        formula = phase.doc["formula_reduced"]
        if phase.entry and (formula not in lowest or phase.entry.energy_per_atom < lowest[formula].energy_per_atom):
            lowest[formula] = phase.entry
    both = [*known, *lowest.values()]
    return found | {both[i].name: why for i, why in doubts(both, elements).items() if i >= len(known)}


def _named(phases: Sequence[tuple[str, str]], text: str) -> list[str]:
    named = [f"{text}: {name}, {why}" for name, why in phases[:_NAMED]]
    return named + ([f"{text}: {len(phases) - _NAMED} more"] if len(phases) > _NAMED else [])


def _element_fault(phase: Phase, tabulated: dict[str, float]) -> str | None:
    if phase.entry is None or len(phase.doc["composition"]) > 1:
        return None
    (symbol,) = phase.doc["composition"]
    return element_fault(symbol, phase.entry.energy_per_atom, tabulated)


def _entries(phases: Iterable[Phase]) -> list[Entry]:
    return [phase.entry for phase in phases if phase.entry]
