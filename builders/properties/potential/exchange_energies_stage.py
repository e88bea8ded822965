"""Stage `exchange`: what exchanging two alike atoms costs, of candidates whose elements may mix: likely disorder.

Which elements are alike is decided by `models.structure.sizes.site_exchange`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar, Final

from ....models.potential.site_exchange import ExchangeCost, exchange_cost
from ....models.structure.serialization import from_plain
from ....models.structure.sizes.site_exchange import AlikeElements, alike_elements
from ....stores.canonical import content_hash
from ....stores.documents import Candidate, Property
from ...engine.batches import Batch, Doc, Item, Outcome
from ...engine.selection.group_members import Members
from ...engine.selection.group_stage import GroupStage
from . import known_potentials
from .potential_stage import DIGITS, not_installed, stage_name

KIND: Final = "exchange_energy"
_EVALUATION: Final = 1
"""Raised whenever the same structure gives another energy."""
_KNOWN: Final = "known"


class ExchangeEnergiesStage(GroupStage):
    """Writes the energy of an exchange of the two alike elements that exchange most easily; nothing where none are.

    Of candidates that no gate rejects; layers cut from known crystals are as ordered as these. What was evaluated once
    is not again as long as the structure is the same.

    Parameters
    ----------
    potential
        Name of the potential.
    """

    version = 1
    groups_per_batch = 20
    writes: ClassVar = {Property: "value"}
    writes_kinds = (KIND,)
    members = (
        Members(
            Candidate,
            "structure_id",
            ("verdict",),
            ("structure",),
            {"status": {"$ne": "rejected"}, "route": {"$ne": "top-down"}, "structure": {"$exists": True}},
        ),
    )

    def __init__(self, *, potential: str = known_potentials.DEFAULT, share: Doc | None = None) -> None:
        self.potential = known_potentials.potential(potential)
        self.name = stage_name("exchange", self.potential, relax=False)
        self.method = f"{self.potential.name} static, two atoms exchanged"
        super().__init__(share=share)

    def arguments(self) -> Doc:
        """Which potential."""
        return {"potential": self.potential.slug}

    def config(self) -> Doc:
        """What the values depend on."""
        return {"model": self.potential.name}

    def select(self) -> Iterator[Batch]:
        """Yield what is due; nothing where the potential is not installed."""
        if not self.potential.is_installed():
            self.total = 0
            self.report.note = not_installed(self.potential)
            return
        yield from super().select()

    def batch_of(self, names: list[str]) -> Batch:
        """A batch of structures, each with what is known of it already."""
        batch = super().batch_of(names)
        ids = {self._property_id(item.key): item for item in batch.items}
        fields = {"_id": 0, "property_id": 1, "value": 1, "warnings": 1, "details": 1}
        for doc in self.db.database["properties"].find({"property_id": {"$in": list(ids)}}, fields):
            item = ids[doc["property_id"]]
            if doc.get("details", {}).get("request") == self._request(item):
                item.content[_KNOWN] = {name: doc[name] for name in ("value", "warnings", "details") if name in doc}
        return batch

    def process(self, items: list[Item]) -> list[Outcome]:
        """Evaluate a batch of structures."""
        return [{"properties": list(self._documents(item))} for item in items]

    def _documents(self, item: Item) -> Iterator[Doc]:
        if not item.content["candidates"]:
            return
        found = item.content.get(_KNOWN) or self._easiest(item)
        if found is not None:
            yield {
                "property_id": self._property_id(item.key),
                "structure_id": item.key,
                "kind": KIND,
                "method": self.method,
                "basis": "potential",
                "unit": "eV",
                "made_of": [item.key],
                **found,
            }

    def _easiest(self, item: Item) -> Doc | None:
        structure = from_plain(item.content["candidates"][0]["structure"])
        costs = [(exchange_cost(self.potential, structure, pair), pair) for pair in alike_elements(structure)]
        known = sorted(((cost, pair) for cost, pair in costs if cost is not None), key=lambda one: one[0].energy)
        if not known:
            return None
        cost, pair = known[0]
        names = " and ".join(pair.elements)
        doc: dict[str, Any] = {
            "value": round(cost.energy, DIGITS),
            "details": {"pairs": [_told(*one) for one in known], "request": self._request(item)},
        }
        if cost.mixes:
            warning = f"may be disordered: an order of {names} would hold up to about {cost.holds_up_to:.0f} K"
            doc["warnings"] = [warning]
        return doc

    def _request(self, item: Item) -> str:
        """Hash of all that the value depends on."""
        structures = [candidate["structure"] for candidate in item.content["candidates"][:1]]
        return content_hash([_EVALUATION, self.potential.name, structures])

    def _property_id(self, structure_id: str) -> str:
        return f"{structure_id}/{KIND}/{self.method}"


def _told(cost: ExchangeCost, pair: AlikeElements) -> Doc:
    return {
        "elements": list(pair.elements),
        "energy": round(cost.energy, DIGITS),
        "holds_up_to": round(cost.holds_up_to),
        "atoms": cost.atoms,
    }
