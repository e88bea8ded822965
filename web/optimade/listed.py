"""Entries that no collection holds, as links and references: few, filtered by the database like all others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from optimade.filtertransformers.mongo import MongoTransformer
from optimade.models import EntryResource
from optimade.server.config import ServerConfig
from optimade.server.entry_collections import EntryCollection
from optimade.server.mappers.entries import BaseResourceMapper

from ...stores.connection import Connection

Doc = dict[str, Any]


class ListedEntries(EntryCollection):
    """Entries made by the program.

    Parameters
    ----------
    connection
        The database, which filters and orders them.
    resource, mapper
        What they are.
    entries
        Makes them: dicts of all their properties at top level.
    config
        Of the OPTIMADE server.
    """

    def __init__(
        self,
        connection: Connection,
        resource: type[EntryResource],
        mapper: BaseResourceMapper,
        entries: Callable[[], Sequence[Doc]],
        config: ServerConfig,
    ) -> None:
        super().__init__(resource, mapper, MongoTransformer(mapper=mapper), config)
        self.connection = connection
        self.entries = entries

    def __len__(self) -> int:
        return len(self.entries())

    def insert(self, data: Sequence[Any]) -> NoReturn:
        """Refuse: they are made by the program."""
        raise NotImplementedError("this server only reads")

    def count(self, **_: Any) -> int | None:
        """How many there are."""
        return len(self)

    def _run_db_query(  # the library calls it so
        self,
        criteria: Doc,
        single_entry: bool = False,  # noqa: FBT001, FBT002
    ) -> tuple[list[Doc], int | None, bool]:
        stages: list[Doc] = [{"$documents": list(self.entries())}, {"$match": criteria["filter"]}]
        if criteria.get("sort"):
            stages.append({"$sort": dict(criteria["sort"])})
        matching = list(self.connection.database.aggregate(stages)) if self.entries() else []
        skipped = criteria.get("skip", 0)
        page = matching[skipped : skipped + criteria["limit"]]
        return page, len(matching), not single_entry and skipped + len(page) < len(matching)
