"""The driver's database and collections, but that no question goes on for ever: what has no time limit gets one here.

The server itself gives up what takes longer (``maxTimeMS``), also where whoever asked is gone.
"""

from __future__ import annotations

from typing import Any, cast

from pymongo.collection import Collection
from pymongo.command_cursor import CommandCursor
from pymongo.cursor import Cursor
from pymongo.database import Database

Doc = dict[str, Any]


class LimitedDatabase(Database[Doc]):
    """A database.

    Parameters
    ----------
    client
        The client.
    name
        Its name.
    seconds
        For which the server works on any one question.
    """

    def __init__(self, client: Any, name: str, seconds: float) -> None:
        super().__init__(client, name)
        self.milliseconds = int(seconds * 1000)

    def __getitem__(self, name: str) -> Collection[Doc]:
        return _limited(super().__getitem__(name), self)

    def get_collection(self, name: str, *options: Any, **named: Any) -> Collection[Doc]:
        """A collection with options of its own."""
        return _limited(super().get_collection(name, *options, **named), self)


class _LimitedCollection(Collection[Any]):
    @property
    def database(self) -> LimitedDatabase:
        return cast("LimitedDatabase", super().database)

    def find(self, *given: Any, **named: Any) -> Cursor[Any]:
        return super().find(*given, **{"max_time_ms": self.database.milliseconds, **named})

    def aggregate(self, *given: Any, **named: Any) -> CommandCursor[Any]:
        return super().aggregate(*given, **self._limit(named))

    def count_documents(self, *given: Any, **named: Any) -> int:
        return super().count_documents(*given, **self._limit(named))

    def distinct(self, *given: Any, **named: Any) -> list[Any]:
        return super().distinct(*given, **self._limit(named))

    def with_options(self, *options: Any, **named: Any) -> Collection[Any]:
        return _limited(super().with_options(*options, **named), self.database)

    def _limit(self, named: Doc) -> Doc:
        return {"maxTimeMS": self.database.milliseconds, **named}


def _limited(collection: Collection[Any], database: LimitedDatabase) -> Collection[Any]:
    return _LimitedCollection(
        database,
        collection.name,
        codec_options=collection.codec_options,
        read_preference=collection.read_preference,
        write_concern=collection.write_concern,
        read_concern=collection.read_concern,
    )
