"""Which known materials a route found again, and how far from what it made them of: by composition, and by family.

No source states when a material was first reported, so that there is no split by time.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from pymatgen.core.composition import Composition

from ....models.evaluation.relatives import Origin, origin
from ....stores.connection import Connection
from ...engine.batches import Doc
from .route_records import Reference

LEARNT: Final = "a model that may have learnt it"
HELD_OUT: Final = "a model from which its composition was held out"


@dataclass(frozen=True, slots=True)
class Found:
    """Known materials that were found again.

    Attributes
    ----------
    there
        Known ones with a structure, of the compositions and the dimension that were tried.
    found
        Of them those that are among what was made.
    made_of
        These by what they were made of, each by what lies farthest from it.
    """

    there: int
    found: int
    made_of: dict[str, int]


def found_again(
    connection: Connection,
    made: Sequence[tuple[str, int, str, list[str]]],
    known: Reference,
    model: str | None,
) -> Found:
    """Count the known materials that a route found again.

    Parameters
    ----------
    made
        Its distinct valid structures: reduced formula, dimension, parent, ids of the known materials that are the same.
    known
        What is known.
    model
        The model that made them, where one did.
    """
    tried = {(formula, dimension) for formula, dimension, _, _ in made}
    there = {first for first, one in known.materials.items() if (one.formula, one.shape.dimension) in tried}
    parents = _formulas(connection, {parent for _, _, parent, matches in made if matches})
    held_out = _held_out(connection, model) if model else frozenset()
    farthest: dict[str, str] = {}
    for formula, _, parent, matches in made:
        if model:
            how = HELD_OUT if formula in held_out else LEARNT
        else:
            how = origin(formula, parents[parent]) if parent in parents else ""
        for match in matches:
            first = known.first_of.get(match)
            if first in there and _far(how) >= _far(farthest.get(first, "")):
                farthest[first] = how
    return Found(len(there), len(farthest), dict(Counter(how or "what is gone" for how in farthest.values())))


def _far(how: str) -> int:
    order = ["", *(str(one) for one in Origin), LEARNT, HELD_OUT]
    return order.index(how)


def _formulas(connection: Connection, parents: set[str]) -> dict[str, str]:
    """Reduced formulas of materials and structures, by id."""
    formulas: dict[str, str] = {}
    for name, key in (("materials", "material_id"), ("structures", "structure_id")):
        query: Doc = {key: {"$in": sorted(parents)}}
        docs = connection.database[name].find(query, {"_id": 0, key: 1, "formula_reduced": 1})
        formulas |= {doc[key]: doc["formula_reduced"] for doc in docs}
    return formulas


def _held_out(connection: Connection, model: str) -> frozenset[str]:
    trained = connection.database["trained_models"].find_one({"model_id": model}, {"config.held_out": 1}) or {}
    held_out = trained.get("config", {}).get("held_out") or ()
    return frozenset(Composition(formula).reduced_formula for formula in held_out)
