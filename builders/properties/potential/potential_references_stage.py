"""Stage `potential-references`: energies of known materials by a potential, as reference entries.

They carry the potential's own name, so that they never meet DFT energies.
"""

from __future__ import annotations

from typing import ClassVar

from pymatgen.core.structure import Structure

from ....models.composition.formula.chemical_systems import sub_systems
from ....models.composition.formula.formulas import describe_all
from ....models.structure.serialization import BadStructure, from_plain
from ....stores.canonical import content_hash
from ....stores.documents import Material, ReferenceEntry
from ...engine.batches import Doc, Failure, Item, Outcome, Refused
from .potential_stage import LENT, PotentialStage, entry_id, scheme_name


class PotentialReferencesStage(PotentialStage):
    """Writes `reference_entries` of a potential for known bulk materials.

    Monolayers of other databases are left out: they are no phases that a compound decomposes into.
    """

    what = "references"
    source = Material
    facets = ("structure",)
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

    def items_of(self, query: Doc) -> list[Item]:
        """Items as every stage's, with the energies that settings of other labels led to, if these lead to the same."""
        items = super().items_of(query)
        if not self.relax:
            return items
        asked = {
            "origins.id": {"$in": [item.key for item in items]},
            "asked.request": {"$in": [self._request(item) for item in items]},
            "deprecated": False,
            **self.in_time("asked.max_seconds"),
        }
        fields = {"_id": 0, "material_id": 1, "energy": 1, "energy_per_atom": 1, "asked": 1}
        lent = {(doc["material_id"], doc["asked"]["request"]): doc
                for doc in self.db.database["reference_entries"].find(asked, fields)}  # fmt: skip
        for item in items:
            if (doc := lent.get((item.key, self._request(item)))) is not None:
                item.content[LENT] = {name: doc[name] for name in ("energy", "energy_per_atom")}
        return items

    def _request(self, item: Item) -> str:
        """Hash of all that an energy depends on."""
        return content_hash([self.version, PotentialStage.config(self), item.content["structure"]])

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
        new = [structure for item, structure in zip(usable, structures, strict=True) if LENT not in item.content]
        evaluated = iter(self.energies(new, monolayer=False, forces=False))
        energies = [item.content.get(LENT) or next(evaluated) for item in usable]
        described = describe_all([structure.composition.formula for structure in structures])
        for item, structure, energy, facts in zip(usable, structures, energies, described, strict=True):
            if "failure" in energy:
                outcomes[item.key] = self._failed(item.key, energy["failure"])
                continue
            doc = {
                "entry_id": entry_id(self.potential, item.key, relax=self.relax, label=self.label),
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
                "settings": self.label,
                "asked": {"request": self._request(item), "max_seconds": self.max_seconds} if self.relax else "",
                "reference": self.potential.citation,
            }
            outcomes[item.key] = {"reference_entries": [{name: value for name, value in doc.items() if value != ""}]}
        return [outcomes[item.key] for item in items]

    def _failed(self, key: str, reason: str) -> Outcome:
        title = self.potential.title
        if "no neighbour" in reason:  # a property of the crystal: trying again is of no use
            return Refused("materials", key, f"{title} can't evaluate it: {reason}", "Leave it out of the source.")
        return Failure(f"{title}: {reason}")
