"""Candidates by what it is worth to calculate them: chance to pass, times how little is known, per cost.

Reads the registry, writes nothing. The numbers are `models.decision`'s.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from math import nan, prod
from typing import Final

import numpy as np
from numpy.typing import NDArray

from .....models.calculation.plan import CALCULATED_FIELDS, EXFOLIATION, GAP
from .....models.decision.calculation_cost import electrons_of, height_of_layer, runs_for, static_cost
from .....models.decision.chance_to_pass import chance_by_others, chance_to_pass, range_of
from .....models.decision.worth import information, worth
from .....stores.connection import Connection
from ....engine.batches import Doc
from ....properties.hulls.limits import DEEPEST

HYBRID_GAP: Final = "hse_band_gap"
"""Field of a candidate that only a hybrid functional fills; band gaps are calculated with one anyway."""

_HULL: Final = "energy_above_hull"
_FIELDS: Final = ("candidate_id", "formula_reduced", "nsites", "dimension", "route", "parent_id", "thickness")
_OPEN: Final = {"$filter": {"input": "$gates", "cond": {"$eq": ["$$this.verdict", "unknown"]}}}


@dataclass(frozen=True, slots=True, kw_only=True)
class Worth:
    """What a candidate's calculations are worth.

    Attributes
    ----------
    candidate_id, formula
        Of the candidate.
    waits_for
        Chance to pass each open gate, by name, in order.
    fields
        Values that calculations are due for.
    chance
        To pass all open gates.
    information
        Bits that the verdict tells.
    cost
        Of what is due, in static runs of silicon.
    score
        `models.decision.worth.worth` of these.
    turn
        How many other structures of the same composition go before; 0 of each composition's likeliest.
    structures
        Of the composition, among those that are ranked.
    """

    candidate_id: str
    formula: str
    waits_for: dict[str, float]
    fields: tuple[str, ...]
    chance: float
    information: float
    cost: float
    score: float
    turn: int = 0
    structures: int = 1


def rank_by_worth(connection: Connection, campaign: str, query: Doc, *, everything: bool = False) -> list[Worth]:
    """Candidates for which a calculation is due, by falling worth, each composition once before any twice.

    Of structures of one composition the likeliest goes first: what it turns out to be tells of the others.
    Gates are taken to be passed independently. One of whose value nothing is known is passed by a candidate as it was
    by the campaign's others. A bulk has as many atoms as the material that a layer was cut from, or as the layer.

    Parameters
    ----------
    campaign
        Its name.
    query
        MongoDB query for the candidates that are ranked.
    everything
        As for `wanted_fields`.
    """
    shown = {"_id": 0, **dict.fromkeys(_FIELDS, 1), "gates": _OPEN}
    candidates: list[Doc] = []
    due: list[frozenset[str]] = []
    for candidate in connection.database["candidates"].find(query, shown):
        if fields := wanted_fields(candidate["gates"], everything=everything)[0]:
            candidates.append(candidate)
            due.append(frozenset(fields))
    by_others = _chances_by_others(connection, campaign)
    waits_for = [{gate["name"]: _chance(gate, by_others[gate["name"]]) for gate in one["gates"]} for one in candidates]
    chances = np.array([prod(each.values()) for each in waits_for])
    costs = _costs(connection, candidates, due)
    bits, scores = information(chances), worth(chances, costs)
    ranked = [
        Worth(
            candidate_id=candidate["candidate_id"],
            formula=candidate["formula_reduced"],
            waits_for=waits_for[i],
            fields=tuple(field for field in CALCULATED_FIELDS if field in due[i]),
            chance=float(chances[i]),
            information=float(bits[i]),
            cost=float(costs[i]),
            score=float(scores[i]),
        )
        for i, candidate in enumerate(candidates)
    ]
    return sorted(_in_turns(ranked), key=lambda one: (one.turn, -one.score, one.cost, one.candidate_id))


def _in_turns(ranked: Iterable[Worth]) -> Iterator[Worth]:
    """The same, each told its turn among the structures of its composition."""
    by_formula: dict[str, list[Worth]] = {}
    for one in ranked:
        by_formula.setdefault(one.formula, []).append(one)
    for alike in by_formula.values():
        alike.sort(key=lambda one: (-one.chance, -one.score, one.candidate_id))
        yield from (replace(one, turn=turn, structures=len(alike)) for turn, one in enumerate(alike))


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


def _chance(gate: Doc, by_others: float) -> float:
    """Chance to pass an open gate."""
    wanted, value = range_of(gate.get("condition", "")), gate.get("value")
    if wanted is None or isinstance(value, bool) or not isinstance(value, int | float):
        return by_others
    if gate["field"] == _HULL and value < -DEEPEST and gate.get("high") is None:
        return by_others  # of a hull with such a hole the bound says nothing
    return chance_to_pass(wanted, value, gate.get("low"), gate.get("high"))


def _chances_by_others(connection: Connection, campaign: str) -> dict[str, float]:
    """Chance to pass each gate of a campaign, by those of its candidates that it has decided about."""
    verdicts = connection.database["candidates"].aggregate(
        [
            {"$match": {"campaign": campaign, "deprecated": False}},
            {"$group": {"_id": {"names": "$gates.name", "verdicts": "$gates.verdict"}, "number": {"$sum": 1}}},
        ]
    )
    count: Counter[tuple[str, str]] = Counter()
    for group in verdicts:
        for gate in zip(group["_id"]["names"], group["_id"]["verdicts"], strict=True):
            count[gate] += group["number"]
    names = {name for name, _ in count}
    return {name: chance_by_others(count[name, "passed"], count[name, "failed"]) for name in names}


def _costs(connection: Connection, candidates: Sequence[Doc], due: Sequence[frozenset[str]]) -> NDArray[np.float64]:
    """Cost of what is due for each candidate, (n,)."""
    formulas = [candidate["formula_reduced"] for candidate in candidates]
    atoms = np.array([candidate.get("nsites") or nan for candidate in candidates])
    electrons = electrons_of(formulas, atoms)
    layers = np.array([candidate.get("dimension") == 2 for candidate in candidates], dtype=bool)
    heights = np.array([height_of_layer(candidate.get("thickness")) for candidate in candidates])
    runs = np.array([runs_for(fields, 2 if layer else 3) for fields, layer in zip(due, layers, strict=True)])
    own, of_bulk = runs.reshape(-1, 2).T
    parents = [
        candidate.get("parent_id") if candidate.get("route") == "top-down" and EXFOLIATION in fields else None
        for candidate, fields in zip(candidates, due, strict=True)
    ]
    sizes = _sizes(connection, {parent for parent in parents if parent})
    bulk_atoms = np.array([sizes.get(parent or "", nan) for parent in parents])
    of_bulks = np.where(np.isfinite(bulk_atoms), electrons_of(formulas, bulk_atoms), electrons)
    of_layers = np.where(layers, static_cost(electrons, heights), static_cost(electrons))
    return np.asarray(own * of_layers + of_bulk * static_cost(of_bulks))


def _sizes(connection: Connection, material_ids: set[str]) -> dict[str, int]:
    """Atoms in the cells of materials, by id."""
    query = {"material_id": {"$in": sorted(material_ids)}, "nsites": {"$exists": True}}
    found = connection.database["materials"].find(query, {"_id": 0, "material_id": 1, "nsites": 1})
    return {doc["material_id"]: doc["nsites"] for doc in found}
