"""Every question that has an index is answered by it: nothing is scanned, nothing sorted, little looked at in vain."""

from collections.abc import Iterator
from typing import Any

import pytest
from exfolio.stores.connection import Connection
from exfolio.stores.query.language.fields import fields_of
from exfolio.stores.query.patience import stages_of
from exfolio.stores.query.search import Search
from exfolio.stores.questions import QUESTIONS, Question, indexes_of

LOOKED_AT = 60
"""Documents looked at, at most, for each that is given: an element that 1 in 60 documents has is rare."""
LIMIT = 20
ASKED = [(name, question) for name, questions in QUESTIONS.items() for question in questions if name != "failures"]


def profiled(connection: Connection, asked: Search) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Documents, and what the server did for them."""
    database = connection.database
    database.command("profile", 2)
    documents = list(asked.documents(connection))
    database.command("profile", 0)
    finds = {"ns": f"{database.name}.{asked.collection}", "command.find": asked.collection}
    done = list(database["system.profile"].find(finds))
    database["system.profile"].drop()
    return documents, done


@pytest.mark.parametrize(("collection", "question"), ASKED, ids=lambda value: getattr(value, "asked", value))
def test_a_question_is_answered_by_its_index(large: Connection, collection: str, question: Question) -> None:
    asked = Search(collection, question.filter, sort=question.sort, limit=LIMIT)

    documents, done = profiled(large, asked)

    assert documents, "the registry has to have some"
    stages = {stage for ran in done for stage in stages_of(ran["execStats"])}
    assert not stages & {"COLLSCAN", "SORT"}
    assert sum(ran["docsExamined"] for ran in done) <= LOOKED_AT * len(documents)
    assert question.index is None or question.index.name in {
        name for ran in done for name in _indexes(ran["execStats"])
    }


def _indexes(stage: dict[str, Any]) -> Iterator[str]:
    if "indexName" in stage:
        yield stage["indexName"]
    for inner in (stage.get("inputStage"), *stage.get("inputStages", ())):
        if inner:
            yield from _indexes(inner)


@pytest.mark.parametrize("collection", QUESTIONS)
def test_no_index_is_the_beginning_of_another(collection: str) -> None:
    whole = [index for index in indexes_of(collection) if not index.part]

    assert not [
        (one.fields, other.fields)
        for one in whole
        for other in whole
        if one != other and other.fields[: len(one.fields)] == one.fields
    ]
    assert all(fields_of(collection).find(name) for index in whole for name, _ in index.keys)
