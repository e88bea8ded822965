"""Relaxes by a potential, of each composition, only the structures that are lowest in energy as they were proposed.

An energy as it stands takes a sixtieth of the time of a relaxation, and who is low before is likelier low after.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Unpack

from ....models.structure.serialization import from_plain
from ...engine.batches import Batch, Doc, Item, Outcome
from ...engine.channels import Channel
from .potential_energies_stage import PotentialEnergiesStage
from .potential_stage import KIND, KNOWN, Settings, method_name

LEFT_OUT = "left_out"
"""Among the details of an energy there is none of: that others were lower, so that it was not relaxed."""

_BATCH = 64
"""Larger than where all is relaxed, so that enough of a batch is left to relax at once."""
_Group = tuple[str, int | None]


class LowestEnergiesStage(PotentialEnergiesStage):
    """Writes the relaxed energy of the structures of lowest unrelaxed energy, of each composition and dimension.

    Lower ones that are proposed later are relaxed too; what was relaxed before stays. Those left out, and those without
    an unrelaxed energy, get the reason beside the missing value.

    Parameters
    ----------
    lowest
        How many structures of each composition and dimension.
    settings
        As `PotentialEnergiesStage`.
    """

    tells_left_out = True

    def __init__(self, *, lowest: int, **settings: Unpack[Settings]) -> None:
        self.lowest = lowest
        self._chosen: dict[_Group, set[str]] = {}
        super().__init__(relax=True, **settings)

    def arguments(self) -> Doc:
        """Settings."""
        settings = super().arguments()
        del settings["relax"]
        return {"lowest": self.lowest, **settings}

    def config(self) -> Doc:
        """What is relaxed, and how."""
        return {**super().config(), "lowest": self.lowest}

    @property
    def size(self) -> int:
        """Items in a batch, before those that are not relaxed are left out."""
        return self.current_run.batch_size or min(_BATCH, self.db.settings.batch_size)

    def select(self) -> Iterator[Batch]:
        """Yield what is due and low in energy, up to the limit; say how many were not."""
        self._chosen = {}
        yield from super().select()

    def looks_at(self) -> tuple[Channel, ...]:
        """Energies of structures as they were proposed."""
        return (Channel("properties", "value", frozenset([KIND])),)

    def wants(self, item: Item) -> bool:
        """Whether a structure is one of the lowest of its composition."""
        group = item.content["formula_reduced"], item.content.get("dimension")
        if group not in self._chosen:
            self._chosen[group] = self._lowest(group)
        item.content["wanted"] = KNOWN in item.content or item.key in self._chosen[group]
        return bool(item.content["wanted"])

    def process(self, items: list[Item]) -> list[Outcome]:
        """Relax those that are wanted; of the others say why there is no energy."""
        lowest_items = [item for item in items if item.content["wanted"]]
        relaxed = dict(zip((item.key for item in lowest_items), super().process(lowest_items), strict=True))
        return [relaxed.get(item.key) or {"properties": [self._left_out(item)]} for item in items]

    def _left_out(self, item: Item) -> Doc:
        why = f"not relaxed: not among the {self.lowest:,} lowest of its composition before"
        return self._document(item, from_plain(item.content["structure"]), {"failure": why, LEFT_OUT: True})

    def why_left_out(self, number: int) -> str:
        """Tell of structures of higher energy."""
        return f"{number:,} not relaxed: not among the {self.lowest:,} lowest of their composition"

    def _lowest(self, group: _Group) -> set[str]:
        formula, dimension = group
        query = {**self.criteria, "formula_reduced": formula, "dimension": dimension, "deprecated": False}
        ids = [doc["structure_id"] for doc in self.collection.find(query, {"_id": 0, "structure_id": 1})]
        energies = self.db.database["properties"].find(
            {
                "structure_id": {"$in": ids},
                "kind": KIND,
                "method": method_name(self.potential, relax=False),
                "value": {"$ne": None},
                "deprecated": False,
            },
            {"_id": 0, "structure_id": 1, "value": 1},
        )
        ordered = energies.sort([("value", 1), ("structure_id", 1)]).limit(self.lowest)
        return {doc["structure_id"] for doc in ordered}
