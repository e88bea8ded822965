"""Stage `relaxed-novelty`: which known material, or which lower proposal, a structure turned out to be when relaxed."""

from __future__ import annotations

from typing import Any, ClassVar

from ...models.structure.comparison.matching import Representatives
from ...models.structure.serialization import from_plain
from ...stores.documents import Property, ProposedStructure
from ...stores.documents.base import labelled
from ..engine.batches import Doc, Item, Outcome
from ..engine.selection.group_members import Members
from ..engine.selection.group_stage import GroupStage
from ..materials.formula_groups import KNOWN_STRUCTURES, formulas_in
from ..materials.known_structures import KnownStructures
from ..properties.potential import known_potentials
from ..properties.potential.potential_stage import KIND, by_name, method_name


class RelaxedNoveltyStage(GroupStage):
    """Compares relaxed structures with known materials and with each other, formula by formula, lowest first.

    Stage `novelty` says the same of structures as they were proposed; many become alike only when they are relaxed.

    Parameters
    ----------
    potential
        Name of the potential that relaxed them; what two make of a structure is kept side by side.
    label
        Of the settings by which it relaxed them, where others are wanted too; likewise.
    """

    version = 2
    writes: ClassVar = {ProposedStructure: "relaxed"}

    def __init__(self, *, potential: str = known_potentials.DEFAULT, label: str = "", share: Doc | None = None) -> None:
        self.potential = known_potentials.potential(potential)
        self.label = label
        kept_under = relaxed_label(potential, label)
        self.name = labelled("relaxed-novelty", kept_under)
        self.writes = {ProposedStructure: labelled("relaxed", kept_under)}  # type: ignore[misc]  # by label
        novel = ProposedStructure.paths_of(self.writes.values()).get("relaxed_novel", "relaxed_novel")
        self._compared: Doc = {novel: {"$exists": True}}
        self._relaxed: Doc = {"kind": KIND, "method": method_name(self.potential, relax=True, label=label)}
        self.members = (  # type: ignore[misc]  # by potential
            Members(
                Property,
                "formula_reduced",
                ("value",),
                ("structure_id", "value", "details.structure"),
                {"details.structure": {"$exists": True}},
                fixed=self._relaxed,
            ),
            KNOWN_STRUCTURES,
            Members(ProposedStructure, "formula_reduced", ("proposal",), (novel,), self._compared),
        )
        super().__init__(share=share)

    def arguments(self) -> Doc:
        """Which potential, by which settings."""
        return {**by_name(self.potential), **({"label": self.label} if self.label else {})}

    def groups_of(self, changed: set[str]) -> list[str]:
        """Leave out formulas of which nothing was relaxed, nor compared once."""
        relaxed = formulas_in(self.db, Property, changed, self._relaxed)
        return sorted({*relaxed, *formulas_in(self.db, ProposedStructure, changed, self._compared)})

    def process(self, items: list[Item]) -> list[Outcome]:
        """Compare the structures of each formula."""
        return [{"structures": _compared(item.content)} for item in items]


def relaxed_label(potential: str, settings: str = "") -> str:
    """Label under which structures carry what was said of them as a potential relaxed them by settings of a label.

    Examples
    --------
    >>> relaxed_label("emt"), relaxed_label("chgnet", "a1b2c3"), relaxed_label("chgnet")
    ('emt', 'chgnet+a1b2c3', '')
    """
    return f"{potential}+{settings}" if settings else known_potentials.label(potential)


def _compared(group: Doc) -> list[Doc]:
    known = KnownStructures(group["materials"])
    # What was compared once and has no relaxed structure any more loses what was said of it.
    docs: dict[str, Doc] = {doc["structure_id"]: {"structure_id": doc["structure_id"]} for doc in group["structures"]}
    seen = Representatives()
    first: list[str] = []
    for energy in sorted(group["properties"], key=lambda one: (one["value"], one["structure_id"])):
        structure = from_plain(energy["details"]["structure"])
        matches = known.matches(structure)
        number, new = seen.add(structure)
        if new:
            first.append(energy["structure_id"])
        doc: dict[str, Any] = {
            "structure_id": energy["structure_id"],
            "relaxed_novel": not matches,
            "relaxed_known_as": [match["material_id"] for match in matches],
            "relaxed_known_match": matches,
            "relaxed_duplicate_of": None if new else first[number],
        }
        docs[energy["structure_id"]] = doc
    return list(docs.values())
