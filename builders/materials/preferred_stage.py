"""Stage `preferred`: says for every material which of the values that its sources give for it is preferred.

Materials that stage `links` found to be the same are one here. All values are kept, each with source and method.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from ...stores.documents import Material
from ..engine.batches import Doc, Item, Outcome
from ..engine.selection.group_members import Members
from ..engine.selection.group_stage import GroupStage
from .method_ranking import rank

VALUE_FIELDS = ("formation_energy", "exfoliation_energy", "energy_above_hull", "decomposition_energy", "band_gap")
"""Fields of materials that hold values of properties."""


class PreferredStage(GroupStage):
    """Fills `preferred`, `preferred_from` and `other_values` of materials, alike for all that are linked.

    A better method goes before a better source (`method_order`), a source before one that stands after it in the
    order; sources not in the order come last, by name, and of one source the first by id.

    Parameters
    ----------
    order
        Names of sources; the setting `source_order` when None.
    """

    name = "preferred"
    version = 1
    members = (
        Members(
            Material,
            "formula_reduced",
            ("record", "links"),
            (*VALUE_FIELDS, "methods", "source", "link"),
        ),
    )
    writes: ClassVar = {Material: "preferred"}

    def __init__(self, order: Sequence[str] | None = None, share: Doc | None = None) -> None:
        self.order = None if order is None else tuple(order)
        super().__init__(share=share)

    def arguments(self) -> Doc:
        """Order of the sources."""
        return {"order": None if self.order is None else list(self.order)}

    def before_run(self) -> None:
        """Take the order from the settings of the database where none was given."""
        if self.order is None:
            self.order = self.db.settings.source_order

    def process(self, items: list[Item]) -> list[Outcome]:
        """Sort the values of each formula's materials."""
        return [{"materials": _preferred(item.content["materials"], self.order or ())} for item in items]


def _preferred(materials: list[Doc], order: Sequence[str]) -> list[Doc]:
    groups: dict[str, list[Doc]] = {}
    for material in materials:
        key = material["material_id"]
        groups.setdefault(material.get("link", {}).get("representative", key), []).append(material)
    docs: list[Doc] = []
    for group in groups.values():
        values = _values(group, order)
        docs += [{"material_id": material["material_id"], **values} for material in group]
    return docs


def _values(group: list[Doc], order: Sequence[str]) -> Doc:
    preferred: dict[str, Any] = {}
    sources: dict[str, Any] = {}
    others: list[Doc] = []
    for name in VALUE_FIELDS:
        stated = [_value(material, name) for material in group if material.get(name) is not None]
        known = sorted(stated, key=lambda value: _key(value, order))
        if not known:
            continue
        first, *rest = known
        preferred[name] = first["value"]
        sources[name] = {key: first[key] for key in ("source", "method", "material_id")}
        others += rest
    return {"preferred": preferred or None, "preferred_from": sources or None, "other_values": others or None}


def _value(material: Doc, name: str) -> Doc:
    return {
        "property": name,
        "value": material[name],
        "source": material["source"],
        "method": material.get("methods", {}).get(name, "not stated"),
        "material_id": material["material_id"],
    }


def _key(value: Doc, order: Sequence[str]) -> tuple[int, int, str, str]:
    source = value["source"]
    place = order.index(source) if source in order else len(order)
    return rank(value["property"], value["method"]), place, source, value["material_id"]
