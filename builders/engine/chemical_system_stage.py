"""Stages whose groups are chemical systems, each with the phases of all its parts: hulls and what rests on them.

A change of a phase makes due its own system and every one that contains it, among those that anybody asks about.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Collection, Iterable
from typing import Any, ClassVar

from ...models.composition.formula.chemical_systems import sub_systems
from ...stores.documents import ReferenceEntry
from .batches import Batch, Doc, Item
from .group_stage import GroupStage, Members


def first_principles_entries(*more: str) -> Members:
    """Give the reference entries that compete by first principles; those of a potential have a hull of their own."""
    fields = (
        *("composition", "formula_reduced", "energy", "energy_per_atom", "scheme", "functional", "hubbards"),
        *("potcar_symbols", "oxide_type", "source", "source_version", *more),
    )
    return Members(ReferenceEntry, "chemsys", ("record",), fields, {"source": {"$ne": "chgnet"}})


class SystemStage(GroupStage):
    """Gives each chemical system that has targets, with what competes in it and in all its parts."""

    competing: ClassVar[tuple[Members, ...]]
    """Collections whose documents compete, grouped by their chemical system."""
    groups_per_batch = 50

    def sources_of_members(self) -> tuple[Members, ...]:
        """Give what competes; a stage whose targets lie elsewhere adds them."""
        return self.competing

    @abstractmethod
    def target_systems(self) -> set[str]:
        """Give the chemical systems somebody asks about."""

    def parts_of(self, system: str, known: Collection[str]) -> list[str]:
        """Give those of the known systems whose phases compete in a system; more than its parts in water."""
        return parts(system.split("-"), known)

    def add_targets(self, contents: dict[str, Doc]) -> dict[str, list[Doc]]:  # noqa: ARG002
        """Add to the contents of groups what is asked about; gives the documents each group is made from."""
        return {}

    def groups_of(self, changed: set[str]) -> list[str]:
        """Give the systems asked about that hold a changed one, and those that were asked about once."""
        if not changed:
            return []
        earlier = self._earlier_groups() & changed
        targets = self.target_systems()
        return sorted({*earlier, *(one for one in targets if one in changed or self.parts_of(one, changed))})

    def _earlier_groups(self) -> set[str]:
        groups: set[str] = set()
        for document, facet in self.writes.items():
            criteria = {f"facets.{facet}.stage": self.name, "deprecated": False}
            collection = self.db.database[document.collection_name()]
            groups |= {str(name) for name in collection.distinct(f"facets.{facet}.group", criteria) if name}
        return groups

    def _batch(self, names: list[str], mark: Doc | None) -> Batch:
        asked = self.target_systems()
        wanted = [name for name in names if name in asked]
        contents: dict[str, Doc] = {name: {"group": name} for name in wanted}
        for source in self.competing:
            collection = self.db.database[source.collection]
            present = set(collection.distinct("chemsys", {"deprecated": False, **source.criteria}))
            parts_of = {name: self.parts_of(name, present) for name in wanted}
            found = self._by_system(source, {part for some in parts_of.values() for part in some})
            for name in wanted:
                docs = [doc for part in parts_of[name] for doc in found.get(part, ())]
                contents[name][source.collection] = sorted(docs, key=lambda doc: str(doc[source.document.KEY]))
        made_from = self.add_targets(contents)
        items = []
        for name in wanted:
            origins = [{"collection": "group", "id": name}, *made_from.get(name, [])]
            items.append(Item(name, contents[name], origins))
        gone = {name: f"nobody asks about {name} any more" for name in names if name not in asked}
        return Batch(0, items, mark=mark, withdrawn=gone)

    def _by_system(self, source: Members, systems: set[str]) -> dict[str, list[Doc]]:
        query = {"chemsys": {"$in": sorted(systems)}, "deprecated": False, **source.criteria}
        wanted = (source.document.KEY, "chemsys", "content_hash", *source.fields)
        found: dict[str, list[Doc]] = {}
        for doc in self.db.database[source.collection].find(query, {"_id": 0, **dict.fromkeys(wanted, 1)}):
            found.setdefault(doc["chemsys"], []).append(doc)
        return found


def parts(elements: Iterable[str], known: Collection[str]) -> list[str]:
    """Give those of the known chemical systems that are made of these elements only, sorted.

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
    """Give the origin that a document is."""
    result: dict[str, Any] = {"collection": collection, "id": identity, "hash": doc["content_hash"]}
    return result
