"""Stage `potential-layers`: how strongly layers hold together by a potential with dispersion, as it says it.

What that is worth, and what several potentials say together, is the matter of `exfoliation-values`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

from .....models.potential.interface import Potential
from .....models.potential.layer_binding import LayerBinding, layer_bindings
from .....models.potential.relaxation import FORCE_TOLERANCE
from .....models.structure.serialization import from_plain, to_plain
from .....stores.documents import Material, Property, ProposedStructure
from ....engine.batches import Batch, Doc, Item, Outcome
from ....engine.selection.group_members import Members
from ....engine.selection.group_stage import GroupStage
from .. import known_potentials
from ..potential_stage import DIGITS, method_name, not_installed, stage_name

BINDING = "energy_over_bulk"
"""Kind of the property: energy of a layer over that of its bulk, eV/atom, as one potential gives it."""
BULK, STACK = "against its bulk", "stacked on itself"
WITH_DISPERSION = "chgnet-d3"
_MAX_STEPS = 200


def layer_method(potential: Potential, *, relax: bool, against: str) -> str:
    """Name of the method of a value.

    Parameters
    ----------
    potential
        The potential.
    relax
        Whether layer and bulk are relaxed.
    against
        `BULK` or `STACK`.
    """
    return f"{method_name(potential, relax=relax)}, {against}"


class LayerEnergiesStage(GroupStage):
    """Writes the energy of proposed layers over that of the crystal they were cut from, or of themselves stacked.

    Parameters
    ----------
    potential
        Name of the potential; one that describes dispersion.
    relax
        Relax layers in their plane, and bulks; else all are taken as they stand.
    max_steps, force_tolerance
        Limits of that: steps, eV/Å.
    """

    version = 1
    groups_per_batch = 4
    writes: ClassVar = {Property: "value"}
    writes_kinds = (BINDING,)
    members = (
        Members(
            ProposedStructure,
            "parent_id",
            ("proposal", "novelty"),
            ("parent_id", "structure", "route", "elements"),
            {"dimension": 2, "valid": True, "novel": {"$exists": True}, "duplicate_of": {"$exists": False}},
        ),
        Members(Material, "material_id", ("structure",), ("structure",), {"structure": {"$exists": True}}),
    )

    def __init__(
        self,
        *,
        potential: str = WITH_DISPERSION,
        relax: bool = False,
        max_steps: int = _MAX_STEPS,
        force_tolerance: float = FORCE_TOLERANCE,
        share: Doc | None = None,
    ) -> None:
        self.potential = known_potentials.potential(potential)
        self.relax = relax
        self.limits: Doc = {"max_steps": max_steps, "force_tolerance": force_tolerance} if relax else {}
        self.name = stage_name("layers", self.potential, relax=relax)
        super().__init__(share=share)

    def arguments(self) -> Doc:
        """Potential, and how it is used."""
        return {"potential": self.potential.slug, "relax": self.relax, **self.limits}

    def config(self) -> Doc:
        """What the energies depend on."""
        return {**self.arguments(), "model": self.potential.name}

    def groups_of(self, changed: set[str]) -> list[str]:
        """Leave out materials that no layer was made of."""
        return sorted(changed & set(self.db.database["structures"].distinct("parent_id", {"dimension": 2})))

    def select(self) -> Iterator[Batch]:
        """Yield what is due; nothing where the potential is not installed."""
        if not self.potential.is_installed():
            self.total = 0
            self.report.note = not_installed(self.potential)
            return
        yield from super().select()

    def process(self, items: list[Item]) -> list[Outcome]:
        """Evaluate the layers of each parent, with their bulk or stacked."""
        pairs = [(item, layer) for item in items for layer in item.content["structures"] if self._knows(layer)]
        bulks = {item.key: _bulk(item.content) for item in items}
        from_bulk = [layer.get("route") == "top-down" and bulks[item.key] is not None for item, layer in pairs]
        bindings = layer_bindings(
            [from_plain(layer["structure"]) for _, layer in pairs],
            [bulks[item.key] if known else None for (item, _), known in zip(pairs, from_bulk, strict=True)],
            self.potential,
            relax=self.relax,
            **self.limits,
        )
        outcomes: dict[str, list[Doc]] = {item.key: [] for item in items}
        for (item, layer), binding, known in zip(pairs, bindings, from_bulk, strict=True):
            outcomes[item.key].append(self._document(layer, binding, against=BULK if known else STACK))
        return [{"properties": outcomes[item.key]} for item in items]

    def _knows(self, layer: Doc) -> bool:
        return self.potential.elements is None or self.potential.elements.issuperset(layer["elements"])

    def _document(self, layer: Doc, binding: LayerBinding, *, against: str) -> Doc:
        method = layer_method(self.potential, relax=self.relax, against=against)
        details: dict[str, Any] = {"elements": layer["elements"]}
        made_of = [layer["structure_id"]]
        if against == BULK:
            details["bulk"] = layer["parent_id"]
            made_of.append(layer["parent_id"])
        elif binding.stack is not None and binding.shift is not None and binding.height is not None:
            shift = [round(part, 3) for part in binding.shift]
            details["stack"] = {"shift": shift, "height": round(binding.height, 3)}
        doc = {
            "property_id": f"{layer['structure_id']}/{BINDING}/{method}",
            "structure_id": layer["structure_id"],
            "kind": BINDING,
            "method": method,
            "basis": "potential",
            "value": None if binding.per_atom is None else round(binding.per_atom, DIGITS),
            "per_area": None if binding.per_area is None else round(binding.per_area, 2),
            "unit": "eV/atom",
            "refused": binding.reason,
            "structure": None if binding.stack is None else to_plain(binding.stack),
            "details": details,
            "made_of": made_of,
        }
        return {name: content for name, content in doc.items() if content is not None or name == "value"}


def _bulk(group: Doc) -> Any:
    return next((from_plain(material["structure"]) for material in group["materials"]), None)
