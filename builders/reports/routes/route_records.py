"""What the registry holds of proposed structures and of known ones, read once for the report on routes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from itertools import groupby
from operator import itemgetter
from typing import Final, NamedTuple

from pymatgen.core.composition import Composition

from ....models.evaluation.distances import in_plane_area, mass_per_area
from ....stores.connection import Connection
from ...candidates.best_values import most_trusted, with_attraction
from ...engine.batches import Doc
from ...properties.potential import known_potentials
from ...properties.potential.potential_stage import method_name

LAYER: Final = 2
CRYSTAL: Final = 3
_DISTANCE, _EXFOLIATION = "energy_above_hull", "exfoliation_energy"
_OF_COMPOSITION: Final = "composition"
_GRAMS_PER_CM3: Final = 1.66053906660
"""One atomic mass unit per Å^3, in g/cm^3 (CODATA 2018)."""

_OF_PROPOSAL: Final = (
    *("structure_id", "route", "parent_id", "condition", "dimension", "drawn", "drawn_valid", "valid", "checks"),
    *("formula", "formula_reduced", "elements", "nelements", "nsites", "volume", "area", "shortest_distance"),
    *("space_group.number", "electronegativity_balanced", "novel", "novelty_class", "duplicate_of", "relaxed_novel"),
    *("relaxed_duplicate_of", "relaxed_by", "known_match.material_id", "known_match.same"),
    *("relaxed_known_match.material_id", "relaxed_known_match.same"),
)
_OF_MATERIAL: Final = (
    *("material_id", "source", "same_as", "dimension_claimed", "formula", "formula_reduced", "elements", "volume"),
    *("space_group.number", "structure.lattice.matrix"),
)


class Energy(NamedTuple):
    """A distance to the hull, eV/atom, with the ends of its interval as far as they are known, and what it lacks."""

    value: float
    low: float | None
    high: float | None
    lacks: tuple[str, ...]


@dataclass(slots=True)
class Energies:
    """Distances to the hull by one method.

    Attributes
    ----------
    method, basis
        By what, and for what they were got.
    relaxed_label
        Label under which structures carry what they became when this method relaxed them; None where it relaxes none.
    of
        By structure.
    """

    method: str
    basis: str
    relaxed_label: str | None = None
    of: dict[str, Energy] = field(default_factory=dict)


class Shape(NamedTuple):
    """What distributions are compared of.

    Attributes
    ----------
    dimension
        2 or 3.
    density
        g/cm^3; of a layer its mass per area in mg/m^2.
    space_group
        Number; None where it is not known.
    elements
        Symbols.
    """

    dimension: int
    density: float | None
    space_group: int | None
    elements: tuple[str, ...]


class Known(NamedTuple):
    """A known material with an ordered structure, the same of several sources once."""

    formula: str
    shape: Shape


@dataclass(slots=True)
class Reference:
    """What proposals are compared with.

    Attributes
    ----------
    sources
        By name: materials, and how many of them have an ordered structure.
    materials
        By the first id, in order, of those that are the same.
    first_of
        That id, by id.
    """

    sources: dict[str, tuple[int, int]]
    materials: dict[str, Known]
    first_of: dict[str, str]


def proposals(connection: Connection) -> Iterator[Doc]:
    """All proposed structures that stand, by id, without their atoms."""
    fields = {"_id": 0, **dict.fromkeys(_OF_PROPOSAL, 1)}
    return connection.database["structures"].find({"deprecated": False}, fields).sort("structure_id", 1)


def energies(connection: Connection) -> list[Energies]:
    """Distances to the hull by every method; what is known of a composition alone is none of a structure."""
    query: Doc = {"kind": {"$in": [_DISTANCE, _EXFOLIATION]}, "value": {"$ne": None}, "deprecated": False}
    fields = ("structure_id", "kind", "method", "basis", "value", "low", "high", "lacks", "competing.id", "stale")
    docs = connection.database["properties"].find(query, {"_id": 0, **dict.fromkeys(fields, 1)})
    labels = _labels_of_relaxed(connection)
    found: dict[str, Energies] = {}
    for structure_id, group in groupby(docs.sort("structure_id", 1), key=itemgetter("structure_id")):
        known = [doc for doc in group if doc.get("basis") != _OF_COMPOSITION]
        exfoliation = [doc for doc in known if doc["kind"] == _EXFOLIATION]
        best = most_trusted(exfoliation) if exfoliation else None
        for doc in known:
            if doc["kind"] != _DISTANCE:
                continue
            method, basis = doc["method"], doc.get("basis", "model")
            by = found.setdefault(method, Energies(method, basis, labels.get(method)))
            layer = with_attraction(doc, best)
            high = doc.get("high") if layer is None else layer.high
            by.of[structure_id] = Energy(doc["value"], doc.get("low"), high, tuple(doc.get("lacks") or ()))
    return sorted(found.values(), key=lambda by: (-len(by.of), by.method))


def _labels_of_relaxed(connection: Connection) -> dict[str, str]:
    """Label under which structures carry what each method of relaxing made of them, by method."""
    pipeline: list[Doc] = [
        {"$match": {"relaxed_by": {"$exists": True}, "deprecated": False}},
        {"$project": {"labels": {"$objectToArray": "$relaxed_by"}}},
        {"$unwind": "$labels"},
        {"$group": {"_id": "$labels.k"}},
    ]
    labels = ["", *(doc["_id"] for doc in connection.database["structures"].aggregate(pipeline))]
    methods = {}
    for label in labels:
        name, _, settings = label.partition("+")
        try:
            potential = known_potentials.potential(name or known_potentials.DEFAULT)
        except known_potentials.NoSuchPotential:  # of a package that is no longer installed
            continue
        methods[method_name(potential, relax=True, label=settings)] = label
    return methods


def reference(connection: Connection) -> Reference:
    """Known materials, which proposals are compared with."""
    materials = connection.database["materials"]
    ordered: Doc = {"structure": {"$exists": True}, "disordered": {"$ne": True}}
    counted = materials.aggregate([{"$match": {"deprecated": False}}, {"$group": {"_id": "$source", "n": {"$sum": 1}}}])
    sources = {doc["_id"]: [doc["n"], 0] for doc in counted}
    known: dict[str, Known] = {}
    first_of: dict[str, str] = {}
    fields = {"_id": 0, **dict.fromkeys(_OF_MATERIAL, 1)}
    for doc in materials.find({"deprecated": False, **ordered}, fields).sort("material_id", 1):
        sources[doc["source"]][1] += 1
        first = first_of[doc["material_id"]] = min([doc["material_id"], *(doc.get("same_as") or ())])
        if first not in known:
            dimension = LAYER if doc.get("dimension_claimed") == LAYER else CRYSTAL
            known[first] = Known(doc["formula_reduced"], shape(doc, dimension))
    return Reference({name: (n, m) for name, (n, m) in sorted(sources.items())}, known, first_of)


def shape(doc: Doc, dimension: int) -> Shape:
    """What distributions are compared of, of a material or a proposal.

    Parameters
    ----------
    doc
        Document with formula of the cell, volume and, of a layer, area or structure.lattice.matrix.
    dimension
        2 for a layer, else 3.
    """
    mass = _mass(doc.get("formula") or doc["formula_reduced"])
    density: float | None = None
    if dimension != LAYER:
        density = _GRAMS_PER_CM3 * mass / doc["volume"] if doc.get("volume") else None
    elif area := _area(doc):
        density = mass_per_area(mass, area)
    return Shape(dimension, density, doc.get("space_group", {}).get("number"), tuple(doc.get("elements") or ()))


def _area(doc: Doc) -> float | None:
    if doc.get("area"):
        return float(doc["area"])
    matrix = doc.get("structure", {}).get("lattice", {}).get("matrix")
    return in_plane_area(matrix) if matrix else None


@cache
def _mass(formula: str) -> float:
    return float(Composition(formula).weight)
