"""Stage `links`: finds the same structure in several sources, and links the documents without merging them."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from ...models.structure.comparison.incremental_matching import Link, link
from ...models.structure.serialization import Arrays, BadStructure, arrays_of
from ...stores.documents import Material
from ..engine.batches import Doc, Item, Outcome
from ..engine.selection.group_stage import GroupStage
from .formula_groups import KNOWN_STRUCTURES


class LinkStage(GroupStage):
    """Fills `same_as` of materials by StructureMatcher inside groups of one reduced formula.

    Beside it, what was compared is remembered, so that a new member of a large group is compared with the distinct
    structures in it alone.
    """

    name = "links"
    version = 2
    members = (
        replace(
            KNOWN_STRUCTURES,
            fields=("structure", "disordered", "same_as", "link"),
            criteria={"$or": [KNOWN_STRUCTURES.criteria, {"same_as": {"$exists": True}}]},
        ),
    )
    writes: ClassVar = {Material: "links"}

    def process(self, items: list[Item]) -> list[Outcome]:
        """Group the structures of each formula."""
        return [{"materials": _links(item.content["materials"])} for item in items]


def _links(members: list[Doc]) -> list[Doc]:
    materials = [doc for doc in members if "structure" in doc and not doc.get("disordered")]
    alone = [{"material_id": doc["material_id"], "same_as": []} for doc in materials]
    docs = alone if len(materials) < 2 else _compared(materials)
    said = {doc["material_id"] for doc in docs}
    # Of one whose structure was taken back, or is damaged now, nothing is said any more.
    taken_back = (doc["material_id"] for doc in members if "same_as" in doc and doc["material_id"] not in said)
    return [*docs, *({"material_id": key} for key in taken_back)]


def _compared(materials: list[Doc]) -> list[Doc]:
    structures: dict[str, Arrays] = {}
    for material in materials:
        try:
            structures[material["material_id"]] = arrays_of(material["structure"])
        except BadStructure:  # stage `layers` has put it into quarantine
            continue
    earlier = {doc["material_id"]: Link(**doc["link"]) for doc in materials if "link" in doc}
    links = link(structures, earlier)
    kinds: dict[str, list[str]] = {}
    for name, own_link in links.items():
        kinds.setdefault(own_link.representative, []).append(name)
    return [
        {
            "material_id": name,
            "same_as": [other for other in kinds[own_link.representative] if other != name],
            "link": {"representative": own_link.representative, "fingerprint": own_link.fingerprint},
        }
        for name, own_link in links.items()
    ]
