"""The engine's promises, on a real MongoDB: nothing twice, lost or missed, and failures beside good values."""

from typing import ClassVar

import pytest
from exfolio.builders.engine.execution.runner import run_stage
from exfolio.builders.engine.stage import Stage
from exfolio.stores.bookkeeping import revisions
from exfolio.stores.bookkeeping.leases import Lease, LeaseLost
from exfolio.stores.bookkeeping.runs import StageReport
from exfolio.stores.connection import Connection
from exfolio.stores.errors import LeaseHeld
from toy_stages import Doubler, Judge, Linker, Summer, put_materials, retire_materials


def materials(count: int, **fields: object) -> list[dict[str, object]]:
    return [{"material_id": f"test:{i}", "nsites": i + 1, **fields} for i in range(count)]


def contents(connection: Connection, collection: str, key: str) -> dict[str, dict[str, object]]:
    hidden = {"_id", "rev", "run_id", "created_at", "updated_at", "facets", "first_seen_at"}
    return {
        doc[key]: {name: value for name, value in doc.items() if name not in hidden}
        for doc in connection.database[collection].find()
    }


def test_a_second_run_has_nothing_to_do(registry: Connection) -> None:
    put_materials(registry, materials(25))

    first = run_stage(Doubler(), registry, batch_size=10)
    before = registry.database["counters"].find_one({"_id": "structures"})
    second = run_stage(Doubler(), registry, batch_size=10)

    assert (first.due, first.inserted) == (25, 25)
    assert (second.due, second.written, second.unchanged) == (0, 0, 0)
    assert registry.database["counters"].find_one({"_id": "structures"}) == before


def test_only_what_changed_is_processed_again(registry: Connection) -> None:
    put_materials(registry, materials(25))
    run_stage(Doubler(), registry)

    put_materials(registry, [*materials(3), {"material_id": "test:7", "nsites": 100}])
    report = run_stage(Doubler(), registry)

    assert (report.due, report.updated) == (1, 1)
    assert registry.database["structures"].find_one({"parent_id": "test:7"})["nsites"] == 200


def test_what_comes_out_the_same_is_not_written(registry: Connection) -> None:
    put_materials(registry, materials(5))
    run_stage(Doubler(), registry)

    put_materials(registry, [{"material_id": "test:2", "nsites": 3, "reference": "a new citation"}])
    report = run_stage(Doubler(), registry)

    assert (report.due, report.unchanged, report.written) == (1, 1, 0)


def test_the_few_that_qualify_fill_a_batch_however_many_lie_between_them(registry: Connection) -> None:
    # Given 60 materials, three of which a stage takes
    docs = materials(60)
    for few in (5, 30, 55):
        docs[few]["nsites"] = 1000
    put_materials(registry, docs)
    stage = Few()
    stage.use(registry, batch_size=2)

    # When it selects by two
    batches = list(stage.get_items())
    stage.abandon(RuntimeError("enough"))

    # Then there are two batches, and together they see to every change
    assert [[item.content["nsites"] for item in batch.items] for batch in batches] == [[1000, 1000], [1000]]
    (first,), (second,) = (batch.intervals.values() for batch in batches)
    assert (first[0], first[1], second[1]) == (0, second[0], 60)


class Few(Doubler):
    """Takes large materials only."""

    name = "few"
    criteria: ClassVar = {"nsites": {"$gte": 1000}}


def test_a_new_fingerprint_makes_everything_due(registry: Connection) -> None:
    put_materials(registry, materials(5))
    run_stage(Doubler(factor=2), registry)

    report = run_stage(Doubler(factor=3), registry)

    assert (report.due, report.updated) == (5, 5)
    assert registry.database["structures"].find_one({"parent_id": "test:4"})["nsites"] == 15


def test_a_failing_item_keeps_its_good_value_and_is_tried_again(registry: Connection) -> None:
    put_materials(registry, materials(5))
    run_stage(Doubler(), registry)

    put_materials(registry, [{"material_id": "test:2", "nsites": 50, "extra": {"fail": "once"}}])
    report = run_stage(Doubler(), registry)
    failure = registry.database["failures"].find_one({"item": "test:2"})

    assert (report.failed, report.written) == (1, 0)
    assert registry.database["structures"].find_one({"parent_id": "test:2"})["nsites"] == 6
    assert failure["attempts"] == 1
    assert "told to fail: once" in failure["last_error"]
    assert failure["next_retry_at"] > failure["last_failed_at"]

    put_materials(registry, [{"material_id": "test:2", "nsites": 50}])
    run_stage(Doubler(), registry)

    assert registry.database["structures"].find_one({"parent_id": "test:2"})["nsites"] == 100
    assert registry.database["failures"].count_documents({}) == 0


def test_a_failure_is_retried_when_its_time_comes_and_parked_in_the_end(registry: Connection) -> None:
    put_materials(registry, [{"material_id": "test:0", "nsites": 1, "extra": {"never": True}}])
    run_stage(Doubler(), registry)
    assert run_stage(Doubler(), registry).due == 0  # its time has not come

    attempts = registry.settings.retry_attempts
    for _ in range(attempts + 2):
        registry.database["failures"].update_many({}, [{"$set": {"next_retry_at": "$first_failed_at"}}])
        run_stage(Doubler(), registry)

    failure = registry.database["failures"].find_one({"item": "test:0"})
    assert failure["parked"]
    assert failure["attempts"] == attempts


@pytest.mark.parametrize("how", ["retired", "taken away unseen"])
def test_a_failure_is_forgotten_with_what_it_was_about(registry: Connection, how: str) -> None:
    put_materials(registry, [{"material_id": "test:0", "nsites": 1}, {"material_id": "test:1", "nsites": 1}])
    run_stage(Doubler(), registry)
    put_materials(registry, [{"material_id": "test:0", "nsites": 2, "extra": {"never": True}}])
    assert run_stage(Doubler(), registry).failed == 1

    if how == "retired":
        retire_materials(registry, ["test:0"])
    else:
        registry.database["materials"].delete_one({"material_id": "test:0"})
        registry.database["failures"].update_many({}, [{"$set": {"next_retry_at": "$first_failed_at"}}])
    run_stage(Doubler(), registry)

    assert registry.database["failures"].count_documents({}) == 0
    assert not Doubler().is_due(registry)
    assert registry.database["structures"].distinct("parent_id", {"deprecated": False}) == ["test:1"]


def test_one_bad_item_does_not_take_its_batch_along(registry: Connection) -> None:
    put_materials(registry, materials(10))
    put_materials(
        registry,
        [
            {"material_id": "test:3", "extra": {"fail": "always"}},
            {"material_id": "test:4", "extra": {"refuse": True}},
            {"material_id": "test:5", "extra": {"nan": True}},
        ],
    )

    report = run_stage(Doubler(), registry)

    assert (report.inserted, report.failed, report.quarantined) == (7, 2, 1)
    assert "thickness is nan" in registry.database["failures"].find_one({"item": "test:5"})["last_error"]
    assert registry.database["quarantine"].find_one({"place": "test:4"})["remedy"] == "do not tell it"


def test_what_is_no_longer_made_is_deprecated_and_comes_back(registry: Connection) -> None:
    put_materials(registry, materials(3))
    run_stage(Doubler(copies=3), registry)

    report = run_stage(Doubler(copies=2), registry)
    gone = list(registry.database["structures"].find({"deprecated": True}))
    assert report.deprecated == 3
    assert sorted(doc["structure_id"] for doc in gone) == ["st-test:0-2", "st-test:1-2", "st-test:2-2"]
    assert gone[0]["deprecation_reasons"] == [f"no longer made from {gone[0]['parent_id']}"]

    run_stage(Doubler(copies=3), registry)
    assert registry.database["structures"].count_documents({"deprecated": True}) == 0


def test_a_retired_source_document_deprecates_what_was_made_from_it(registry: Connection) -> None:
    put_materials(registry, materials(3))
    run_stage(Doubler(), registry)

    retire_materials(registry, ["test:1"])
    report = run_stage(Doubler(), registry)

    made = registry.database["structures"].find_one({"parent_id": "test:1"})
    assert report.deprecated == 1
    assert made["deprecated"]
    assert made["deprecation_reasons"] == ["materials test:1 is deprecated"]
    assert registry.database["structures"].count_documents({}) == 3  # nothing is deleted


def test_a_document_written_late_is_not_missed(registry: Connection) -> None:
    """A transaction that took its revisions first but commits last can't slip behind the mark of a reader."""
    put_materials(registry, materials(2))
    run_stage(Doubler(), registry)

    with registry.client.start_session() as session:
        session.start_transaction()
        rev = revisions.take(registry.database, "materials", 1, session, ["record"])
        report = run_stage(Doubler(), registry)  # runs while the late writer holds its block
        doc = registry.database["materials"].find_one({"material_id": "test:0"})
        late = {**doc["facets"]["record"], "rev": rev}
        registry.database["materials"].update_one(
            {"material_id": "test:0"}, {"$set": {"nsites": 9, "facets.record": late}}, session=session
        )
        session.commit_transaction()
    assert report.due == 0

    report = run_stage(Doubler(), registry)

    assert report.due == 1
    assert registry.database["structures"].find_one({"parent_id": "test:0"})["nsites"] == 18


def test_a_member_of_a_group_changes(registry: Connection) -> None:
    put_materials(
        registry, [{"material_id": f"test:{i}", "formula_reduced": f, "nsites": 1} for i, f in enumerate("AABBCCDD")]
    )
    first = run_stage(Summer(), registry)

    put_materials(registry, [{"material_id": "test:2", "formula_reduced": "B", "nsites": 5}])
    second = run_stage(Summer(), registry)

    sums = {doc["structure_id"]: doc["value"] for doc in registry.database["properties"].find()}
    assert (first.due, second.due, second.updated) == (4, 1, 1)
    assert sums == {"A": 2, "B": 6, "C": 2, "D": 2}


def test_a_group_that_loses_all_members_loses_its_value(registry: Connection) -> None:
    put_materials(registry, [{"material_id": f"test:{i}", "formula_reduced": f} for i, f in enumerate("AAB")])
    run_stage(Summer(), registry)

    retire_materials(registry, ["test:2"])
    run_stage(Summer(), registry)

    assert registry.database["properties"].find_one({"structure_id": "B"})["deprecated"]
    assert not registry.database["properties"].find_one({"structure_id": "A"})["deprecated"]


def test_a_stage_that_writes_where_it_reads_does_not_feed_itself(registry: Connection) -> None:
    put_materials(registry, [{"material_id": f"test:{i}", "formula_reduced": f} for i, f in enumerate("AAB")])

    first = run_stage(Linker(), registry)
    second = run_stage(Linker(), registry)

    assert (first.due, first.updated) == (2, 3)
    assert second.due == 0
    assert registry.database["materials"].find_one({"material_id": "test:0"})["same_as"] == ["test:1"]


def test_a_facet_keeps_off_the_fields_of_another(registry: Connection) -> None:
    put_materials(registry, [{"material_id": f"test:{i}", "formula_reduced": "A"} for i in range(2)])
    run_stage(Linker(), registry)

    put_materials(registry, [{"material_id": "test:0", "formula_reduced": "A", "nsites": 7}])
    doc = registry.database["materials"].find_one({"material_id": "test:0"})

    assert doc["nsites"] == 7
    assert doc["same_as"] == ["test:1"]


def test_a_member_that_leaves_a_group_makes_both_groups_due(registry: Connection) -> None:
    put_materials(registry, [{"material_id": f"test:{i}", "formula_reduced": "A"} for i in range(2)])
    run_stage(Linker(), registry)

    put_materials(registry, [{"material_id": "test:0", "formula_reduced": "B"}])
    report = run_stage(Linker(), registry)

    assert report.due == 2
    assert registry.database["materials"].find_one({"material_id": "test:1"})["same_as"] == []


def test_groups_over_two_collections(registry: Connection) -> None:
    put_materials(registry, [{"material_id": "test:0", "formula_reduced": "st-test:0-0"}, {"material_id": "test:1"}])
    run_stage(Doubler(), registry)
    run_stage(Judge(), registry)
    assert registry.database["candidates"].count_documents({"status": "waiting"}) == 2

    run_stage(Summer(), registry)  # gives structure st-test:0-0 a property
    report = run_stage(Judge(), registry)

    assert report.updated == 1
    assert registry.database["candidates"].find_one({"status": "promoted"})["structure_id"] == "st-test:0-0"


def test_only_one_run_at_a_time(registry: Connection) -> None:
    put_materials(registry, materials(3))

    with Lease(registry, "stage doubler", seconds=30), pytest.raises(LeaseHeld, match="is being run by"):
        run_stage(Doubler(), registry)

    assert run_stage(Doubler(), registry).inserted == 3


def test_a_run_that_is_taken_over_while_it_reads_ahead_writes_nothing_more(registry: Connection) -> None:
    put_materials(registry, materials(40))

    def take_over(*_: object) -> None:
        registry.database["leases"].update_one({"job": "stage doubler"}, {"$inc": {"token": 1}})
        registry.database["stage_states"].update_one({"stage": "doubler"}, {"$inc": {"token": 1}})

    with pytest.raises(LeaseLost, match="taken over by another run"):
        run_stage(Doubler(), registry, batch_size=5, progress=take_over)
    written = registry.database["structures"].count_documents({})

    assert written in (5, 10)  # the second was on its way when the first was reported
    assert run_stage(Doubler(), registry).inserted == 40 - written


@pytest.mark.endurance
def test_workers_give_what_one_process_gives(registry: Connection) -> None:
    put_materials(registry, materials(40))

    report = run_stage(Doubler(copies=2), registry, processes=2, batch_size=7)

    assert (report.due, report.inserted) == (40, 80)
    made = registry.database["structures"].find()
    assert {doc["structure_id"]: doc["nsites"] for doc in made} == {
        f"st-test:{i}-{copy}": 2 * (i + 1) for i in range(40) for copy in range(2)
    }
    assert run_stage(Doubler(copies=2), registry).due == 0


@pytest.mark.endurance
@pytest.mark.parametrize("processes", [1, 2])
def test_progress_counts_what_is_written_and_not_what_is_being_computed(registry: Connection, processes: int) -> None:
    put_materials(registry, materials(40))
    counted = []

    def look(stage: Stage, _report: StageReport) -> None:
        counted.append((stage.current_run.done, registry.database["structures"].count_documents({})))

    run_stage(Doubler(), registry, processes=processes, batch_size=5, progress=look)

    assert all(done <= written for done, written in counted)
    assert counted[-1] == (40, 40)


def test_a_worker_that_dies_costs_one_item(registry: Connection) -> None:
    put_materials(registry, materials(12))
    put_materials(registry, [{"material_id": "test:5", "extra": {"die": True}}])

    report = run_stage(Doubler(), registry, processes=2, batch_size=4)

    assert (report.inserted, report.failed) == (11, 1)
    assert "died" in registry.database["failures"].find_one({"item": "test:5"})["last_error"]


def test_the_run_is_on_record(registry: Connection) -> None:
    put_materials(registry, materials(3))
    put_materials(registry, [{"material_id": "test:1", "extra": {"fail": "now"}}])

    run_stage(Doubler(), registry)

    run = registry.database["runs"].find_one({"job": "run doubler"})
    assert run["state"] == "partial"
    assert run["stages"][0]["inserted"] == 2
    assert run["stages"][0]["failed"] == 1
    assert run["ended_at"] >= run["started_at"]
