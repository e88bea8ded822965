"""Stage `preferred`: says for every material which of the values that its sources give for it is preferred.

Materials that stage `links` found to be the same are one here, those that are alike only are not. All values are kept,
each with source and method.
"""

from __future__ import annotations

from typing import Any, ClassVar

from ...stores.documents import Material
from ..engine.batches import Doc, Item, Outcome
from ..engine.selection.group_members import Members
from .method_ranking import rank
from .source_order import SourceOrderedStage

VALUE_FIELDS = ("formation_energy", "exfoliation_energy", "energy_above_hull", "decomposition_energy", "band_gap")
"""Fields of materials that hold values of properties."""


class PreferredStage(SourceOrderedStage):
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
    members = (
        Members(
            Material,
            "formula_reduced",
            ("record", "links"),
            (*VALUE_FIELDS, "methods", "source", "same_as"),
        ),
    )
    writes: ClassVar = {Material: "preferred"}

    def process(self, items: list[Item]) -> list[Outcome]:
        """Sort the values of each formula's materials."""
        return [{"materials": self._preferred(item.content["materials"])} for item in items]

    def _preferred(self, materials: list[Doc]) -> list[Doc]:
        groups: dict[str, list[Doc]] = {}
        for material in materials:
            key = material["material_id"]
            groups.setdefault(min((key, *material.get("same_as", ()))), []).append(material)
        docs: list[Doc] = []
        for group in groups.values():
            values = self._values(group)
            docs += [{"material_id": material["material_id"], **values} for material in group]
        return docs

    def _values(self, group: list[Doc]) -> Doc:
        preferred: dict[str, Any] = {}
        sources: dict[str, Any] = {}
        others: list[Doc] = []
        for name in VALUE_FIELDS:
            stated = [_value(material, name) for material in group if material.get(name) is not None]
            known = sorted(stated, key=self._key)
            if not known:
                continue
            first, *rest = known
            preferred[name] = first["value"]
            sources[name] = {key: first[key] for key in ("source", "method", "material_id")}
            others += rest
        return {"preferred": preferred or None, "preferred_from": sources or None, "other_values": others or None}

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
