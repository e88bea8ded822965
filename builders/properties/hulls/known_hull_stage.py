"""Stage `known-hull`: distance to the hull of structures whose formation energy is known without a calculation of ours.

The hull is made of the formation energies of known materials by the same method, elements at zero: measured ones with
measured ones, PBE with PBE, never mixed.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import ClassVar, Final

from ....models.energetics.entry import Entry
from ....models.energetics.hull import HullPosition, hull_positions
from ....models.energetics.reliability.plausible_energies import FORMATION_RANGE
from ....stores.canonical import text_hash
from ....stores.documents import Material, Property, ProposedStructure
from ...engine.batches import Doc, Item, Outcome
from ...engine.selection.chemical_system_stage import ChemicalSystemStage, origin
from ...engine.selection.group_members import Members
from .limits import KNOWN_ENTRIES, KNOWN_MATERIALS, Completeness, completeness, is_bulk, limited_distance

KNOWN_FORMATION: Final = Members(
    Material,
    "chemsys",
    ("record",),
    ("formula_reduced", "formation_energy", "methods", "source", "source_version"),
    {"formation_energy": {"$exists": True}},
)
"""Known materials that have a formation energy."""

KNOWN_OR_WITH_FORMATION: Final = replace(
    KNOWN_FORMATION,
    fields=tuple({*KNOWN_FORMATION.fields, *KNOWN_MATERIALS.fields}),
    criteria={"$or": [KNOWN_FORMATION.criteria, KNOWN_MATERIALS.criteria]},
)
"""These and known compounds without one. Monolayers that have one stay in a hull; they are none that it lacks."""

KNOWN_BASES: Final = ("same-structure", "parent", "composition")
"""Bases of values that come from known materials."""

FORMATION: Final = {"kind": "formation_energy", "basis": {"$in": list(KNOWN_BASES)}}
"""Formation energies that come from known materials."""

EXPERIMENT: Final = "experiment"
"""Family of whatever was measured."""

_ASKED_AT_ONCE = 10_000
_EXPERIMENT = re.compile(r"^experiment\b", re.IGNORECASE)
_OF = re.compile(r" of the bulk \+ .*| \([^()]*\)$")


def family(method: str) -> str:
    """Method that decides what a formation energy may be compared with.

    Examples
    --------
    >>> family("experiment, 298 K of the bulk + exfoliation energy (handbook, parent)")
    'experiment'
    >>> family("PBE (2dmatpedia, same-structure)")
    'PBE'
    """
    name = _OF.sub("", method).strip()
    return EXPERIMENT if _EXPERIMENT.match(name) else name


class KnownSystemStage(ChemicalSystemStage):
    """Selects chemical systems, with formation energies of known materials and of proposed structures in them."""

    competing: ClassVar[tuple[Members, ...]] = (KNOWN_FORMATION,)

    def sources_of_members(self) -> tuple[Members, ...]:
        """Known materials, and the structures and properties that are asked about."""
        return (
            *self.competing,
            Members(ProposedStructure, "chemsys", ("proposal",), ()),
            Members(Property, "structure_id", ("value",), (), fixed=self.asked_about()),
        )

    def asked_about(self) -> Doc:
        """Query for the formation energies of structures that are looked at."""
        return FORMATION

    def target_systems(self) -> set[str]:
        """Systems of proposed structures; one without formation energies costs next to nothing."""
        return set(self.db.database["structures"].distinct("chemsys", {"deprecated": False}))

    def affected(self, source: Members, names: set[str]) -> set[str]:
        """Systems of the structures whose properties changed."""
        if source.document is not Property:
            return names
        ids = sorted(names)
        systems: set[str] = set()
        for start in range(0, len(ids), _ASKED_AT_ONCE):
            chosen = {"structure_id": {"$in": ids[start : start + _ASKED_AT_ONCE]}}
            systems |= set(self.db.database["structures"].distinct("chemsys", chosen))
        return systems

    def add_targets(self, contents: dict[str, Doc]) -> dict[str, list[Doc]]:
        """Add the formation energies of the proposed structures of each system."""
        made_from: dict[str, list[Doc]] = {name: [] for name in contents}
        for content in contents.values():
            content["targets"] = []
        in_systems = {"chemsys": {"$in": list(contents)}, "deprecated": False}
        names = {"_id": 0, "structure_id": 1, "chemsys": 1, "formula_reduced": 1, "dimension": 1}
        structures = {doc["structure_id"]: doc for doc in self.db.database["structures"].find(in_systems, names)}
        ids = sorted(structures)
        for start in range(0, len(ids), self.size):
            chosen = {"structure_id": {"$in": ids[start : start + self.size]}, "deprecated": False}
            fields = ("property_id", "structure_id", "method", "basis", "value", "low", "high", "content_hash")
            query = {**self.asked_about(), **chosen, "value": {"$exists": True}}
            for doc in self.db.database["properties"].find(query, {"_id": 0, **dict.fromkeys(fields, 1)}):
                structure = structures[doc["structure_id"]]
                made_from[structure["chemsys"]].append(origin("properties", doc["property_id"], doc))
                contents[structure["chemsys"]]["targets"].append({**structure, **doc})
        for content in contents.values():
            content["targets"].sort(key=lambda doc: str(doc["property_id"]))
        return made_from


class KnownHullStage(KnownSystemStage):
    """Writes energy_above_hull from known formation energies; a lower bound where known compounds have none."""

    name = "known-hull"
    version = 5
    competing: ClassVar[tuple[Members, ...]] = (
        KNOWN_OR_WITH_FORMATION,
        KNOWN_ENTRIES,
    )
    groups_per_batch = 200
    writes: ClassVar = {Property: "value"}
    writes_kinds = ("energy_above_hull",)

    def process(self, items: list[Item]) -> list[Outcome]:
        """Make the hull of each system, method by method."""
        return [{"properties": _distances(item.content)} for item in items]


def known_by_family(materials: list[Doc]) -> dict[str, list[Doc]]:
    """Sort known materials by the method family of their formation energy.

    Left out, so that a hull lacks them: those without a stated method, and with an energy that no phase has.
    """
    low, high = FORMATION_RANGE
    by_system: dict[str, list[Doc]] = {}
    for doc in materials:
        if doc.get("formation_energy") is None or not low <= doc["formation_energy"] <= high:
            continue
        method = (doc.get("methods") or {}).get("formation_energy")
        if method:
            by_system.setdefault(family(method), []).append(doc)
    return by_system


def _distances(group: Doc) -> list[Doc]:
    by_family = known_by_family(group["materials"])
    asked: dict[str, list[Doc]] = {}
    for target in group["targets"]:
        asked.setdefault(family(target["method"]), []).append(target)
    docs: dict[str, Doc] = {}
    everything = [*group["materials"], *group["reference_entries"]]
    for name in sorted(asked):
        known = by_family.get(name, [])
        if not known:  # then there is no hull but that of the elements, which would say too little
            continue
        elements = [Entry(element, 0.0, element, name) for element in group["group"].split("-")]
        compounds = [Entry(doc["formula_reduced"], doc["formation_energy"], doc["material_id"], name) for doc in known]
        targets = asked[name]
        entries = [Entry(doc["formula_reduced"], doc["value"], doc["structure_id"], name) for doc in targets]
        found = completeness(everything, {doc["formula_reduced"] for doc in known if is_bulk(doc)})
        used = [*({"formula_reduced": element.entry_id, "chemsys": element.entry_id} for element in elements), *known]
        for target, position in zip(targets, hull_positions(entries, [*elements, *compounds]), strict=True):
            doc = _document(target, name, position, found, known, used)
            before = docs.get(doc["property_id"])
            if before is None or doc["value"] < before["value"]:
                docs[doc["property_id"]] = doc
    return list(docs.values())


def _document(
    target: Doc, name: str, position: HullPosition, found: Completeness, known: list[Doc], used: list[Doc]
) -> Doc:
    method = f"{name}, hull of known materials"
    products = [(product, used[product.phase]) for product in position.products if product.phase is not None]
    competing = [
        {"id": product.name, "formula": doc["formula_reduced"], "amount": product.amount} for product, doc in products
    ]
    document = {
        "property_id": f"{target['structure_id']}/energy_above_hull/{method}",
        "structure_id": target["structure_id"],
        "kind": "energy_above_hull",
        "method": method,
        "basis": "known hull",
        "value": position.energy,
        "unit": "eV/atom",
        "snapshot": snapshot_of_known(known),
        "competing": competing,
        "details": {"formation_energy": target["value"], "formation_energy_by": target["method"]},
        "made_of": [target["property_id"]],
    }
    return limited_distance(document, target["chemsys"], found, layer=target.get("dimension") == 2, method=name)


def snapshot_of_known(known: list[Doc]) -> str:
    """Name the known formation energies that a value rests on: their sources, how many, and a hash of their content."""
    sources = sorted({" ".join(filter(None, (doc["source"], doc.get("source_version")))) for doc in known})
    values = sorted((doc["material_id"], doc["formation_energy"]) for doc in known)
    digest = text_hash(*(f"{name}={value!r}" for name, value in values))[:12]
    return f"{', '.join(sources) or 'elements alone'}: {len(known)} formation energies, {digest}"
