"""Where the members of groups come from, and which groups changed members belong to, or have left."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from pymongo.database import Database
from pymongo.read_concern import ReadConcern

from ....stores.documents import RegistryDocument
from ....stores.documents.base import LEFT
from ..batches import Doc
from ..channels import Channel
from . import labels


@dataclass(frozen=True)
class Members:
    """A collection that gives members to groups.

    Parameters
    ----------
    document
        The collection.
    group_field
        Field that holds the name of the group: one of the document's `GROUP_FIELDS`, or its key.
    facets
        Facets whose change makes the group due: that of the group field among them, or such as follow it; none for
        members that are only looked at.
    fields
        Fields `process` needs.
    criteria
        Which documents are members, beside being current.
    fixed
        The same by fields that never change, such as `kind`: what does not meet them never was a member.
    """

    document: type[RegistryDocument]
    group_field: str
    facets: tuple[str, ...]
    fields: tuple[str, ...]
    criteria: Doc = field(default_factory=dict)
    fixed: Doc = field(default_factory=dict)

    @property
    def collection(self) -> str:
        """Name of the collection."""
        return self.document.collection_name()

    def channels(self) -> tuple[Channel, ...]:
        """Channels whose changes make groups due."""
        kind = self.fixed.get("kind")
        kinds = None if kind is None else frozenset([kind] if isinstance(kind, str) else kind["$in"])
        return tuple(Channel(self.collection, facet, kinds) for facet in self.facets)

    def query(self) -> Doc:
        """Query for current members."""
        return {"deprecated": False, **labels.translated(self.criteria, self.paths), **self.fixed}

    @property
    def paths(self) -> dict[str, str]:
        """Where fields of labelled facets are kept."""
        return self.document.paths_of(self.facets)

    def at_one_moment(self, database: Database[Doc]) -> Any:
        """The collection as it is at one moment: a member that is rewritten meanwhile is met once."""
        return database.get_collection(self.collection, read_concern=ReadConcern("snapshot"))

    def changed_groups(
        self, database: Database[Doc], facet: str, low: int, high: int, *, besides: Doc | None
    ) -> set[str]:
        """Names of the groups of documents that changed, whether or not they are members now.

        Parameters
        ----------
        facet, low, high
            Which change: of the facet, in revisions ``(low, high]``.
        besides
            Query for those that are no members and may still matter, where only members do otherwise; None: all do,
            empty: none.
        """
        query = self._changed(facet, {"$gt": low, "$lte": high}, besides)
        groups = self.at_one_moment(database).aggregate(
            [{"$match": query}, {"$group": {"_id": f"${self.group_field}"}}], allowDiskUse=True
        )
        return {str(doc["_id"]) for doc in groups if doc["_id"] is not None}

    def left_groups(self, database: Database[Doc], facet: str, low: int, *, besides: Doc | None) -> set[str]:
        """Names of the groups that documents which changed have left.

        Up to now, not up to some revision: a document that has left one group and changes once more while a pass is
        under way is in no later window for the sake of that group.

        Parameters
        ----------
        facet, low, besides
            As for `changed_groups`.
        """
        owner = self.document.owner_of(self.group_field)
        if owner is None:
            return set()
        left = f"facets.{owner}.{LEFT}.{self.group_field}"
        query = {**self._changed(facet, {"$gt": low}, besides), left: {"$exists": True}}
        names: set[str] = set()
        late = facet != owner and facet not in self.document.PARTS
        for doc in self.at_one_moment(database).find(query, {"_id": 0, left: 1}):
            pairs = doc["facets"][owner][LEFT][self.group_field]
            # A facet that follows the one the field is in may do so late: then any group may still be to be told.
            names |= {str(group) for group, rev in pairs if rev > low or late}
        return names

    def _changed(self, facet: str, revisions: Doc, besides: Doc | None) -> Doc:
        query: Doc = {"$and": [{f"facets.{facet}.rev": revisions}, self.fixed]}
        if besides is not None:
            members = labels.translated(self.criteria, self.paths)
            query["$and"].append({"$or": [members, besides]} if besides else members)
        return query
