"""Stage `novelty`: compares proposed structures with known materials, and with each other."""

from __future__ import annotations

from typing import ClassVar

from ...models.structure.comparison.matching import Representatives
from ...models.structure.serialization import from_plain
from ...stores.documents import Material, ProposedStructure
from ..engine.batches import Doc, Item, Outcome
from ..engine.selection.group_members import Members
from ..engine.selection.group_stage import GroupStage
from ..materials.formula_groups import formulas_in
from ..materials.known_structures import KnownStructures
from .novelty_class import novelty_class

_ROUTE_ORDER = ("top-down", "template", "crystal-gan", "bottom-up", "distorted")
"""Of structures that are the same the first is the one that stays. Routes of other packages come after these."""


class NoveltyStage(GroupStage):
    """Says of every proposed structure which known materials it is, how new it is, and which earlier one it repeats.

    Works formula by formula: only structures of the same reduced formula can be the same.
    """

    name = "novelty"
    version = 6
    members = (
        Members(
            ProposedStructure,
            "formula_reduced",
            ("proposal",),
            ("structure", "route", "rank", "dimension", "made_by", "parent_id", "substitution"),
        ),
        # Those without a structure, or with a disordered one, tell that the composition is known.
        Members(Material, "formula_reduced", ("record",), ("structure", "disordered", "dimension_claimed", "methods")),
    )
    writes: ClassVar = {ProposedStructure: "novelty"}

    def groups_of(self, changed: set[str]) -> list[str]:
        """Leave out formulas nobody has proposed."""
        return formulas_in(self.db, ProposedStructure, changed)

    def process(self, items: list[Item]) -> list[Outcome]:
        """Compare the structures of each formula."""
        return [{"structures": self._compare(item.content)} for item in items]

    def _compare(self, group: Doc) -> list[Doc]:
        materials = sorted(group["materials"], key=lambda material: str(material["material_id"]))
        known = KnownStructures(doc for doc in materials if "structure" in doc and not doc.get("disordered"))
        proposals = sorted(group["structures"], key=_order)
        seen = Representatives()
        first: dict[int, str] = {}
        makers: dict[int, set[str]] = {}
        kinds: list[int] = []
        docs: list[Doc] = []
        for proposed in proposals:
            structure = from_plain(proposed["structure"])
            matches = known.matches(structure)
            number, is_new = seen.add(structure)
            if is_new:
                first[number] = proposed["structure_id"]
            kinds.append(number)
            makers.setdefault(number, set()).update(proposed.get("made_by") or ())
            docs.append(
                {
                    "structure_id": proposed["structure_id"],
                    "novel": not matches,
                    **novelty_class(proposed, matches, materials),
                    "known_as": [match["material_id"] for match in matches],
                    "known_match": matches,
                    "duplicate_of": None if is_new else first[number],
                }
            )
        for doc, number in zip(docs, kinds, strict=True):
            doc["proposed_by"] = sorted(makers[number])
        return docs


def _order(proposed: Doc) -> tuple[int, str, int, str]:
    route = proposed["route"]
    place = _ROUTE_ORDER.index(route) if route in _ROUTE_ORDER else len(_ROUTE_ORDER)
    return place, route, int(proposed.get("rank") or 0), str(proposed["structure_id"])
