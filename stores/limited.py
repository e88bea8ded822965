"""The driver's database and collections, of which no question goes on for ever: what has no time of its own has one here.

The server itself gives up what takes longer (``maxTimeMS``), also where whoever asked is gone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

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
    def find(self, *given: Any, **named: Any) -> Cursor[Any]:
        named.setdefault("max_time_ms", self._longest)
        return super().find(*given, **named)

    def aggregate(
        self, pipeline: Sequence[Mapping[str, Any]], session: Any = None, **named: Any
    ) -> CommandCursor[Any]:
        named.setdefault("maxTimeMS", self._longest)
        return super().aggregate(pipeline, session, **named)

    def count_documents(self, filter: Mapping[str, Any], session: Any = None, **named: Any) -> int:  # noqa: A002
        named.setdefault("maxTimeMS", self._longest)
        return super().count_documents(filter, session, **named)

    def distinct(
        self, key: str, filter: Mapping[str, Any] | None = None, session: Any = None, **named: Any  # noqa: A002
    ) -> list[Any]:
        named.setdefault("maxTimeMS", self._longest)
        return super().distinct(key, filter, session, **named)

    def with_options(self, *options: Any, **named: Any) -> Collection[Any]:
        return _limited(super().with_options(*options, **named), self.database)

    @property
    def _longest(self) -> int:
        return self.database.milliseconds  # type: ignore[attr-defined, no-any-return]


def _limited(collection: Collection[Any], database: Database[Doc]) -> Collection[Any]:
    return _LimitedCollection(
        database,
        collection.name,
        codec_options=collection.codec_options,
        read_preference=collection.read_preference,
        write_concern=collection.write_concern,
        read_concern=collection.read_concern,
    )
