"""Stage `potential-references`: energies of known materials by a potential, as reference entries.

They carry the potential's own name, so that they never meet DFT energies.
"""

from __future__ import annotations

from typing import ClassVar

from pymatgen.core.structure import Structure

from ....models.composition.formula.chemical_systems import sub_systems
from ....models.composition.formula.formulas import describe_all
from ....models.structure.serialization import BadStructure, from_plain
from ....stores.documents import Material, ReferenceEntry
from ...engine.batches import Doc, Failure, Item, Outcome, Refused
from .potential_stage import PotentialStage, entry_id, scheme_name


class PotentialReferencesStage(PotentialStage):
    """Writes `reference_entries` of a potential for known bulk materials.

    Monolayers of other databases are left out: they are no phases that a compound decomposes into.
    """

    what = "references"
    source = Material
    facets = ("record",)
    fields = ("structure", "formula", "chemsys")
    criteria: ClassVar[Doc] = {
        "structure": {"$exists": True},
        "disordered": {"$ne": True},
        "dimension_claimed": {"$nin": [0, 1, 2]},
    }
    writes: ClassVar = {ReferenceEntry: "record"}

    def chemical_systems(self) -> list[str]:
        """Systems of all that structures of the elements may decompose into."""
        return sub_systems(self._chemsys)

    def process(self, items: list[Item]) -> list[Outcome]:
        """Evaluate a batch of materials."""
        usable: list[Item] = []
        structures: list[Structure] = []
        outcomes: dict[str, Outcome] = {}
        for item in items:
            try:
                structures.append(from_plain(item.content["structure"]))
                usable.append(item)
            except BadStructure:  # stage `layers` has put it into quarantine
                outcomes[item.key] = {}
        energies = self.energies(structures, monolayer=False, forces=False)
        described = describe_all([structure.composition.formula for structure in structures])
        for item, structure, energy, facts in zip(usable, structures, energies, described, strict=True):
            if "failure" in energy:
                outcomes[item.key] = self._failed(item.key, energy["failure"])
                continue
            doc = {
                "entry_id": entry_id(self.potential, item.key, relax=self.relax),
                "source": self.potential.slug,
                "source_id": item.key,
                "source_version": self.potential.version,
                "material_id": item.key,
                "composition": structure.composition.get_el_amt_dict(),
                "formula": item.content.get("formula") or structure.composition.formula,
                "formula_reduced": facts.reduced,
                "formula_anonymous": facts.anonymous,
                "chemsys": facts.chemsys,
                "elements": facts.elements,
                "nelements": facts.nelements,
                "nsites": len(structure),
                "energy": energy["energy"],
                "energy_per_atom": energy["energy_per_atom"],
                "functional": self.potential.name,
                "scheme": scheme_name(relax=self.relax),
                "reference": self.potential.citation,
            }
            outcomes[item.key] = {"reference_entries": [{name: value for name, value in doc.items() if value != ""}]}
        return [outcomes[item.key] for item in items]

    def _failed(self, key: str, reason: str) -> Outcome:
        title = self.potential.title
        if "no neighbour" in reason:  # a property of the crystal: trying again is of no use
            return Refused("materials", key, f"{title} can't evaluate it: {reason}", "Leave it out of the source.")
        return Failure(f"{title}: {reason}")
