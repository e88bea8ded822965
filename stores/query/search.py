"""A question to one collection: which documents, which of their fields, in which order.

Documents come one by one from the server, so a question with a million answers needs the memory of a few. The next
ones after a document cost what the first ones do, and no question takes longer than the settings allow.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Final
from weakref import WeakKeyDictionary

from pymongo import MongoClient
from pymongo.collection import Collection
from pymongo.errors import ExecutionTimeout, OperationFailure

from ..connection import Connection
from ..schema import is_initialised
from .counting import Count, count_quickly
from .language.fields import Field, Fields, fields_of, has_deprecation, value_at
from .language.implied import implied, known_for_certain
from .language.intervals import end_of
from .language.query_errors import NoSuchDocument, NotInitialised, QueryError
from .paging import PLACE, Scan, has_steps, merged, place_of, steps
from .patience import milliseconds, took_too_long

Doc = dict[str, Any]

_LOG: Final = logging.getLogger(__name__)
INTERNAL: Final = ("_id", "facets")
"""Left out of whole documents: they are for the stages."""
BATCH: Final = 500
"""Documents in memory at once; left to itself, the driver takes 16 MB of them, which unpack to ten times that."""
_MISSING: Final = "_missing_"
_END: Final = "_end_"
_OTHER: Final = "_other_"
_PLACE: Final = "place_"
_registries: WeakKeyDictionary[MongoClient[Doc], set[str]] = WeakKeyDictionary()
"""Databases that a client has found to be registries."""


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
    limit
        How many documents at most; 0 or None for all.
    offset
        How many to leave out before. The server has to go through them: for the next page, ``after`` is the quick way.
    after
        Key of the document behind which to begin, in the same order: the last of the page before.
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
    after: str | None = None
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
        if has_deprecation(self.collection):  # either way, as indexes have it before the key
            parts.append({"deprecated": {"$in": [False, True]} if self.deprecated else False})
        parts = [part for part in parts if part]
        parts += implied(parts, known)
        object.__setattr__(self, "known", known)
        object.__setattr__(self, "columns", tuple(dict.fromkeys(known.get(name) for name in self.fields)))
        object.__setattr__(self, "order", _order(self.sort, known))
        object.__setattr__(self, "query", {"$and": parts} if len(parts) > 1 else (parts[0] if parts else {}))

    def count(self, connection: Connection) -> int:
        """Count the documents that match, whatever limit, offset and after.

        Raises
        ------
        QueryError
            It takes longer than the settings allow.
        """
        with self._patience(connection):
            limit_ms = milliseconds(connection, self.collection, None)
            return int(connection.database[self.collection].count_documents(self.query, maxTimeMS=limit_ms))

    def count_quickly(
        self, connection: Connection, *, patience_ms: int | None = None, sample: Sequence[Any] = ()
    ) -> Count:
        """Count the documents that match, or estimate how many where there are more than 10,000.

        Parameters
        ----------
        patience_ms
            Time after which it is estimated as well, ms; none where the number is waited for.
        sample
            Keys of documents drawn a moment ago, by `counting.draw`.

        Raises
        ------
        QueryError
            It takes longer than the settings allow.
        """
        with self._patience(connection):
            time_ms = milliseconds(connection, self.collection, self.limit)
            collection = connection.database[self.collection]
            return count_quickly(collection, self.query, time_ms=time_ms, patience_ms=patience_ms, sample=sample)

    def documents(self, connection: Connection) -> Iterator[Doc]:
        """Documents one by one, as stored.

        Raises
        ------
        NotInitialised
            The database has no collections yet.
        QueryError
            There is no document ``after``, or it takes longer than the settings allow.
        """
        require_initialised(connection)
        with self._patience(connection):
            yield from self._in_steps(connection) if has_steps(self.order) else self._by_pipeline(connection)

    @contextmanager
    def _patience(self, connection: Connection) -> Iterator[None]:
        try:
            yield
        except ExecutionTimeout as error:
            order = [(by.path, direction) for by, direction in self.order]
            raise took_too_long(connection, self.collection, self.query, order) from error
        except OperationFailure as error:
            _LOG.warning("%s can't be asked this: %s", self.collection, error.details or error)
            told = (error.details or {}).get("codeName") or f"code {error.code}"
            raise QueryError(f"the database can't answer this ({told})", "Ask for less at once.") from error

    def _in_steps(self, connection: Connection) -> Iterator[Doc]:
        """One step after another until there are enough, each scan as an index has it."""
        collection = connection.database[self.collection]
        first = self.order[0][0].path
        left_out, left = self.offset, self.limit or None
        sure = known_for_certain([self.query], first)
        for rows in steps(self.order, self._anchor(collection)):
            if sure and any(scan.condition.get(first, "") is None for row in rows for scan in row):
                continue
            simple = len(rows) == 1 and len(rows[0]) == 1
            given = 0
            most = None if left is None else left + (0 if simple else left_out)
            limit_ms = milliseconds(connection, self.collection, self.limit)
            shown = self._projection()
            if self.columns and len(rows) > 1:
                shown[PLACE] = [f"${path}" for path in place_of(self.order)]
            found = [self._row(collection, row, shown, left_out if simple else 0, most, limit_ms) for row in rows]
            documents: Iterable[Doc] = found[0] if len(rows) == 1 else merged(found, self.order)
            for document in islice(documents, 0 if simple else left_out, most):
                given += 1
                yield document
            if left is not None:
                left -= given
                if left == 0:
                    return
            if left_out:
                passed = [self._all_of(scan.condition) for row in rows for scan in row]
                number = 0 if given else sum(collection.count_documents(query, maxTimeMS=limit_ms) for query in passed)
                left_out = max(left_out - number, 0) if not given else 0

    def _row(
        self,
        collection: Collection[Doc],
        row: Sequence[Scan],
        shown: Doc,
        offset: int,
        limit: int | None,
        time_ms: int,
    ) -> Iterator[Doc]:
        for scan in row:
            cursor = collection.find(self._all_of(scan.condition), shown, skip=offset, limit=limit or 0)
            cursor.sort(scan.sort).allow_disk_use(allow_disk_use=True).batch_size(BATCH).max_time_ms(time_ms)
            yield from cursor

    def _all_of(self, condition: Doc) -> Doc:
        parts = [part for part in (self.query, condition) if part]
        return {"$and": parts} if len(parts) > 1 else (parts[0] if parts else {})

    def _anchor(self, collection: Collection[Doc]) -> Doc | None:
        """What the document ``after`` has its place by; None where the beginning is asked for."""
        if self.after is None:
            return None
        after = self._key_of(collection, self.after)
        if len(self.order) == 1:  # its place is known, be it there or not
            return {self.known.key: after}
        paths = (path for by, _ in self.order for path in (by.path, by.low, by.high) if path)
        shown = dict.fromkeys(_without_parts(paths), 1)
        anchor = collection.find_one({self.known.key: after}, {"_id": 0, **shown})
        if anchor is None:
            raise NoSuchDocument(
                f"{self.collection} have no {self.known.key} {self.after!r}",
                "--after takes the id of the last document of the page before.",
            )
        return anchor

    def _key_of(self, collection: Collection[Doc], after: str) -> str:
        """Key as it is kept, of a formula that may be written as tables show it."""
        if self.known.key != "formula_reduced" or collection.find_one({self.known.key: after}, {"_id": 1}):
            return after
        from .language.spelling import reduced

        try:
            return reduced(after)
        except ValueError:
            return after

    def _by_pipeline(self, connection: Connection) -> Iterator[Doc]:
        """All that match put in order by the server, where no index has the order."""
        collection = connection.database[self.collection]
        limit_ms = milliseconds(connection, self.collection, self.limit)
        marks, order = self._marks()
        stages: list[Doc] = [{"$match": self.query}, {"$addFields": marks}]
        if (before := self._anchor(collection)) is not None:
            places = {f"{_PLACE}{i}": {"$ifNull": [f"${name}", None]} for i, name in enumerate(order)}
            key = self.known.key
            at = [{"$match": {key: value_at(before, key)}}, {"$addFields": marks}, {"$project": {"_id": 0, **places}}]
            anchor = next(collection.aggregate(at))
            stages.append({"$match": {"$expr": _behind(order, [anchor[name] for name in places])}})
        stages.append({"$sort": order})
        stages += [{"$skip": self.offset}] if self.offset else []
        stages += [{"$limit": self.limit}] if self.limit else []
        shown = self._projection() if self.columns else dict.fromkeys([*INTERNAL, *marks], 0)
        stages.append({"$project": shown})
        yield from collection.aggregate(stages, allowDiskUse=True, batchSize=BATCH, maxTimeMS=limit_ms)

    def _projection(self) -> Doc:
        if self.columns:
            paths = (path for column in self.columns for path in (column.path, column.low, column.high) if path)
            return {"_id": 0, **dict.fromkeys(_without_parts(paths), 1)}
        return dict.fromkeys(INTERNAL, 0)

    def _marks(self) -> tuple[Doc, dict[str, int]]:
        """Fields that bring missing values to the end and intervals to their place, and the order with them."""
        marks: Doc = {}
        order: dict[str, int] = {}
        for i, (by, direction) in enumerate(self.order):
            if direction > 0 and not by.required:
                marks[f"{_MISSING}{i}"] = {"$lte": [f"${by.path}", None]}
                order[f"{_MISSING}{i}"] = 1
            if by.low:
                marks[f"{_END}{i}"] = end_of(by, "high" if direction > 0 else "low")
                marks[f"{_OTHER}{i}"] = _other_end(
                    *((by.high, by.low) if direction > 0 else (by.low, by.high)), by.path
                )
                order |= {f"{_END}{i}": direction, f"{_OTHER}{i}": direction}
            order[by.path] = direction
        return marks, order


def _behind(order: dict[str, int], place: Sequence[Any]) -> Doc:
    """Expression that a document stands behind a place in an order, whatever the types of its values."""
    either = []
    for i, (name, direction) in enumerate(order.items()):
        same = [{"$eq": [_or_null(other), {"$literal": place[j]}]} for j, other in enumerate(list(order)[:i])]
        comparison = "$gt" if direction > 0 else "$lt"
        either.append({"$and": [*same, {comparison: [_or_null(name), {"$literal": place[i]}]}]})
    return {"$or": either}


def _other_end(end: str, other: str, path: str) -> Doc:
    """Expression of the end that decides among equal worse ends: null where it is open, the value where both are."""
    return {"$ifNull": [f"${other}", {"$cond": [{"$gt": [f"${end}", None]}, None, f"${path}"]}]}


def _or_null(name: str) -> Doc:
    return {"$ifNull": [f"${name}", None]}


def require_initialised(connection: Connection) -> None:
    """Raise `NotInitialised` where the database has no collections yet; a client is told so once."""
    seen = _registries.setdefault(connection.client, set())
    if connection.name in seen:
        return
    if not is_initialised(connection):
        raise NotInitialised(
            f"{connection.describe()} holds no registry yet",
            "Prepare it with: exfolio db init; bring in materials with: exfolio ingest (see its --help).",
        )
    seen.add(connection.name)


def _compiled(text: str, known: Fields, *, possible: bool) -> Doc:
    if not text.strip():
        return {}
    from .language.filter import compile_filter  # the parser's imports, for those who write a filter

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
