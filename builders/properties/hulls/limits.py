"""What keeps a value from being the true one: known compounds that a hull lacks, and dispersion that a method lacks.

Both make a distance to a hull too small, so that what was computed is a lower bound.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Final, NamedTuple

from pymongo.database import Database

from ....models.calculation.methods import parse_method
from ....stores.documents import Material, ReferenceEntry
from ....stores.documents.property import COMPOUNDS, DISPERSION
from ...engine.batches import Doc
from ...engine.selection.group_members import Members

IRRELEVANT: Final = 0.2
"""eV/atom above the hull by any source, from which a compound is no competitor by another method. About three times the
mean difference of decomposition energies between PBE, SCAN and experiment, 0.06 to 0.07 eV/atom: Bartel et al., npj
Comput. Mater. 5, 4 (2019)."""

DEEPEST: Final = 0.2
"""eV/atom: how far below the known hull a distance may lie; from there on a hole in what is known is likelier than a
discovery. Of 33,981 stable compounds of two and more elements of the Materials Project, as Bartel et al., npj Comput.
Mater. 6, 97 (2020), list them, 4.5 % lie so deep below the hull of all others; where three others of the same elements
are known 7 % of the binary, 2 % of the ternary and none of the quaternary ones."""

KNOWN_MATERIALS: Final = Members(
    Material,
    "chemsys",
    ("record",),
    ("formula_reduced", "energy_above_hull", "decomposition_energy", "dimension_claimed"),
    # Monolayers are no phases that a compound decomposes into, and a solid solution is no compound.
    {"dimension_claimed": {"$nin": [0, 1, 2]}, "disordered": {"$ne": True}},
)
"""Known bulk materials of any source, whether or not their energy is known."""
KNOWN_ENTRIES: Final = Members(
    ReferenceEntry, "chemsys", ("record",), ("formula_reduced",), {"scheme": {"$nin": list(ReferenceEntry.AS_TAKEN)}}
)
"""Reference entries of any source but a potential, which evaluates known materials."""

_NAMED: Final = 6
_DIGITS: Final = 5
_SHOWN: Final = 5e-4
"""eV/atom that tell two numbers apart with three decimals."""
_DISTANCES: Final = ("energy_above_hull", "decomposition_energy")
LACKS_DISPERSION: Final = (
    "the method does not describe dispersion, which holds together what a layer is compared with: a lower bound"
)
"""Said beside the distance of a layer to a hull."""
_WITHOUT_DISPERSION: Final = {
    "exfoliation_energy": "the method does not describe dispersion, by which layers attract each other: a lower bound, "
    "of the bonds alone that have to be cut",
    # The layer has no neighbour to be attracted by; the phases that it is compared with are dense or stacks of layers
    # and bind more strongly than the method tells. Their hull is too high, and the distance to it too small.
    "energy_above_hull": LACKS_DISPERSION,
    "pourbaix_energy": LACKS_DISPERSION,
}


class Depth(NamedTuple):
    """How much deeper a hull would be with the compounds that it lacks, and by which method that is told.

    Attributes
    ----------
    least, most
        eV/atom; they differ where it is open whether the method's anions need a correction.
    method
        That of `most`.
    products
        Formulas of the phases that make the hull then, with their shares of the atoms.
    """

    least: float
    most: float
    method: str
    products: dict[str, float]


def is_bulk(material: Doc) -> bool:
    """Whether a material may be a phase that a compound decomposes into; a monolayer is none."""
    return material.get("dimension_claimed") not in (0, 1, 2)


def layers_among(database: Database[Doc], docs: Iterable[Doc]) -> set[str]:
    """Ids of the proposed structures that documents belong to and that are layers."""
    ids = sorted({doc["structure_id"] for doc in docs if doc.get("structure_id")})
    query = {"structure_id": {"$in": ids}, "dimension": 2}
    return {doc["structure_id"] for doc in database["structures"].find(query, {"_id": 0, "structure_id": 1})}


@dataclass(frozen=True, slots=True)
class Completeness:
    """How much of what is known of a chemical system has an energy by a method.

    Attributes
    ----------
    known
        Compounds that some source knows, by reduced formula, in the system and its parts.
    with_energy
        How many of them have an energy by the method.
    missing
        Those that have none and may compete.
    irrelevant
        How many have none and lie so far above the hull by some source that it does not matter.
    """

    known: int
    with_energy: int
    missing: tuple[str, ...]
    irrelevant: int

    @property
    def details(self) -> Doc:
        """In numbers and names, as a property keeps it."""
        stated: Doc = {"known_compounds": self.known, "with_energy": self.with_energy}
        if self.irrelevant:
            stated["irrelevant"] = self.irrelevant
        if self.missing:
            stated |= {"number_missing": len(self.missing), "missing": list(self.missing[:_NAMED])}
        return stated


def completeness(known: Iterable[Doc], with_energy: Collection[str], *, left_out: Collection[str] = ()) -> Completeness:
    """Completeness of a hull.

    Parameters
    ----------
    known
        Materials and reference entries of the system and its parts, whoever knows them: formula, chemical system, and
        distances to the hull where these are stated. Monolayers among them are passed over.
    with_energy
        Reduced formulas of the phases that make the hull.
    left_out
        Formulas without an energy that were left out because they can't compete.
    """
    distances: dict[str, list[float]] = {}
    for doc in known:
        if "-" in doc["chemsys"] and is_bulk(doc):
            stated = (doc[name] for name in _DISTANCES if doc.get(name) is not None)
            distances.setdefault(doc["formula_reduced"], []).extend(stated)
    without = sorted(distances.keys() - set(with_energy))
    may_matter = (formula for formula in without if min(distances[formula], default=0.0) <= IRRELEVANT)
    missing = tuple(formula for formula in may_matter if formula not in left_out)
    return Completeness(len(distances), len(distances) - len(without), missing, len(without) - len(missing))


def limited_distance(
    document: Doc,
    system: str,
    found: Completeness,
    *,
    layer: bool,
    method: str,
    known_distance: float | None = None,
    deepest: float = DEEPEST,
    depth: Depth | None = None,
) -> Doc:
    """A distance to a hull with what is known of its limits.

    One far below all that is known is a question, and no merit: it bounds what the true one may be. Where it is known
    how much deeper the hull would be with the compounds that it lacks, so much is added instead.

    Parameters
    ----------
    document
        The property with its value and details.
    system
        Chemical system of the hull.
    found
        How complete it is.
    layer
        Whether the structure is a layer.
    method
        Method of the energies, by its usual name.
    known_distance
        Distance to the hull of known phases, where the hull has others too.
    deepest
        eV/atom below that from which on phases are likelier missing than discovered, or than the method errs.
    depth
        How much deeper the hull would be with the compounds that are missing; None where that is not known.
    """
    below = document["value"] if known_distance is None else known_distance
    document = {**document, "details": {**document["details"], "completeness": found.details}}
    named = ", ".join(found.missing[:_NAMED]) + (", …" if len(found.missing) > _NAMED else "")
    if found.missing and depth is not None and below + depth.most >= -min(deepest, DEEPEST):
        document = _with_depth(document, depth, f"{len(found.missing)} of {found.known} known compounds ({named})")
    elif found.missing:
        reason = (
            f"{len(found.missing)} of {found.known} known compounds have no energy by this method, and each can only "
            f"push the hull down: a lower bound ({named})"
        )
        document = lower_bound(document, COMPOUNDS, reason)
    elif "-" in system and not found.with_energy:
        reason = "no compound of these elements competes by this method: a lower bound, against elements alone"
        document = lower_bound(document, COMPOUNDS, reason)
    elif below < -min(deepest, DEEPEST):
        missing = "a competing phase" if "-" in system else "the element's ground state"
        reason = f"lies {-below:.2f} eV/atom below all known phases: {missing} is probably missing, a lower bound"
        document = lower_bound(document, COMPOUNDS, reason)
    return limited_by_dispersion(document, layer=layer, method=method)


def _with_depth(document: Doc, depth: Depth, missing: str) -> Doc:
    """A distance that is as much larger as the hull would be deeper with what it lacks.

    Of 586 distances of the handbook's crystals by CHGNet, each without six in ten of the compounds that compete, 88 %
    of such intervals hold the Materials Project's, where errors are those of distances to compounds; 90 % where it is
    open which anions need corrections.
    """
    details: Doc = document["details"]
    value: float = document["value"]
    deeper = {
        "deeper_by": round(depth.most, _DIGITS),
        "deeper_by_method": depth.method,
        "distance_without": round(value, _DIGITS),
    }
    by = f"{depth.least:.3f} to {depth.most:.3f}" if depth.most - depth.least > _SHOWN else f"{depth.most:.3f}"
    reason = (
        f"{missing} have no energy by this method; by {depth.method} they make the hull {by} eV/atom deeper here "
        f"({' + '.join(sorted(depth.products))}), which is added to {value:.3f}"
    )
    return {
        **document,
        "value": round(value + (depth.least + depth.most) / 2, _DIGITS),
        "low": round(document.get("low", value) + depth.least, _DIGITS),
        "high": round(document.get("high", value) + depth.most, _DIGITS),
        "details": {**details, "completeness": {**details["completeness"], **deeper}},
        "lacks": [*document.get("lacks", []), COMPOUNDS],
        "warnings": [*document.get("warnings", []), reason],
    }


def limited_by_dispersion(document: Doc, *, layer: bool, method: str) -> Doc:
    """A value of a layer as the lower bound that it is, where the method is known to lack dispersion."""
    reason = _WITHOUT_DISPERSION.get(document["kind"])
    if not layer or reason is None or parse_method(method).dispersion is not False:
        return document
    return lower_bound(document, DISPERSION, reason)


def lower_bound(document: Doc, lacks: str, reason: str) -> Doc:
    """A property whose true value is the one stated or more; of an interval the low end stays."""
    return {
        **{name: stated for name, stated in document.items() if name != "high"},
        "low": document.get("low", document["value"]),
        "lacks": [*document.get("lacks", []), lacks],
        "warnings": [*document.get("warnings", []), reason],
    }
