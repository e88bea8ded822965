"""Stage `potential-dispersion`: distances of layers to the hull with the attraction that their potential lacks.

What phases and layer attract each other by within themselves is told by D3(BJ), of the phases that the layer lies above
as the potential has it: ``distance + D3(layer) - sum of share * D3(phase)``, all per atom. No structure is relaxed.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import hypot
from typing import Any, ClassVar, Final

from .....models.calculation.methods import with_dispersion
from .....models.potential.family.dispersion import DispersionD3
from .....models.potential.reference_elements import element_crystals
from .....models.structure.serialization import BadStructure, from_plain, to_plain
from .....stores.documents import Material, Property, ProposedStructure
from .....stores.documents.base import labelled
from .....stores.documents.property import COMPOUNDS, DISPERSION
from ....engine.batches import Batch, Doc, Item, Outcome
from ....engine.selection.group_members import Members
from ....engine.selection.group_stage import GroupStage
from ...hulls.limits import LACKS_DISPERSION
from .. import known_potentials
from ..known_potentials import DEFAULT
from ..potential_stage import DIGITS, method_name, not_installed, stage_name

KIND: Final = "energy_above_hull"
WITHIN: Final = (-0.055, 0.106)
"""eV/atom by which the true attraction may be less and more than D3(BJ) says. For 290 layers of 2DMatPedia within 0.35
eV/atom of the hull, which 0.02 to 0.2 eV/atom hold to their bulk, 5 % of the exfoliation energies by its van der Waals
functional lie farther below, 5 % farther above (J. Zhou et al., Sci. Data 6, 86 (2019); median 0.023 above)."""


class HullDispersionStage(GroupStage):
    """Writes the distance to the hull, with D3(BJ) added, of layers whose potential does not describe dispersion.

    Of those a phase of which has no structure at hand nothing is written, nor where compounds that the hull lacks would
    make it deeper, which are other phases then: their distance stays the bound that it is.

    Parameters
    ----------
    potential
        Name of the potential.
    relax
        Whether its energies are of relaxed structures; those of dispersion are of structures as they stand.
    label
        Label of the settings that the distances come from.
    """

    version = 2
    groups_per_batch = 200
    writes: ClassVar = {Property: "value"}
    writes_kinds = (KIND,)

    def __init__(
        self, *, potential: str = DEFAULT, relax: bool = False, label: str = "", share: Doc | None = None
    ) -> None:
        self.potential = known_potentials.potential(potential)
        self.relax = relax
        self.label = label
        self.name = labelled(stage_name("dispersion", self.potential, relax=relax), label)
        self._of = method_name(self.potential, relax=relax, label=label)
        self.dispersion = DispersionD3()
        super().__init__(share=share)

    def arguments(self) -> Doc:
        """Which distances."""
        return {"potential": self.potential.slug, "relax": self.relax, "label": self.label}

    def config(self) -> Doc:
        """What is added to what, and how sure it is."""
        return {"of": self._of, "dispersion": self.dispersion.name, "within": WITHIN}

    def sources_of_members(self) -> tuple[Members, ...]:
        """Read distances, the layers' structures, and those of the materials that they lie above."""
        fields = ("property_id", "chemsys", "value", "low", "coverage", "lacks", "warnings", "competing", "details")
        return (
            Members(Property, "structure_id", ("value",), fields, fixed=self._asked),
            Members(ProposedStructure, "structure_id", ("proposal",), ("structure",), {"dimension": 2}),
            Members(Material, "material_id", ("structure",), (), {"structure": {"$exists": True}}),
        )

    @property
    def _asked(self) -> Doc:
        return {"kind": KIND, "method": self._of}

    def select(self) -> Iterator[Batch]:
        """Yield what is due; nothing where the package that knows dispersion is not installed."""
        if not self.dispersion.is_installed():
            self.total = 0
            self.report.note = not_installed(self.dispersion)
            return
        yield from super().select()

    def affected(self, source: Members, names: set[str]) -> set[str]:
        """Layers above the materials of these names."""
        if source.document is not Material or not names:
            return names
        fields = {"_id": 0, "structure_id": 1, "competing.id": 1}
        asked = self.db.database["properties"].find({**self._asked, "lacks": DISPERSION}, fields)
        return {doc["structure_id"] for doc in asked if not names.isdisjoint(map(_material_of, _phases(doc)))}

    def groups_of(self, changed: set[str]) -> list[str]:
        """Leave out structures without a distance."""
        return sorted(changed & set(self.db.database["properties"].distinct("structure_id", self._asked)))

    def batch_of(self, names: list[str]) -> Batch:
        """Make a batch of layers, each with the phases that it lies above."""
        batch = super().batch_of(names)
        above = {item.key: [phase for doc in _limited(item) for phase in _phases(doc)] for item in batch.items}
        wanted = {_material_of(phase) for phases in above.values() for phase in phases}
        query: Doc = {"material_id": {"$in": sorted(wanted)}, "deprecated": False, "structure": {"$exists": True}}
        fields = {"_id": 0, "material_id": 1, "structure": 1, "content_hash": 1}
        known = {doc["material_id"]: doc for doc in self.db.database["materials"].find(query, fields)}
        crystals = {f"{self.potential.slug}-element:{one.name}": to_plain(one.structure) for one in element_crystals()}
        for item in batch.items:
            materials = {phase: known[_material_of(phase)] for phase in above[item.key] if _material_of(phase) in known}
            item.content["phases"] = {
                **{phase: crystals[phase] for phase in above[item.key] if phase in crystals},
                **{phase: doc["structure"] for phase, doc in materials.items()},
            }
            item.origins += [
                {"collection": "materials", "id": doc["material_id"], "hash": doc["content_hash"]}
                for doc in sorted(materials.values(), key=lambda doc: str(doc["material_id"]))
            ]
        return batch

    def process(self, items: list[Item]) -> list[Outcome]:
        """Add to the distances what dispersion makes of them."""
        energies: dict[str, float | None] = {}  # of phases, which many layers share
        return [{"properties": list(self._values(item, energies))} for item in items]

    def _values(self, item: Item, energies: dict[str, float | None]) -> Iterator[Doc]:
        for phase, plain in item.content["phases"].items():
            if phase not in energies:
                energies[phase] = self._energy(plain)
        for doc in _limited(item):
            of_phases = {phase["id"]: energies.get(phase["id"]) for phase in doc["competing"]}
            known = {phase: energy for phase, energy in of_phases.items() if energy is not None}
            layer = self._energy(item.content["structures"][0]["structure"])
            if layer is None or not known or len(known) < len(of_phases):
                continue
            added = layer - sum(phase["share_of_atoms"] * known[phase["id"]] for phase in doc["competing"])
            yield self._with_dispersion(doc, item.key, added)

    def _energy(self, plain: Doc) -> float | None:
        try:
            return self.dispersion.evaluate([from_plain(plain)], forces=False)[0].energy_per_atom
        except BadStructure:  # stage `layers` has put it into quarantine
            return None

    def _with_dispersion(self, doc: Doc, structure_id: str, added: float) -> Doc:
        """A distance with what dispersion adds, and the interval that the errors of both leave."""
        method = with_dispersion(self._of)
        value, error = doc["value"] + added, doc["value"] - doc.get("low", doc["value"])
        lacks = [what for what in doc["lacks"] if what != DISPERSION]
        told: dict[str, Any] = {
            "property_id": f"{structure_id}/{KIND}/{method}",
            "structure_id": structure_id,
            "kind": KIND,
            "method": method,
            "basis": "potential",
            "value": round(value, DIGITS),
            "unit": "eV/atom",
            "low": round(value - hypot(error, WITHIN[0]), DIGITS),
            "competing": doc["competing"],
            "details": {**doc["details"], "added_by_dispersion": round(added, DIGITS)},
            "made_of": [doc["property_id"], structure_id, *(_material_of(phase) for phase in _phases(doc))],
        }
        if COMPOUNDS not in lacks or "deeper_by" in doc["details"]["completeness"]:
            told["high"] = round(value + hypot(error, WITHIN[1]), DIGITS)
        warnings = [reason for reason in doc.get("warnings", []) if reason != LACKS_DISPERSION]
        further = {"lacks": lacks, "warnings": warnings, "coverage": doc.get("coverage")}
        return {**told, **{name: content for name, content in further.items() if content}}


def _limited(item: Item) -> list[Doc]:
    """Distances of a layer that lack dispersion; none of what is no layer."""
    if not item.content["structures"]:
        return []
    docs: list[Doc] = item.content["properties"]
    return [
        doc
        for doc in docs
        if doc.get("value") is not None
        and DISPERSION in doc.get("lacks", [])
        and not doc["details"].get("completeness", {}).get("deeper_by")
    ]


def _phases(doc: Doc) -> list[str]:
    return [phase["id"] for phase in doc.get("competing", [])]


def _material_of(phase: str) -> str:
    """Id of the material that a reference entry of a potential is of."""
    return phase.partition(":")[2]
