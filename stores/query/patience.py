"""How long a question may take, and what is said when it takes longer: which index is missing, what would be quick."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import wraps
from typing import Any, Concatenate, Final, ParamSpec, TypeVar

import pymongo
from pymongo.errors import OperationFailure, PyMongoError

from ..connection import Connection
from ..questions import indexes_of
from ..schema import is_up_to_date
from .language.query_errors import QueryError

Doc = dict[str, Any]
Given = ParamSpec("Given")
Answer = TypeVar("Answer")
_UNLIMITED_PER: Final = 100_000
"""Documents of a collection for each of which a question without a limit has the whole time again."""
_QUESTIONS: Final = 10
_STAGES_WITHOUT_INDEX: Final = ("COLLSCAN", "SORT")


def milliseconds(connection: Connection, collection: str, limit: int | None) -> int:
    """Time that the server has for a question, in ms; one for all documents has more the more there are."""
    seconds = connection.settings.query_seconds
    if not limit:
        seconds *= 1 + connection.database[collection].estimated_document_count() // _UNLIMITED_PER
    return int(seconds * 1000)


def patiently(
    answer: Callable[Concatenate[Connection, Given], Answer],
) -> Callable[Concatenate[Connection, Given], Answer]:
    """Have the server give up what a function asks when the time of ten questions is over: it asks several, one by one.

    The function takes the connection first, and is no generator.
    """

    @wraps(answer)
    def in_time(connection: Connection, /, *given: Given.args, **named: Given.kwargs) -> Answer:
        with pymongo.timeout(_QUESTIONS * connection.settings.query_seconds):
            return answer(connection, *given, **named)

    return in_time


def took_too_long(connection: Connection, collection: str, query: Doc, sort: list[tuple[str, int]]) -> QueryError:
    """Error that says that the time is over, why it may have been too short, and what would be quick."""
    seconds = connection.settings.query_seconds
    problem = f"the database did not answer within {seconds:g} s"
    if lacking := _what_lacks_index(connection, collection, query, sort):
        problem += f": {collection} have no index {lacking}"
    fields = dict.fromkeys(index.keys[0][0] for index in indexes_of(collection))
    quick = ", ".join(name for name in fields if name != "deprecated")
    advice = "Bring the indexes up to date: exfolio db init. " if not is_up_to_date(connection) else ""
    advice += f"Add a condition on, or order by, one of: {quick}. " if quick else ""
    return QueryError(
        problem,
        f"{advice}Ask for fewer (--limit) and the next ones with --after instead of --offset; "
        f"or allow more time: EXFOLIO_QUERY_SECONDS={seconds * 10:g}",
    )


def _what_lacks_index(connection: Connection, collection: str, query: Doc, sort: list[tuple[str, int]]) -> str:
    asked: Doc = {"find": collection, "filter": query, "sort": dict(sort)}
    try:
        plan = connection.database.command("explain", asked, verbosity="queryPlanner")
    except (OperationFailure, PyMongoError):
        return ""
    if not set(_STAGES_WITHOUT_INDEX) & set(stages_of(plan)):
        return ""
    by = " and ".join(dict.fromkeys(_paths(query)))
    in_order = ", ".join(name if direction > 0 else f"-{name}" for name, direction in sort)
    return f"for {by or 'all of them'} in the order of {in_order}"


def stages_of(plan: Any) -> Iterator[str]:
    """Names of the stages of a plan that the server explains, at any depth, refused plans left out."""
    if isinstance(plan, dict):
        if isinstance(plan.get("stage"), str):
            yield plan["stage"]
        for name, part in plan.items():
            if name != "rejectedPlans":
                yield from stages_of(part)
    elif isinstance(plan, list):
        for part in plan:
            yield from stages_of(part)


def _paths(query: Any) -> Iterator[str]:
    if isinstance(query, dict):
        for name, inner in query.items():
            if name in ("$and", "$or"):
                for part in inner:
                    yield from _paths(part)
            elif not name.startswith("$") and name != "deprecated":
                yield name
