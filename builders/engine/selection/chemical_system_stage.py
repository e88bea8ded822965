"""Stages whose groups are chemical systems, each with the phases of all its parts: hulls and what rests on them.

A change of a phase makes due its own system and every one that contains it, among those that anybody asks about.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Collection, Iterable
from typing import Any, ClassVar

from ....models.composition.formula.chemical_systems import sub_systems
from ....stores.documents import ReferenceEntry
from ..batches import Batch, Doc, Item
from .group_members import Members
from .group_stage import GroupStage


def first_principles_entries(*more: str) -> Members:
    """Reference entries that compete by first principles; those of a potential have a hull of their own."""
    fields = (
        *("composition", "formula_reduced", "energy", "energy_per_atom", "scheme", "functional", "hubbards"),
        *("potcar_symbols", "oxide_type", "source", "source_version", *more),
    )
    return Members(ReferenceEntry, "chemsys", ("record",), fields, {"scheme": {"$nin": list(ReferenceEntry.AS_TAKEN)}})


class ChemicalSystemStage(GroupStage):
    """Takes each chemical system that has targets, with what competes in it and in all its parts.

    A subclass says `competing` and `target_systems`, and may override `parts_of` and `add_targets`.
    """

    competing: ClassVar[tuple[Members, ...]]
    """Collections whose documents compete, grouped by their chemical system."""
    groups_per_batch = 50

    def sources_of_members(self) -> tuple[Members, ...]:
        """What competes; a stage whose targets lie elsewhere adds them."""
        return self.competing

    @abstractmethod
    def target_systems(self) -> set[str]:
        """Chemical systems somebody asks about."""

    def parts_of(self, system: str, known: Collection[str]) -> list[str]:
        """Those of the known systems whose phases compete in a system; more than its parts in water."""
        return parts(system.split("-"), known)

    def add_targets(self, contents: dict[str, Doc]) -> dict[str, list[Doc]]:  # noqa: ARG002
        """Add to the contents of groups what is asked about; returns the documents each group is made from."""
        return {}

    # The way of selecting

    def groups_of(self, changed: set[str]) -> list[str]:
        """Systems asked about that hold a changed one, and those that were asked about once."""
        if not changed:
            return []
        earlier = self._earlier_groups() & changed
        targets = self.target_systems()
        around = (system for system in targets if system in changed or self.parts_of(system, changed))
        return sorted({*earlier, *around})

    def _earlier_groups(self) -> set[str]:
        groups: set[str] = set()
        for document, facet in self.writes.items():
            criteria = {f"facets.{facet}.stage": self.name, "deprecated": False}
            collection = self.db.database[document.collection_name()]
            groups |= {str(name) for name in collection.distinct(f"facets.{facet}.group", criteria) if name}
        return groups

    def batch_of(self, names: list[str]) -> Batch:
        """Make a batch of systems, each with what competes in it and what is asked about."""
        targets = self.target_systems()
        asked = [name for name in names if name in targets]
        contents: dict[str, Doc] = {name: {"group": name} for name in asked}
        for source in self.competing:
            present = set(source.at_one_moment(self.db.database).distinct("chemsys", source.query()))
            parts_of = {name: self.parts_of(name, present) for name in asked}
            phases = self._by_system(source, {part for systems in parts_of.values() for part in systems})
            for name in asked:
                docs = [doc for part in parts_of[name] for doc in phases.get(part, ())]
                contents[name][source.collection] = sorted(docs, key=lambda doc: str(doc[source.document.KEY]))
        made_from = self.add_targets(contents)
        items = [
            Item(name, contents[name], [{"collection": "group", "id": name}, *made_from.get(name, [])])
            for name in asked
        ]
        gone = {name: f"nobody asks about {name} any more" for name in names if name not in targets}
        return Batch(0, items, withdrawn=gone)

    def _by_system(self, source: Members, systems: set[str]) -> dict[str, list[Doc]]:
        query = {**source.query(), "chemsys": {"$in": sorted(systems)}}
        projection = dict.fromkeys((source.document.KEY, "chemsys", "content_hash", *source.fields), 1)
        phases: dict[str, list[Doc]] = {}
        for doc in source.at_one_moment(self.db.database).find(query, {"_id": 0, **projection}):
            phases.setdefault(doc["chemsys"], []).append(doc)
        return phases


def parts(elements: Iterable[str], known: Collection[str]) -> list[str]:
    """Those of the known chemical systems that are made of these elements only, sorted.

    Examples
    --------
    >>> parts(["Mg", "O"], {"O", "Mg-O", "Mg-Mn-O", "Mn"})
    ['Mg-O', 'O']
    """
    own = sorted(set(elements))
    if len(own) < 30 and 1 << len(own) <= len(known):
        return sorted(name for name in sub_systems("-".join(own)) if name in known)
    return sorted(name for name in known if set(name.split("-")) <= set(own))


def origin(collection: str, identity: str, doc: Doc) -> Doc:
    """The origin that a document is."""
    result: dict[str, Any] = {"collection": collection, "id": identity, "hash": doc["content_hash"]}
    return result
