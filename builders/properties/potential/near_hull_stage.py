"""Relaxes by a potential the known materials that can matter to its hull: those near the hull of their static energies.

What lies far above it competes with nothing, relaxed or not; leaving it out makes relaxed references affordable.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Unpack

from ....models.composition.formula.chemical_systems import sub_systems
from ....models.energetics.formation import element_references
from ....models.energetics.hull import Entry, hull_positions
from ...engine.batches import Batch, Doc, Item
from ...engine.channels import Channel
from .element_energies import believed, reference_elements
from .potential_references_stage import PotentialReferencesStage
from .potential_stage import Settings, entries_of, method_name


class NearHullReferencesStage(PotentialReferencesStage):
    """Writes relaxed `reference_entries` of a potential for known materials near the hull of their static entries.

    More known materials only lower that hull, so what was left out once stays out rightly; where a phase of the hull is
    withdrawn, materials that its hull kept out stay out until they change.

    Parameters
    ----------
    window
        eV/atom above the hull of static energies, up to which a material is relaxed. One without a static entry is.
    settings
        As `PotentialReferencesStage`.
    """

    def __init__(self, *, window: float, **settings: Unpack[Settings]) -> None:
        self.window = window
        self._above: dict[str, dict[str, float]] = {}
        super().__init__(relax=True, **settings)

    def arguments(self) -> Doc:
        """Settings."""
        settings = super().arguments()
        del settings["relax"]
        return {"window": self.window, **settings}

    def config(self) -> Doc:
        """What is relaxed, and how."""
        return {**super().config(), "window": self.window}

    def select(self) -> Iterator[Batch]:
        """Yield what is due and near the hull; say how many were not."""
        self._above = {}
        yield from super().select()

    def looks_at(self) -> tuple[Channel, ...]:
        """Entries of energies as they stand."""
        return (Channel("reference_entries", "record"),)

    def wants(self, item: Item) -> bool:
        """Whether a material is near the hull of static energies."""
        system = item.content.get("chemsys")
        if not system:
            return True
        if system not in self._above:
            self._above[system] = self._distances(system)
        return self._above[system].get(item.key, 0.0) <= self.window

    def why_left_out(self, number: int) -> str:
        """Tell of materials far from the hull."""
        return f"{number:,} not relaxed: more than {self.window:g} eV/atom above the hull of static energies"

    def _distances(self, system: str) -> dict[str, float]:
        """Distances of a chemical system's static entries to their hull, by material."""
        method = method_name(self.potential, relax=False)
        query = {
            "chemsys": {"$in": sub_systems(system)},
            "deprecated": False,
            **entries_of(self.potential, relax=False),
        }
        fields = {"_id": 0, "entry_id": 1, "material_id": 1, "chemsys": 1, "composition": 1, "energy_per_atom": 1}
        docs = list(self.db.database["reference_entries"].find(query, fields).sort("entry_id", 1))
        docs = believed([*docs, *reference_elements(system, self.potential, relax=False)], self.potential)
        references = [Entry(doc["composition"], doc["energy_per_atom"], doc["entry_id"], method) for doc in docs]
        lowest = element_references(references)
        if any(symbol not in lowest for symbol in system.split("-")):
            return {}  # no hull, so nothing is known to be far from it
        own = [(doc["material_id"], entry) for doc, entry in zip(docs, references, strict=True)
               if doc["chemsys"] == system and "material_id" in doc]  # fmt: skip
        positions = hull_positions([entry for _, entry in own], references)
        return {material: position.energy for (material, _), position in zip(own, positions, strict=True)}
