"""Stage `potential-values`: what energies by CHGNet mean: formation, exfoliation, distance to CHGNet's own hull.

Every energy that is compared comes from the same potential, taken the same way; a new reference entry makes due the
chemical systems that contain its own, and no others.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from ....models.composition.formula.chemical_systems import sub_systems
from ....models.energetics.exfoliation import LayeredCalculation, exfoliation_energy
from ....models.energetics.formation import element_references, formation_energies
from ....models.energetics.hull import Entry, hull_positions
from ....models.potential.chgnet import NAME, is_installed
from ....stores.canonical import content_hash
from ....stores.documents import Property, ReferenceEntry
from ...engine.batches import Batch, Doc, Item, Outcome
from ...engine.selection.group_members import Members
from ...engine.selection.group_stage import GroupStage
from ..known_hull_stage import ELEMENTS_ALONE
from .element_energies import reference_elements
from .potential_stage import DIGITS, KIND, method_name, not_installed, scheme_name

NO_VAN_DER_WAALS = "CHGNet knows no van der Waals attraction: a lower bound, of the bonds that have to be cut alone"
_ON_A_HULL = ("formation_energy", "energy_above_hull")


class PotentialValuesStage(GroupStage):
    """Writes formation energy, exfoliation energy and energy above the hull of structures with an energy by CHGNet.

    Parameters
    ----------
    relax
        Whether the energies are of relaxed structures.
    """

    version = 4
    groups_per_batch = 50
    writes: ClassVar = {Property: "value"}
    writes_kinds = ("formation_energy", "exfoliation_energy", "energy_above_hull")

    def __init__(self, *, relax: bool = False, share: Doc | None = None) -> None:
        self.relax = relax
        self.name = f"potential-values{'-relaxed' if relax else ''}"
        super().__init__(share=share)

    def arguments(self) -> Doc:
        """Which energies."""
        return {"relax": self.relax}

    def config(self) -> Doc:
        """What the values depend on."""
        return {"model": NAME, "relax": self.relax}

    def sources_of_members(self) -> tuple[Members, ...]:
        """Compare energies of proposed structures with those of known materials."""
        return (
            Members(
                Property,
                "chemsys",
                ("value",),
                ("structure_id", "value", "details"),
                fixed={"kind": KIND, "method": method_name(relax=self.relax)},
            ),
            Members(ReferenceEntry, "chemsys", ("record",), ("composition", "energy_per_atom"), fixed=self._references),
        )

    @property
    def _references(self) -> Doc:
        return {"functional": NAME, "scheme": scheme_name(relax=self.relax)}

    def select(self) -> Iterator[Batch]:
        """Yield what is due; nothing where the potential, which evaluates the elements, is not installed."""
        if not is_installed():
            self.total = 0
            self.report.note = not_installed()
            return
        yield from super().select()

    def affected(self, source: Members, names: set[str]) -> set[str]:
        """Systems of structures with an energy that hold the system of a reference."""
        if source.document is not ReferenceEntry:
            return names
        asked = self.db.database["properties"].distinct("chemsys", {"kind": KIND})
        return {system for system in asked if not names.isdisjoint(sub_systems(system))}

    def batch_of(self, names: list[str]) -> Batch:
        """Make a batch of systems, each with the references of all its parts."""
        batch = super().batch_of(names)
        systems = {sub for item in batch.items for sub in sub_systems(item.key)}
        query = {"chemsys": {"$in": sorted(systems)}, "deprecated": False, **self._references}
        fields = {"_id": 0, "entry_id": 1, "chemsys": 1, "composition": 1, "energy_per_atom": 1, "formula_reduced": 1}
        by_system: dict[str, list[Doc]] = {}
        for doc in self.db.database["reference_entries"].find(query, fields).sort("entry_id", 1):
            by_system.setdefault(doc.pop("chemsys"), []).append(doc)
        # Evaluated here, once, and not by every worker process.
        for symbol in {symbol for item in batch.items for symbol in item.key.split("-")}:
            by_system.setdefault(symbol, []).extend(reference_elements(symbol, relax=self.relax))
        for item in batch.items:
            item.content["competing"] = [doc for sub in sub_systems(item.key) for doc in by_system.get(sub, [])]
        return batch

    def process(self, items: list[Item]) -> list[Outcome]:
        """Compare the structures of each chemical system with what competes there."""
        return [{"properties": self._values(item)} for item in items]

    def _values(self, item: Item) -> list[Doc]:
        method = method_name(relax=self.relax)
        energies = [energy for energy in item.content["properties"] if energy.get("value") is not None]
        if not energies:
            return []
        formulas = {
            doc["entry_id"]: doc.get("formula_reduced") or "".join(doc["composition"])
            for doc in item.content["competing"]
        }
        references = [
            Entry(doc["composition"], doc["energy_per_atom"], doc["entry_id"], method)
            for doc in item.content["competing"]
        ]
        elements = item.key.split("-")
        snapshot = content_hash(sorted([reference.entry_id, reference.energy_per_atom] for reference in references))
        entries = [
            Entry(energy["details"]["composition"], energy["value"], energy["structure_id"], method)
            for energy in energies
        ]
        lowest = element_references(references)
        missing = [symbol for symbol in elements if symbol not in lowest]
        docs = [doc for energy in energies for doc in self._exfoliation(energy, item.content["competing"])]
        if missing:
            why = {"missing": f"no reference crystal of {', '.join(missing)} was evaluated by {NAME}"}
            for energy in energies:
                docs += [self._document(energy, kind, None, snapshot, why) for kind in _ON_A_HULL]
            return docs
        against = {"elements": {symbol: lowest[symbol].entry_id for symbol in elements}}
        formed = formation_energies(entries, references)
        positions = hull_positions(entries, references)
        for energy, formation, position in zip(energies, formed, positions, strict=True):
            docs.append(self._document(energy, "formation_energy", float(formation), snapshot, against))
            competing = [references[product.phase] for product in position.products if product.phase is not None]
            alone = len(elements) > 1 and all(len(entry.composition) == 1 for entry in competing)
            limits = {"limits": ELEMENTS_ALONE} if alone else {}
            above = self._document(energy, "energy_above_hull", position.energy, snapshot, limits)
            if alone:
                above["bound"] = "lower"
            above["competing"] = [
                {"id": product.name, "formula": formulas[product.name], "share_of_atoms": round(product.amount, 4)}
                for product in position.products
            ]
            docs.append(above)
        return docs

    def _exfoliation(self, energy: Doc, competing: list[Doc]) -> list[Doc]:
        details = energy["details"]
        parent = f"{'chgnet-relaxed' if self.relax else 'chgnet'}:{details.get('parent_id')}"
        bulk = next((doc for doc in competing if doc["entry_id"] == parent), None)
        if bulk is None:
            return []
        layer = LayeredCalculation(details["energy"], details["composition"], NAME, area=details.get("area"))
        atoms = sum(bulk["composition"].values())
        whole = LayeredCalculation(bulk["energy_per_atom"] * atoms, bulk["composition"], NAME)
        exfoliation = exfoliation_energy(layer, whole)
        why = {"bulk": parent, "limits": NO_VAN_DER_WAALS}
        doc = self._document(
            energy, "exfoliation_energy", exfoliation.per_atom, content_hash([parent, bulk["energy_per_atom"]]), why
        )
        doc["bound"] = "lower"
        doc["per_area"] = None if exfoliation.per_area is None else round(exfoliation.per_area, 3)
        return [doc]

    def _document(self, energy: Doc, kind: str, value: float | None, snapshot: str, details: Doc) -> Doc:
        method = method_name(relax=self.relax)
        return {
            "property_id": f"{energy['structure_id']}/{kind}/{method}",
            "structure_id": energy["structure_id"],
            "kind": kind,
            "method": method,
            "basis": "potential",
            "value": None if value is None else round(value, DIGITS),
            "unit": "eV/atom",
            "snapshot": snapshot,
            "details": details,
            "made_of": [energy["property_id"]],  # what it was compared with is told by `snapshot` and `competing`
        }
