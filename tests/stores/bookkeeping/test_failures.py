"""What failed is tried again after growing waits, and in the end left to a person."""

from dataclasses import replace
from typing import Any

import pytest
from exfolio.stores.bookkeeping import failures
from exfolio.stores.bookkeeping.failures import Failure
from exfolio.stores.connection import Connection

STAGE = "layers"


@pytest.fixture
def patient(connection: Connection) -> Connection:
    """A database whose waits begin with 60 s and grow fivefold, to at most 2000 s; the fifth attempt is the last."""
    waits = {"retry_first_seconds": 60, "retry_factor": 5, "retry_longest_seconds": 2000, "retry_attempts": 5}
    return replace(connection, settings=connection.settings.model_copy(update=waits))


def fail(connection: Connection, *items: str) -> dict[str, Any]:
    with connection.client.start_session() as session:
        failed = {item: Failure(f"no layers in {item}") for item in items}
        failures.record(connection, STAGE, failed, run_id="run", session=session)
    return connection.database["failures"].find_one({"item": items[0]}) or {}


def wait_of(failure: dict[str, Any]) -> float:
    return float((failure["next_retry_at"] - failure["last_failed_at"]).total_seconds())


def test_each_wait_is_longer_by_the_factor_up_to_the_longest_and_the_last_attempt_parks(patient: Connection) -> None:
    attempts = [fail(patient, "bulk:mos2") for _ in range(5)]
    assert [wait_of(failure) for failure in attempts] == [60, 300, 1500, 2000, 2000]
    assert [failure["attempts"] for failure in attempts] == [1, 2, 3, 4, 5]
    assert [failure["parked"] for failure in attempts] == [False, False, False, False, True]
    assert len({failure["first_failed_at"] for failure in attempts}) == 1
    patient.close()


def test_items_wait_each_for_itself_and_a_success_begins_anew(patient: Connection) -> None:
    fail(patient, "bulk:mos2")
    fail(patient, "bulk:nacl", "bulk:mos2")
    with patient.client.start_session() as session:
        failures.clear(patient, STAGE, ["bulk:nacl"], session=session)
    assert wait_of(fail(patient, "bulk:nacl")) == 60
    assert wait_of(fail(patient, "bulk:mos2")) == 1500
    patient.close()


def test_an_item_is_due_when_its_wait_is_over_unless_it_is_parked(patient: Connection) -> None:
    fail(patient, "over", "parked", "waits")
    collection = patient.database["failures"]
    for item in ("over", "parked"):
        collection.update_one({"item": item}, [{"$set": {"next_retry_at": "$first_failed_at"}}])
    collection.update_one({"item": "parked"}, {"$set": {"parked": True}})

    assert failures.due(patient, STAGE) == ["over"]
    assert sorted(failures.waiting(patient, STAGE)) == ["parked", "waits"]

    assert failures.unpark(patient, stage=STAGE, item="parked") == 1
    assert sorted(failures.due(patient, STAGE)) == ["over", "parked"]
    assert failures.due(patient, "another") == []
    patient.close()
