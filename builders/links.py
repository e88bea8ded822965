"""Stage `links`: finds the same structure in several sources, and links the documents without merging them."""

from __future__ import annotations

from typing import ClassVar

from ..models.structure.matching import Representatives
from ..models.structure.plain import BadStructure, from_plain
from ..stores.documents import Material
from .by_formula import KNOWN_STRUCTURES
from .group_stage import GroupStage
from .work import Doc, Item, Outcome


class LinkStage(GroupStage):
    """Fills `same_as` of materials by StructureMatcher inside groups of one reduced formula."""

    name = "links"
    version = 1
    members = (KNOWN_STRUCTURES,)
    writes: ClassVar = {Material: "links"}

    def process(self, items: list[Item]) -> list[Outcome]:
        """Group the structures of each formula."""
        return [{"materials": _links(item.content["materials"])} for item in items]


def _links(materials: list[Doc]) -> list[Doc]:
    if len(materials) == 1:
        return [{"material_id": materials[0]["material_id"], "same_as": []}]
    representatives = Representatives()
    groups: dict[int, list[str]] = {}
    for material in materials:
        try:
            structure = from_plain(material["structure"])
        except BadStructure:  # stage `layers` has put it into quarantine
            continue
        groups.setdefault(representatives.add(structure)[0], []).append(material["material_id"])
    return [
        {"material_id": one, "same_as": [other for other in ids if other != one]}
        for ids in groups.values()
        for one in ids
    ]
