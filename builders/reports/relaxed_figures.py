"""What became of a model's crystals when they were relaxed: distinct, new, found again, and how near the hull.

Compares relaxed structures, where `novel` in the registry is about structures as they were proposed. By composition,
and in sum for those of known materials and those of none, as Kim et al. (2020) counted.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from ...models.composition.formula.chemists_formula import chemists_formula
from ...models.structure.comparison.matching import Representatives
from ...models.structure.serialization import BadStructure, from_plain
from ...stores.connection import Connection
from ..engine.batches import Doc
from ..properties.potential.potential_stage import KIND as ENERGY

METASTABLE = (0.08, 0.2)
"""eV/atom above the hull: what Kim et al., ACS Cent. Sci. 6, 1412 (2020) call synthesisable, and metastable."""
LIMITS = (0.0, *METASTABLE)
_MOST_COMPARED = 5000
"""Relaxed structures at most that are compared."""


@dataclass(slots=True)
class OfComposition:
    """Relaxed structures of one reduced formula; those without a distance to the hull count for none of the limits.

    Attributes
    ----------
    formula, method
        Whose, and relaxed how.
    known
        Known materials of the composition.
    relaxed, converged, distinct
        Structures; forces came below the tolerance; repeat no other one of lower energy.
    found
        Ids of known materials that are the same structure.
    within
        How many are at most so many eV/atom above the hull, by the limit; None of them needs to be distinct.
    new_within
        Those of them that are distinct and no known material: S.U.N. at 0.
    lowest
        Least distance to the hull, eV/atom.
    """

    formula: str
    method: str
    known: int = 0
    relaxed: int = 0
    converged: int = 0
    distinct: int = 0
    found: list[str] = field(default_factory=list)
    within: dict[float, int] = field(default_factory=lambda: dict.fromkeys(LIMITS, 0))
    new_within: dict[float, int] = field(default_factory=lambda: dict.fromkeys(LIMITS, 0))
    lowest: float | None = None


def relaxed_figures(connection: Connection, model: str) -> list[OfComposition]:
    """Count a model's relaxed structures, by composition and method.

    Parameters
    ----------
    model
        Id of the model.
    """
    proposals = {
        doc["structure_id"]: doc["formula_reduced"]
        for doc in connection.database["structures"].find(
            {"parent_id": model, "deprecated": False, "valid": True, "duplicate_of": None},
            {"_id": 0, "structure_id": 1, "formula_reduced": 1},
        )
    }
    groups: dict[tuple[str, str], list[Doc]] = {}
    for doc in _relaxed(connection, list(proposals)):
        groups.setdefault((proposals[doc["structure_id"]], doc["method"]), []).append(doc)
    return [_counted(connection, formula, method, docs) for (formula, method), docs in sorted(groups.items())]


def _relaxed(connection: Connection, structures: list[str]) -> Iterable[Doc]:
    properties = connection.database["properties"]
    of_structures: Doc = {"structure_id": {"$in": structures}, "value": {"$ne": None}, "deprecated": False}
    fields = {"_id": 0, "structure_id": 1, "method": 1, "value": 1}
    above = {
        (doc["structure_id"], doc["method"]): doc["value"]
        for doc in properties.find({**of_structures, "kind": "energy_above_hull"}, fields)
    }
    relaxed = {**of_structures, "kind": ENERGY, "details.structure": {"$exists": True}}
    for doc in properties.find(relaxed, {**fields, "details": 1}).limit(_MOST_COMPARED):
        yield {**doc, "above": above.get((doc["structure_id"], doc["method"]))}


def _counted(connection: Connection, formula: str, method: str, docs: list[Doc]) -> OfComposition:
    row = OfComposition(formula, method)
    known, names = Representatives(), []
    of_formula = {"formula_reduced": formula, "deprecated": False, "structure": {"$exists": True}}
    for doc in connection.database["materials"].find(of_formula, {"_id": 0, "material_id": 1, "structure": 1}):
        try:
            known.keep(from_plain(doc["structure"]))
        except BadStructure:
            continue
        names.append(doc["material_id"])
    row.known = len(names)
    own = Representatives()
    known_materials = set()
    for doc in sorted(docs, key=lambda energy: (energy["value"], energy["structure_id"])):
        row.relaxed += 1
        row.converged += bool(doc["details"].get("converged"))
        structure = from_plain(doc["details"]["structure"])
        distinct = own.add(structure)[1]
        row.distinct += distinct
        match = known.match(structure)
        if match is not None:
            known_materials.add(names[match])
        if doc["above"] is None:
            continue
        row.lowest = doc["above"] if row.lowest is None else min(row.lowest, doc["above"])
        for limit in LIMITS:
            if doc["above"] <= limit:
                row.within[limit] += 1
                row.new_within[limit] += distinct and match is None
    row.found = sorted(known_materials)
    return row


def table(rows: list[OfComposition]) -> str:
    """Write them as a table in Markdown; empty where nothing was relaxed."""
    if not rows:
        return ""
    lines = [
        "Relaxed, by composition: how many are at most so many eV/atom above the hull, in brackets those that,",
        "relaxed, repeat no other and are no known material (at 0: S.U.N.).",
        "",
        "| of | by | relaxed | converged | distinct | known ones found | <= 0 | "
        + " | ".join(f"<= {limit:g}" for limit in METASTABLE)
        + " | lowest |",
        "|---|---|---:|---:|---:|---:|---:|" + "---:|" * len(METASTABLE) + "---:|",
    ]
    for method in sorted({row.method for row in rows}):
        same = [row for row in rows if row.method == method]
        lines += [_line(chemists_formula(row.formula), [row]) for row in same]
        for told, part in (
            ("compositions of known materials", [row for row in same if row.known]),
            ("compositions of none", [row for row in same if not row.known]),
        ):
            if part:
                lines.append(_line(f"**{len(part)} {told}**", part))
    return "\n".join(lines) + "\n"


def _line(name: str, rows: list[OfComposition]) -> str:
    relaxed = sum(row.relaxed for row in rows)
    known = sum(row.known for row in rows)
    found_again = sum(len(row.found) for row in rows)
    cells = [rows[0].method, f"{relaxed:,}"]
    cells += [f"{sum(getattr(row, what) for row in rows):,}" for what in ("converged", "distinct")]
    cells.append(f"{found_again:,} of {known:,}" if known else "–")
    for limit in LIMITS:
        within = sum(row.within[limit] for row in rows)
        cells.append(f"{within / relaxed:.0%} ({sum(row.new_within[limit] for row in rows):,})")
    lowest = [row.lowest for row in rows if row.lowest is not None]
    cells.append(f"{min(lowest):.3f}" if lowest else "–")
    return f"| {name} | {' | '.join(cells)} |"
