"""A question that takes too long is given up, with what is missing and what would be quick."""

from dataclasses import replace
from typing import Any

import pytest
from exfolio.stores.connection import Connection, explain
from exfolio.stores.errors import DatabaseUnavailable
from exfolio.stores.query.language.query_errors import QueryError
from exfolio.stores.query.patience import milliseconds, patiently, took_too_long
from exfolio.stores.query.search import Search
from pymongo.errors import PyMongoError

SLOW = {"$expr": {"$function": {"body": "function() { sleep(30); return true; }", "args": [], "lang": "js"}}}


@pytest.fixture
def hurried(large: Connection) -> Connection:
    """A connection that gives the server 50 ms."""
    connection = replace(large)
    object.__setattr__(connection, "settings", large.settings.model_copy(update={"query_seconds": 0.05}))
    return connection


def test_a_question_ends_when_the_time_is_over(hurried: Connection) -> None:
    asked = Search("candidates", conditions=[SLOW], sort=["nsites"], limit=5)

    for ask in (lambda: list(asked.documents(hurried)), lambda: asked.count_quickly(hurried)):
        with pytest.raises(QueryError, match=r"did not answer within 0\.05 s: candidates have no index") as caught:
            ask()
        assert "order by, one of: formula_reduced, chemsys" in caught.value.remedy
        assert "EXFOLIO_QUERY_SECONDS=0.5" in caught.value.remedy
    hurried.close()


def test_the_missing_index_is_named_only_where_one_is_missing(large: Connection) -> None:
    by_size, by_key = [("nsites", 1), ("material_id", 1)], [("material_id", 1)]

    assert "no index for nsites in the order of nsites, material_id" in str(
        took_too_long(large, "materials", {"deprecated": False, "nsites": {"$gt": 3}}, by_size)
    )
    assert "no index" not in str(took_too_long(large, "materials", {"chemsys": "Mo-S", "deprecated": False}, by_key))


def test_all_documents_have_more_time_the_more_there_are(large: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("exfolio.stores.query.patience._UNLIMITED_PER", 1_000)

    assert milliseconds(large, "materials", 50) == 60_000
    assert milliseconds(large, "materials", None) >= 3 * 60_000


def test_a_command_that_asks_several_questions_has_an_end(connection: Connection) -> None:
    # Given documents over which the server takes long, and a tenth of a second for ten questions
    connection.database["materials"].insert_many([{} for _ in range(100)])
    object.__setattr__(connection, "settings", connection.settings.model_copy(update={"query_seconds": 0.01}))

    @patiently
    def count(asked: Connection, condition: dict[str, Any]) -> int:
        return asked.database["materials"].count_documents(condition)

    with pytest.raises(PyMongoError) as caught:
        count(connection, SLOW)
    assert caught.value.timeout
    assert isinstance(explain(caught.value, connection), DatabaseUnavailable)
