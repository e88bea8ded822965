"""How many there are: counted up to a number, estimated beyond it; what changed likewise."""

import pytest
from exfolio.stores.connection import Connection
from exfolio.stores.query import changes, counting
from exfolio.stores.query.search import Search
from large_registry import BEGUN


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Counted are a hundred only, in collections of any size."""
    monkeypatch.setattr(counting, "EXACT_TO", 100)
    monkeypatch.setattr(counting, "_SMALL", 0)
    monkeypatch.setattr(changes, "EXACT_TO", 100)


@pytest.mark.usefixtures("few")
def test_up_to_a_number_is_counted_and_beyond_estimated(large: Connection) -> None:
    rare = Search("compositions", 'chemsys = "Mo-S"')
    assert rare.count_quickly(large) == counting.Count(rare.count(large), exact=True)

    frequent = Search("compositions", "nelements = 3")
    estimate, counted = frequent.count_quickly(large), frequent.count(large)
    assert (estimate.exact, estimate.mark) == (False, "~")
    assert estimate.number == pytest.approx(counted, rel=0.2)  # of a share near a half, four standard deviations
    assert str(estimate.number).rstrip("0") in {f"{digits}" for digits in range(1, 100)}, "no more than is known"


@pytest.mark.usefixtures("few")
def test_of_a_sample_that_is_kept_nothing_is_counted_where_it_says_enough(large: Connection) -> None:
    collection = large.database["compositions"]
    sample = counting.draw(collection, time_ms=10_000)
    frequent, rare = Search("compositions", "nelements = 3"), Search("compositions", 'chemsys = "Mo-S"')

    large.database.command("profile", 2)
    estimate = frequent.count_quickly(large, sample=sample)
    large.database.command("profile", 0)

    operations = large.database["system.profile"].find({"ns": collection.full_name, "command.pipeline": {"$exists": 1}})
    asked = [operation["command"]["pipeline"][0]["$match"] for operation in operations]
    large.database["system.profile"].drop()
    assert ["_id" in str(match) for match in asked] == [True], "those that were drawn, and no others"
    assert not estimate.exact
    assert estimate.number == pytest.approx(frequent.count(large), rel=0.2)
    assert rare.count_quickly(large, sample=sample) == counting.Count(rare.count(large), exact=True)


def test_who_has_no_patience_is_told_a_number_that_there_are_more_than(
    large: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, number in (("_SMALL", 0), ("_FIRST", 5), ("SAMPLE", 5)):
        monkeypatch.setattr(counting, name, number)
    slow = {"$expr": {"$function": {"body": "function() { sleep(1); return true; }", "args": [], "lang": "js"}}}

    told = Search("candidates", conditions=[slow]).count_quickly(large, patience_ms=50)

    assert (told.number, told.least, told.mark) == (5, True, ">")


@pytest.mark.usefixtures("few")
def test_all_of_a_collection_is_counted_whatever_its_size(large: Connection) -> None:
    for everything in (Search("compositions"), Search("compositions", deprecated=True)):
        counted = everything.count_quickly(large)
        assert (counted.number, everything.deprecated or counted.exact) == (everything.count(large), True)


@pytest.mark.usefixtures("few")
def test_many_changes_are_estimated_by_kind(large: Connection) -> None:
    assert changes.many_changes(large, "structures", BEGUN.replace(year=2027)) is None, "few enough to be listed"

    gone = large.database["compositions"].count_documents({"deprecated": True})
    total = large.database["compositions"].estimated_document_count()
    assert changes.many_changes(large, "compositions", BEGUN) == {
        "new": pytest.approx(total - gone, rel=0.02),
        "changed": pytest.approx(0, abs=0.02 * total),
        "deprecated": gone,
    }
    first = [change.key for change in changes.changes_since(large, "compositions", BEGUN, limit=3)]
    assert first == [doc["formula_reduced"] for doc in Search("compositions", limit=3).documents(large)]
