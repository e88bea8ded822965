"""Stage `potential-energies`: energies of proposed structures by a potential, as properties that `values` compares."""

from __future__ import annotations

from typing import Any, ClassVar

from pymatgen.core.structure import Structure

from ....models.structure.serialization import from_plain
from ....stores.canonical import content_hash
from ....stores.documents import Property, ProposedStructure
from ...engine.batches import Doc, Item, Outcome
from .potential_stage import KIND, KNOWN, LENT, PotentialStage

_EVALUATION = 2
"""Raised whenever the same structure with the same settings gives another energy or relaxed structure."""
_OF_PROPOSAL = frozenset({"composition", "parent_id", "area", "request"})
"""Details that don't come from the potential."""


class PotentialEnergiesStage(PotentialStage):
    """Writes the energy of each valid structure that repeats no other, as a property of its own kind.

    What was evaluated once is not again, whatever else has changed, as long as structure and settings are the same.
    """

    what = "energies"
    version = 4
    source = ProposedStructure
    facets = ("proposal", "novelty")
    fields: ClassVar = ("structure", "formula_reduced", "chemsys", "route", "parent_id", "dimension", "area")
    criteria: ClassVar[Doc] = {
        "valid": True,
        "novel": {"$exists": True},
        "duplicate_of": {"$exists": False},
    }
    writes: ClassVar = {Property: "value"}
    writes_kinds = (KIND,)

    def chemical_systems(self) -> list[str]:
        """The one system of structures of exactly these elements."""
        return [self._chemsys]

    def items_of(self, query: Doc) -> list[Item]:
        """Items as every stage's, with the energies that are known of them already."""
        items = super().items_of(query)
        self._recall(items)
        if self.relax:
            self._borrow([item for item in items if KNOWN not in item.content])
        return items

    def _recall(self, items: list[Item]) -> None:
        """Put to each item the energy that is known of it, if it was asked for just so."""
        stored = self.db.database["properties"].find(
            {
                "property_id": {"$in": [self._property_id(item) for item in items]},
                "value": {"$ne": None},
                "deprecated": False,
            },
            {"_id": 0, "property_id": 1, "details": 1},
        )
        details = {doc["property_id"]: doc["details"] for doc in stored}
        for item in items:
            known = details.get(self._property_id(item))
            if known is not None and known.get("request") == self._request(item):
                item.content[KNOWN] = {name: value for name, value in known.items() if name not in _OF_PROPOSAL}

    def _borrow(self, items: list[Item]) -> None:
        """Put to each item the energy that settings of another label led to, where these would lead to the same."""
        requests = {item.key: self._request(item) for item in items}
        stored = self.db.database["properties"].find(
            {
                "structure_id": {"$in": list(requests)},
                "kind": KIND,
                "value": {"$ne": None},
                "deprecated": False,
                **self.in_time("details.max_seconds"),
            },
            {"_id": 0, "structure_id": 1, "details": 1},
        )
        lent = {
            doc["structure_id"]: doc["details"]
            for doc in stored
            if doc["details"].get("request") == requests[doc["structure_id"]]
        }
        for item in items:
            if item.key in lent:
                energy = {name: value for name, value in lent[item.key].items() if name not in _OF_PROPOSAL}
                item.content[LENT] = {**energy, "max_seconds": self.max_seconds}

    def _request(self, item: Item) -> str:
        """Hash of all that an energy depends on."""
        settings = PotentialStage.config(self)
        return content_hash([_EVALUATION, settings, item.content.get("dimension") == 2, item.content["structure"]])

    def _property_id(self, item: Item) -> str:
        return f"{item.key}/{KIND}/{self.method}"

    def process(self, items: list[Item]) -> list[Outcome]:
        """Evaluate a batch of structures; one that fails keeps the reason beside the missing value."""
        structures = {item.key: from_plain(item.content["structure"]) for item in items}
        found = {item.key: item.content.get(KNOWN) or item.content.get(LENT) for item in items}
        new = [item for item in items if not found[item.key]]
        flat = [item.content.get("dimension") == 2 for item in new]
        evaluated = self.energies([structures[item.key] for item in new], monolayer=flat, forces=True)
        within = {"max_seconds": self.max_seconds} if self.relax else {}
        found |= {item.key: {**energy, **within} for item, energy in zip(new, evaluated, strict=True)}
        return [{"properties": [self._document(item, structures[item.key], found[item.key] or {})]} for item in items]

    def _document(self, item: Item, structure: Structure, energy: Doc) -> Doc:
        composition = structure.composition.get_el_amt_dict()
        details: dict[str, Any] = {**energy, "composition": composition, "request": self._request(item)}
        if item.content.get("route") == "top-down":
            details["parent_id"] = item.content.get("parent_id")
        if item.content.get("dimension") == 2:
            change = energy.get("area_change") or 1.0
            details["area"] = (item.content.get("area") or 0.0) * change or None
        return {
            "property_id": self._property_id(item),
            "structure_id": item.key,
            "chemsys": item.content["chemsys"],
            "formula_reduced": item.content.get("formula_reduced"),
            "kind": KIND,
            "method": self.method,
            "basis": "potential",
            "value": None if "failure" in energy else energy["energy_per_atom"],
            "unit": "eV/atom",
            "details": {name: value for name, value in details.items() if value is not None},
        }
