"""The document of a proposed structure: the facts every route states alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pymatgen.core.structure import Structure

from ...models.composition.formula.formulas import describe_all
from ...models.composition.screening import screen
from ...models.structure.cells.sanity_checks import Check
from ...models.structure.dimensionality.layering import analyse_layers
from ...models.structure.serialization import check_structure, to_plain
from ...models.structure.symmetry.symmetry_analysis import layer_group, symmetry_fields
from ...stores.canonical import text_hash
from ..engine.batches import Doc

CLOSEST_ATOMS = 0.7
"""Å. H2 has 0.74 Å; a proposal with atoms closer than this is not valid."""
LAYER = 2
"""Dimension of a monolayer."""

_VERDICTS = {True: "passed", False: "failed"}


@dataclass(slots=True)
class Proposal:
    """A structure that a route has made, with what only the route knows.

    Attributes
    ----------
    identity
        What tells it from the other structures made of the same parent.
    facts
        Further fields of the document.
    checks
        The route's own checks, by name: whether passed, or "verdict" (passed, failed, unknown) with what else is known.
        One that failed makes the structure invalid.
    remarks
        Further checks, which do not decide whether it is valid.
    """

    structure: Structure
    parent_id: str
    identity: str
    rank: int
    facts: Doc = field(default_factory=dict)
    checks: Mapping[str, bool | Doc] = field(default_factory=dict)
    remarks: Mapping[str, Doc] = field(default_factory=dict)


def documents(route: str, proposals: Sequence[Proposal]) -> list[Doc]:
    """Make the documents of proposals, screened together."""
    if not proposals:
        return []
    formulas = [proposal.structure.composition.element_composition.formula for proposal in proposals]
    described = describe_all(formulas)
    verdicts = screen([facts.reduced for facts in described])
    result = []
    for i, (proposal, facts) in enumerate(zip(proposals, described, strict=True)):
        structure = proposal.structure
        too_close = check_structure(structure, min_distance=CLOSEST_ATOMS)
        checks: dict[str, Any] = {"distances": too_close or "passed"}
        checks |= {
            name: result if isinstance(result, dict) else _VERDICTS[result] for name, result in proposal.checks.items()
        }
        if proposal.facts.get("dimension") == LAYER:
            checks["layer"] = _one_layer(structure)
        verdicts_given = (result["verdict"] if isinstance(result, dict) else result for result in checks.values())
        failed = any(verdict == "failed" for verdict in verdicts_given)
        doc: Doc = {
            "structure_id": f"st-{text_hash(route, proposal.parent_id, proposal.identity)[:16]}",
            "route": route,
            "parent_id": proposal.parent_id,
            "rank": proposal.rank,
            "formula": formulas[i],
            "formula_reduced": facts.reduced,
            "formula_anonymous": facts.anonymous,
            "chemsys": facts.chemsys,
            "elements": facts.elements,
            "nelements": facts.nelements,
            "structure": to_plain(structure),
            "nsites": len(structure),
            "volume": float(structure.volume),
            "charge_neutral": bool(verdicts.charge_neutral[i]),
            "electronegativity_balanced": bool(verdicts.electronegativity_balanced[i]),
            "shortest_distance": _shortest_distance(structure),
            "checks": {**checks, **proposal.remarks},
            "valid": too_close is None and not failed,
            **proposal.facts,
        }
        if symmetry := symmetry_fields(structure):
            doc["space_group"] = symmetry
        if proposal.facts.get("dimension") == LAYER and (symmetry := symmetry_fields(structure, layer_group)):
            doc["layer_group"] = symmetry
        result.append(doc)
    return result


def checked(check: Check) -> Doc:
    """Write a check as a document holds it."""
    verdict = {True: "passed", False: "failed", None: "unknown"}[check.passed]
    verdict_doc: Doc = {
        "verdict": verdict,
        "value": check.value,
        "limit": check.limit,
        "most": check.most,
        "note": check.note,
    }
    return {name: value for name, value in verdict_doc.items() if value is not None}


def _one_layer(structure: Structure) -> str | Doc:
    """Whether what is proposed as a monolayer is one: molecules or chains in a cell with vacuum are none."""
    analysis = analyse_layers(structure)
    if analysis.dimensionality is None:
        return {"verdict": "unknown", "reason": analysis.reason}
    if analysis.dimensionality < LAYER:
        return {"verdict": "failed", "reason": f"{analysis.kind} in a cell with vacuum: {analysis.reason}"}
    return "passed"


def _shortest_distance(structure: Structure) -> float | None:
    # A crystal has neighbours within a few Å; the search widens only for what is hardly a crystal.
    for radius in (3.5, 7.0, 15.0):
        distances = structure.get_neighbor_list(radius)[3]
        if len(distances):
            return float(distances.min())
    return None
