"""A question to one collection: which documents, which of their fields, in which order.

Documents come one by one from the server, so a question with a million answers needs the memory of a few.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from pymongo.collection import Collection
from pymongo.errors import OperationFailure

from ..connection import Connection
from ..schema import is_initialised
from .fields import Field, Fields, fields_of, has_deprecation
from .intervals import end_of
from .query_errors import NotInitialised, QueryError

Doc = dict[str, Any]

INTERNAL: Final = ("_id", "facets")
"""Left out of whole documents: they are for the stages."""
BATCH: Final = 500
"""Documents in memory at once; left to itself, the driver takes 16 MB of them, which unpack to ten times that."""
_MISSING: Final = "_missing_"
_END: Final = "_end_"


@dataclass(frozen=True, slots=True)
class Search:
    """A question to one collection.

    Parameters
    ----------
    collection
        Name of the collection.
    filter
        In OPTIMADE's language; see `compile_filter`.
    conditions
        Further conditions as MongoDB queries; made by the program (`conditions`), never from a text.
    fields
        Names of the fields wanted; whole documents without.
    sort
        Names of fields, each with ``-`` in front for descending; documents without a value come last. An interval has
        its place by the end that is the worse in that order, so that a bound stands behind all that is certain. The key
        decides where these are equal, and alone without any.
    limit, offset
        How many documents at most, and how many to leave out before.
    deprecated
        Give deprecated documents too.
    possible
        Match what may meet the filter, where a value is an interval; else what certainly does.

    Raises
    ------
    QueryError
        A name or the filter is wrong.
    """

    collection: str
    filter: str = ""
    conditions: Sequence[Doc] = ()
    fields: Sequence[str] = ()
    sort: Sequence[str] = ()
    limit: int | None = None
    offset: int = 0
    deprecated: bool = False
    possible: bool = False
    known: Fields = field(init=False)
    columns: tuple[Field, ...] = field(init=False)
    order: tuple[tuple[Field, int], ...] = field(init=False)
    query: Doc = field(init=False)

    def __post_init__(self) -> None:
        known = fields_of(self.collection)
        if self.offset < 0 or (self.limit is not None and self.limit < 0):
            raise QueryError(f"limit and offset are at least 0, not {self.limit} and {self.offset}")
        parts = [_compiled(self.filter, known, possible=self.possible), *self.conditions]
        if has_deprecation(self.collection) and not self.deprecated:
            parts.append({"deprecated": False})
        parts = [part for part in parts if part]
        object.__setattr__(self, "known", known)
        object.__setattr__(self, "columns", tuple(dict.fromkeys(known.get(name) for name in self.fields)))
        object.__setattr__(self, "order", _order(self.sort, known))
        object.__setattr__(self, "query", {"$and": parts} if len(parts) > 1 else (parts[0] if parts else {}))

    def count(self, connection: Connection) -> int:
        """Count the documents that match, whatever limit and offset."""
        collection = connection.database[self.collection]
        return int(collection.count_documents(self.query) if self.query else collection.estimated_document_count())

    def documents(self, connection: Connection) -> Iterator[Doc]:
        """Documents one by one, as stored.

        Raises
        ------
        NotInitialised
            The database has no collections yet.
        """
        require_initialised(connection)
        if self.limit == 0:
            return
        collection = connection.database[self.collection]
        (first, _), *others = self.order
        try:
            if any(by.low for by, _ in self.order) or any(map(self._lacks_last, others)):
                yield from collection.aggregate(self._pipeline(), allowDiskUse=True, batchSize=BATCH)
            elif self._lacks_last(self.order[0]):
                yield from self._with_and_without(collection, first.path)
            else:
                yield from self._found(collection, self.query, self.offset, self.limit)
        except OperationFailure as error:
            raise QueryError(f"the database can't answer this: {error.details or error}") from error

    def _lacks_last(self, by: tuple[Field, int]) -> bool:
        """Whether documents may be without a value, which MongoDB's order would put first."""
        return by[1] > 0 and not by[0].required and by[0].path != self.known.key

    def _with_and_without(self, collection: Collection[Doc], path: str) -> Iterator[Doc]:
        """First the documents that have a value, then those that have none: both as an index has them."""
        having: Doc = {"$and": [self.query, {path: {"$ne": None}}]}
        given = 0
        for doc in self._found(collection, having, self.offset, self.limit):
            given += 1
            yield doc
        if given == self.limit:
            return
        left_out = self.offset - collection.count_documents(having) if self.offset and not given else 0
        left = None if self.limit is None else self.limit - given
        yield from self._found(collection, {"$and": [self.query, {path: None}]}, max(left_out, 0), left)

    def _found(self, collection: Collection[Doc], query: Doc, offset: int, limit: int | None) -> Iterator[Doc]:
        cursor = collection.find(query, self._projection(), skip=offset, limit=limit or 0)
        order = [(by.path, direction) for by, direction in self.order]
        return cursor.sort(order).allow_disk_use(allow_disk_use=True).batch_size(BATCH)

    def _projection(self) -> Doc:
        if self.columns:
            paths = (path for column in self.columns for path in (column.path, column.low, column.high) if path)
            return {"_id": 0, **dict.fromkeys(_without_parts(paths), 1)}
        return dict.fromkeys(INTERNAL, 0)

    def _pipeline(self) -> list[Doc]:
        # In MongoDB's order a missing value is the least; only a field that says so can bring it to the end.
        marks: Doc = {}
        order: dict[str, int] = {}
        for i, (by, direction) in enumerate(self.order):
            if direction > 0 and not by.required:
                marks[f"{_MISSING}{i}"] = {"$lte": [f"${by.path}", None]}
                order[f"{_MISSING}{i}"] = 1
            if by.low:
                marks[f"{_END}{i}"] = end_of(by, "high" if direction > 0 else "low")
                order[f"{_END}{i}"] = direction
            order[by.path] = direction
        stages: list[Doc] = [{"$match": self.query}, {"$addFields": marks}, {"$sort": order}]
        if self.offset:
            stages.append({"$skip": self.offset})
        if self.limit is not None:
            stages.append({"$limit": self.limit})
        if self.columns:
            return [*stages, {"$project": self._projection()}]
        return [*stages, {"$project": dict.fromkeys([*INTERNAL, *marks], 0)}]


def require_initialised(connection: Connection) -> None:
    """Raise `NotInitialised` where the database has no collections yet."""
    if not is_initialised(connection):
        raise NotInitialised(
            f"{connection.describe()} holds no registry yet",
            "Prepare it with: exfolio db init; bring in materials with: exfolio ingest (see its --help).",
        )


def _compiled(text: str, known: Fields, *, possible: bool) -> Doc:
    if not text.strip():
        return {}
    from .filter import compile_filter  # the parser's imports, for those who write a filter

    return compile_filter(text, known, possible=possible)


def _order(names: Sequence[str], known: Fields) -> tuple[tuple[Field, int], ...]:
    order: dict[str, tuple[Field, int]] = {}
    for name in names:
        by = known.get(name.removeprefix("-").removeprefix("+"))
        if not by.sortable:
            raise QueryError(f"documents can't be put in order by {by.path}, which is a {by.kind}")
        order.setdefault(by.path, (by, -1 if name.startswith("-") else 1))
    order.setdefault(known.key, (known.by_path[known.key], 1))
    return tuple(order.values())


def _without_parts(paths: Iterable[str]) -> list[str]:
    """Leave out paths inside others: the server refuses to be asked for both."""
    asked = set(paths)
    return sorted(path for path in asked if not any(path.startswith(f"{other}.") for other in asked - {path}))
