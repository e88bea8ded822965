"""Stages that follow another give what they would give one after the other, in one write a document."""

import multiprocessing
import os
import random
import signal
from typing import Any, ClassVar

import pytest
from exfolio.builders.engine.execution.runner import run_stage
from exfolio.builders.engine.fused_stages import CannotFuse
from exfolio.builders.engine.stage import Stage
from exfolio.stores.bookkeeping.leases import Lease
from exfolio.stores.bookkeeping.runs import StageReport
from exfolio.stores.connection import Connection
from toy_compositions import Classify, Drawer, Energy, Screen, formula
from toy_stages import Doubler

WHEN = {"_id", "rev", "run_id", "created_at", "updated_at"}


def followers(**options: Any) -> list[Any]:
    return [Screen(), Classify(**options), Energy()]


def followed(drawer: Drawer | None = None, **options: Any) -> Stage:
    return (drawer or Drawer()).fused_with(*followers(**options))


def one_by_one(connection: Connection, drawer: Drawer | None = None, **options: Any) -> list[StageReport]:
    return [run_stage(stage, connection) for stage in [drawer or Drawer(), *followers(**options)]]


def content(connection: Connection) -> list[dict[str, Any]]:
    """Everything but what says when, by which run and in which order it was written."""
    docs = []
    writers = {doc["number"]: doc for doc in connection.database["writers"].find()}
    for doc in connection.database["compositions"].find().sort("formula_reduced", 1):
        kept = {name: value for name, value in doc.items() if name not in WHEN}
        kept["facets"] = {
            name: (note["hash"], writers[note["by"]]["stage"], writers[note["by"]]["fingerprint"])
            for name, note in doc["facets"].items()
        }
        docs.append(kept)
    return docs


def complaints(connection: Connection) -> dict[str, Any]:
    failures = connection.database["failures"].find()
    refused = connection.database["quarantine"].find()
    return {
        "failures": {doc["failure_id"]: (doc["attempts"], doc["last_error"]) for doc in failures},
        "quarantine": {doc["quarantine_id"]: (doc["stage"], doc["place"]) for doc in refused},
    }


def empty(connection: Connection) -> None:
    for name in connection.database.list_collection_names():
        connection.database[name].delete_many({"_id": {"$ne": "schema"}} if name == "counters" else {})


def test_followed_gives_what_stages_one_by_one_give(registry: Connection) -> None:
    one_by_one(registry)
    expected = content(registry)
    facets = [sorted(doc["facets"]) for doc in expected]
    assert {len(names) for names in facets} == {2, 3, 4}  # some are screened only, some have it all
    empty(registry)

    report = run_stage(followed(), registry)

    assert (report.inserted, report.updated, report.failed) == (100, 0, 0)
    assert content(registry) == expected
    assert registry.database["counters"].find_one({"_id": "compositions"})["rev"] == 100  # each written once


def test_workers_let_followers_work_too(registry: Connection) -> None:
    one_by_one(registry)
    expected = content(registry)
    empty(registry)

    run_stage(followed(), registry, processes=2)

    assert content(registry) == expected
    assert [run_stage(stage, registry).written for stage in followers()] == [0, 0, 0]


def test_followers_find_nothing_due_afterwards(registry: Connection) -> None:
    run_stage(followed(), registry)
    states = list(registry.database["stage_states"].find({}, {"updated_at": 1, "consumed": 1}))

    reports = [run_stage(stage, registry) for stage in [followed(), *followers()]]

    assert [(report.due, report.written) for report in reports] == [(0, 0)] * 4
    assert list(registry.database["stage_states"].find({}, {"updated_at": 1, "consumed": 1})) == states


def test_only_the_facet_of_a_newer_model_is_written_again(registry: Connection) -> None:
    run_stage(followed(), registry)
    before = {doc["formula_reduced"]: doc["facets"] for doc in registry.database["compositions"].find()}

    reports = [run_stage(stage, registry) for stage in followers(model=99.0)]

    having = registry.database["compositions"].count_documents({"facets.classify": {"$exists": True}})
    assert [report.updated for report in reports[:2]] == [0, having]
    for doc in registry.database["compositions"].find():
        for facet in ("sample", "screen"):
            assert doc["facets"][facet] == before[doc["formula_reduced"]][facet]


def test_new_documents_by_a_newer_model_leave_the_older_ones_to_its_own_run(registry: Connection) -> None:
    run_stage(followed(Drawer(chunks=2)), registry)

    run_stage(followed(Drawer(chunks=4), model=99.0), registry)
    newer = {doc["formula_reduced"] for doc in registry.database["compositions"].find({"p_2d": round(7 / 99, 6)})}
    reports = [run_stage(stage, registry) for stage in followers(model=99.0)]

    assert newer
    assert newer.isdisjoint(formula(number) for number in range(50))
    assert reports[0].due == 0
    assert reports[1].updated > 0
    kept = content(registry)
    empty(registry)
    one_by_one(registry, model=99.0)
    assert content(registry) == kept


def test_changed_documents_are_followed_too(registry: Connection) -> None:
    """Drawn twice: the screen says less, so those are no longer classified and lose their probability and energy."""
    one_by_one(registry)
    one_by_one(registry, Drawer(times=2))
    expected = content(registry)
    empty(registry)

    run_stage(followed(), registry)
    report = run_stage(followed(Drawer(times=2)), registry)
    rest = [run_stage(stage, registry) for stage in followers()]

    assert report.updated == len(range(0, 100, 7))
    assert [one.deprecated > 0 for one in rest] == [False, True, True]
    assert content(registry) == expected


@pytest.mark.parametrize("how", ["raises", "fails", "refuses", "nan", "nothing"])
def test_a_follower_that_fails_does_so_under_its_own_name(registry: Connection, how: str) -> None:
    bad = {formula(number): how for number in (1, 31, 77)}
    one_by_one(registry, bad=bad)
    expected = content(registry), complaints(registry)
    empty(registry)

    report = run_stage(followed(bad=bad), registry)
    run = registry.database["runs"].find_one({"job": "run drawer"})

    assert (content(registry), complaints(registry)) == expected
    assert (report.failed, report.quarantined) == {"refuses": (0, 3), "nothing": (0, 0)}.get(how, (3, 0))
    assert run["state"] == ("partial" if report.failed else "succeeded")
    together = "written together with toy-screen (100 written, 0 failed), toy-classify ("
    assert run["stages"][0]["note"].startswith(together)


def test_a_failure_of_a_follower_is_tried_again_in_its_own_run(registry: Connection) -> None:
    one_by_one(registry)
    expected = content(registry)
    empty(registry)
    run_stage(followed(bad={formula(1): "fails"}), registry)

    registry.database["failures"].update_many({}, [{"$set": {"next_retry_at": "$first_failed_at"}}])
    for stage in followers():
        run_stage(stage, registry)

    assert content(registry) == expected
    assert registry.database["failures"].count_documents({}) == 0


def test_a_failure_keeps_the_good_value_of_a_changed_document(registry: Connection) -> None:
    bad = {formula(number): "fails" for number in range(0, 100, 7)}
    run_stage(followed(), registry)
    before = {doc["formula_reduced"]: doc.get("p_2d") for doc in registry.database["compositions"].find()}
    run_stage(Screen(), registry)

    class Looser(Classify):  # classifies all, so that those drawn twice are tried, and fail
        criteria: ClassVar = {"charge_neutral": True}

    run_stage(Drawer(times=2).fused_with(Screen(), Looser(bad=bad)), registry)
    assert registry.database["failures"].count_documents({}) == 0  # left to the stage itself
    run_stage(Looser(bad=bad), registry)

    after = {doc["formula_reduced"]: doc.get("p_2d") for doc in registry.database["compositions"].find()}
    assert after == before
    assert registry.database["failures"].count_documents({}) > 0


def test_a_follower_that_kills_its_worker_is_left_to_its_own_run(registry: Connection) -> None:
    one_by_one(registry, Drawer(chunks=2))
    expected = content(registry)
    empty(registry)

    report = run_stage(followed(Drawer(chunks=2), bad={formula(33): "dies"}), registry, processes=2)
    for stage in followers():
        run_stage(stage, registry)

    assert (report.inserted, report.failed) == (50, 0)
    assert content(registry) == expected


def test_a_follower_that_is_run_by_somebody_else_does_not_follow(registry: Connection) -> None:
    one_by_one(registry)
    expected = content(registry)
    empty(registry)

    with Lease(registry, "stage toy-classify", seconds=30):
        run_stage(followed(), registry)
    names = {name for doc in registry.database["compositions"].find() for name in doc["facets"]}
    for stage in followers():
        run_stage(stage, registry)

    assert names == {"sample", "screen"}
    assert content(registry) == expected


@pytest.mark.endurance
@pytest.mark.timeout(120)
def test_killed_at_random_points(registry: Connection) -> None:
    one_by_one(registry, Drawer(chunks=30, per_chunk=10))
    expected = content(registry)
    empty(registry)

    chance = random.Random(20261121)
    fork = multiprocessing.get_context("fork")
    kills = 0
    while kills < 12:
        child = fork.Process(target=run_stage, args=(followed(Drawer(chunks=30, per_chunk=10)), registry))
        child.start()
        child.join(timeout=chance.uniform(0.02, 0.4))
        if child.is_alive():
            os.kill(child.pid, signal.SIGKILL)
            kills += 1
        elif content(registry) == expected:
            empty(registry)
        child.join()
    run_stage(followed(Drawer(chunks=30, per_chunk=10)), registry)

    assert content(registry) == expected
    assert [run_stage(stage, registry).written for stage in followers()] == [0, 0, 0]


@pytest.mark.parametrize(
    ("stages", "why"),
    [
        ((Classify(),), "reads .*'screen'"),
        ((Screen(), Energy()), "reads .*'classify'.*'p_2d'"),
        ((Screen(), Screen()), "facet of its own"),
        ((Doubler(),), "does not make documents of materials"),
    ],
)
def test_what_can_not_follow(stages: tuple[Any, ...], why: str) -> None:
    with pytest.raises(CannotFuse, match=why):
        Drawer().fused_with(*stages)
