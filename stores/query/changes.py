"""What has changed in a collection since a run or a moment: new, changed, deprecated documents."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import Any, Literal

from ..connection import Connection
from .counting import EXACT_TO, count_quickly
from .language.fields import fields_of, has_deprecation
from .language.query_errors import QueryError
from .patience import milliseconds
from .search import BATCH, require_initialised

Doc = dict[str, Any]
Kind = Literal["new", "changed", "deprecated"]
_LATEST = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Change:
    """What became of one document.

    Attributes
    ----------
    before, after
        Status before and now, where the collection has one; before is empty for a new document.
    facets
        The facets that were written since.
    """

    kind: Kind
    key: str
    formula: str
    before: str
    after: str
    reason: str
    facets: tuple[str, ...]
    run_id: str

    def as_dict(self) -> Doc:
        """Plain data, for JSON."""
        return {
            "change": self.kind,
            "id": self.key,
            "formula_reduced": self.formula or None,
            "before": self.before or None,
            "after": self.after or None,
            "reason": self.reason or None,
            "facets": list(self.facets),
            "run_id": self.run_id,
        }


def moment_of(connection: Connection, since: str) -> datetime:
    """Moment a text names: the start of a run, ``last`` for that of the last run, or a date.

    Raises
    ------
    QueryError
        It names none.
    """
    require_initialised(connection)
    runs = connection.database["runs"]
    run = runs.find_one(sort=[("started_at", -1)]) if since == "last" else runs.find_one({"run_id": since})
    if run is not None:
        started: datetime = run["started_at"]
        return started
    try:
        moment = datetime.fromisoformat(since)
    except ValueError as error:
        known = "no run is on record" if since == "last" else f"{since!r} is neither a run nor a date"
        remedy = "Write a date such as 2026-01-31 (UTC), or a run of: exfolio query runs"
        raise QueryError(known, remedy) from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def many_changes(connection: Connection, collection: str, since: datetime) -> dict[Kind, int] | None:
    """Estimate how many documents changed in each way since a moment; None where they are few enough to be listed."""
    documents = connection.database[collection]
    time_ms = milliseconds(connection, collection, None)
    changed = {"updated_at": {"$gte": since}}
    numbers = [documents.count_documents({"deprecated": gone, **changed}, maxTimeMS=time_ms) for gone in (False, True)]
    if sum(numbers) <= EXACT_TO:
        return None
    new = count_quickly(documents, {"deprecated": False, **changed, "created_at": {"$gte": since}}, time_ms=time_ms)
    number_new = min(new.number, numbers[0])
    return {"new": number_new, "changed": numbers[0] - number_new, "deprecated": numbers[1]}


def changes_since(
    connection: Connection, collection: str, since: datetime, *, limit: int | None = None
) -> Iterator[Change]:
    """Yield what changed since a moment, in the order of the keys; the first ones with a limit.

    Raises
    ------
    QueryError
        The collection keeps no such record.
    """
    require_initialised(connection)
    known = fields_of(collection)
    if not has_deprecation(collection):
        raise QueryError(f"{collection} belongs to the bookkeeping and keeps no record of changes")
    shown = (known.key, "formula_reduced", "status", "rejected_by", "waiting_for", "history", "facets", "run_id")
    projection = {"_id": 0, **dict.fromkeys((*shown, "created_at", "deprecated", "deprecation_reasons"), 1)}
    query = {"deprecated": {"$in": [False, True]}, "updated_at": {"$gte": since}}  # as the index has it
    changed = connection.database[collection].find(query, projection).sort(known.key, 1)
    changed.max_time_ms(milliseconds(connection, collection, limit))
    for doc in islice(changed.allow_disk_use(allow_disk_use=True).batch_size(BATCH), limit):
        new = doc["created_at"] >= since
        if new and doc["deprecated"]:  # came and went
            continue
        kind: Kind = "deprecated" if doc["deprecated"] else "new" if new else "changed"
        after = str(doc.get("status", ""))
        reason = doc.get("rejected_by") or doc.get("waiting_for") or ""
        if kind == "deprecated":
            reason = "; ".join(doc.get("deprecation_reasons") or [])
        written = tuple(
            name
            for name, note in doc["facets"].items()
            if "hash" in note and note.get("at", doc["created_at"]) >= since
        )
        yield Change(
            kind,
            str(doc[known.key]),
            str(doc.get("formula_reduced", "")),
            "" if new else _status_at(doc, since),
            after,
            str(reason),
            written,
            str(doc["run_id"]),
        )


def _status_at(doc: Doc, since: datetime) -> str:
    """Status that was in force then: of the first verdict that was replaced since, else the present one."""
    history = [earlier for earlier in doc.get("history") or [] if isinstance(earlier, dict)]
    replaced = [earlier for earlier in history if _moment(earlier.get("until"), _LATEST) >= since]
    if replaced and "until" not in replaced[0]:  # when it was judged is all that is known; the last one of before then
        before = [verdict for verdict in replaced if _moment(verdict.get("judged_at"), _LATEST) < since]
        replaced = before[-1:] or replaced[:1]
    return str((replaced[0] if replaced else doc).get("status", ""))


def _moment(value: Any, otherwise: datetime) -> datetime:
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    if not isinstance(value, datetime):
        return otherwise
    return value if value.tzinfo else value.replace(tzinfo=UTC)
