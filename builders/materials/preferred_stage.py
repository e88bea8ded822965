"""Stage `preferred`: says for every material which of the values that its sources give for it is preferred.

Materials that stage `links` found to be the same are one here, those that are alike only are not. All values are kept,
each with source and method. Most materials are linked to none: theirs is said before they are stored (`later`).
"""

from __future__ import annotations

from typing import Any, ClassVar

from ...stores.documents import Material
from ..engine.batches import Doc, Item, Outcome
from ..engine.selection.map_stage import MapStage
from .method_ranking import rank
from .source_order import SourceOrdered

VALUE_FIELDS = ("formation_energy", "exfoliation_energy", "energy_above_hull", "decomposition_energy", "band_gap")
"""Fields of materials that hold values of properties."""


class PreferredStage(SourceOrdered, MapStage):
    """Fills `preferred`, `preferred_from` and `other_values` of materials, one and the same for all in `same_as`.

    A better method goes before a better source (`method_order`), a source before one that stands after it in the
    order; sources not in the order come last, by name, and of one source the first by id.

    Parameters
    ----------
    order
        Names of sources; the setting `source_order` when None.
    """

    name = "preferred"
    version = 2
    source = Material
    facets = ("record", "links")
    later = ("links",)
    fields = (*VALUE_FIELDS, "methods", "source", "same_as")
    writes: ClassVar = {Material: "preferred"}

    def items_of(self, query: Doc) -> list[Item]:
        """Materials, each with those that are the same; these are due with it, for what is preferred is theirs too."""
        items = {item.key: item for item in super().items_of(query)}
        linked = {key for item in items.values() for key in item.content.get("same_as", ())} - items.keys()
        for item in super().items_of({Material.KEY: {"$in": sorted(linked)}}) if linked else ():
            items[item.key] = item
        contents = {key: dict(item.content) for key, item in items.items()}
        for item in items.values():
            same = item.content.pop("same_as", ())
            item.content["same"] = [contents[key] for key in same if key in contents]
        return sorted(items.values(), key=lambda item: item.key)

    def process(self, items: list[Item]) -> list[Outcome]:
        """Sort the values of each material and of those that are the same."""
        return [{"materials": [self._preferred(item.content)]} for item in items]

    def _preferred(self, material: Doc) -> Doc:
        group = [material, *material.get("same", ())]
        preferred: dict[str, Any] = {}
        sources: dict[str, Any] = {}
        others: list[Doc] = []
        for name in VALUE_FIELDS:
            stated = [_value(member, name) for member in group if member.get(name) is not None]
            known = sorted(stated, key=self._key) if len(stated) > 1 else stated
            if not known:
                continue
            first, *rest = known
            preferred[name] = first["value"]
            sources[name] = {key: first[key] for key in ("source", "method", "material_id")}
            others += rest
        said = {"preferred": preferred or None, "preferred_from": sources or None, "other_values": others or None}
        return {"material_id": material["material_id"], **said}

    def _key(self, value: Doc) -> tuple[int, int, str, str]:
        return rank(value["property"], value["method"]), *self.place(value["source"]), value["material_id"]


def _value(material: Doc, name: str) -> Doc:
    return {
        "property": name,
        "value": material[name],
        "source": material["source"],
        "method": material.get("methods", {}).get(name, "not stated"),
        "material_id": material["material_id"],
    }
