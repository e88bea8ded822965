"""A collection of the registry as a maggma Store, for builders and notebooks that speak maggma.

It finds the database as every other part does; its name never shows a password.
"""

from __future__ import annotations

from typing import Any

from maggma.stores import MongoStore

from .connection import Connection, connect
from .documents import BY_COLLECTION


class RegistryStore(MongoStore):
    """A registry collection that maggma reads; exfolio's stages write by themselves.

    Parameters
    ----------
    collection_name
        Name of the collection, e.g. ``materials``.
    """

    def __init__(self, collection_name: str) -> None:
        super().__init__(database="exfolio", collection_name=collection_name, last_updated_field="updated_at")
        self.key = BY_COLLECTION[collection_name].KEY
        self._connection: Connection | None = None
        # maggma adds a handler to the one logger of the class with every store: thousands in a scheduler's week.
        if len(self.logger.handlers) > 1:
            self.logger.removeHandler(self.logger.handlers[-1])

    @property
    def name(self) -> str:
        """Name for logs."""
        return f"exfolio://{self.collection_name}"

    def connect(self, force_reset: bool = False) -> None:  # noqa: FBT001, FBT002 - maggma's signature
        """Connect as the settings say."""
        if self._coll is None or force_reset:
            self._connection = connect()
            self._coll: Any = self._connection.database[self.collection_name]

    def close(self) -> None:
        """Close the connection of this store."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        self._coll = None

    def as_dict(self) -> dict[str, Any]:
        """Store as plain data; holds no address and no secret."""
        identity = {"@module": type(self).__module__, "@class": type(self).__name__}
        return {**identity, "collection_name": self.collection_name}
