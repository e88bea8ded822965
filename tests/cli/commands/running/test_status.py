"""``exfolio status``, ``retry`` and ``diff``: how things stand, and what they tell the shell."""

import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import small_registry
from exfolio.stores.bookkeeping import runs
from exfolio.stores.bookkeeping.leases import Lease
from exfolio.stores.clock import utc_now
from exfolio.stores.connection import Connection
from exfolio.stores.documents import Material

Ask = Callable[..., tuple[int, str, str]]


def by_name(rows: list[dict[str, Any]], name: str) -> dict[str, dict[str, Any]]:
    return {row[name]: row for row in rows}


def test_status_counts_what_there_is_and_what_is_due(registry: Connection, ask_json: Callable[..., Any]) -> None:
    state = ask_json("status", code=1)

    materials = by_name(state["collections"], "collection")["materials"]
    assert (materials["documents"], materials["deprecated"]) == (6, 1)
    [stage] = state["stages"]
    revisions = [doc["facets"]["record"]["rev"] for doc in registry.database["materials"].find()]
    assert stage["stage"] == "top-down"
    assert stage["due"] == sum(rev > 4 for rev in revisions)
    assert state["failures"] == [
        {
            "stage": "top-down",
            "waiting": 1,
            "parked": 1,
            "reasons": [
                {"reason": "no layers found within 5 tolerances", "items": 1},
                {"reason": "told to fail", "items": 1},
            ],
        }
    ]
    assert state["quarantine"] == [
        {"stage": "ingest:bulk", "pieces": 2, "reasons": [{"reason": "it has no sites", "items": 2}]}
    ]
    assert state["runs"][0]["state"] == "partial"


def test_status_ends_with_0_only_when_nothing_is_wrong(own_registry: Connection, ask: Ask) -> None:
    assert ask("status")[0] == 1
    for name in ("failures", "quarantine"):
        own_registry.database[name].delete_many({})
    code, printed, _ = ask("status")
    assert code == 0
    assert "nothing is wrong" in printed

    runs.begin(own_registry, "refresh two-dimensional", version="0.1.0", run_id="20260703T080000-cccccccc")
    runs.end(own_registry, "20260703T080000-cccccccc", "failed", error="the disk is full")
    code, printed, _ = ask("status", "--all")
    assert code == 1
    assert "the disk is full" in printed
    assert "the last run of refresh two-dimensional failed" in printed

    runs.begin(own_registry, "refresh two-dimensional", version="0.1.0", run_id="20260704T080000-dddddddd")
    assert ask("status")[0] == 0, "it goes on, in this very process"


def test_five_lines_say_what_a_person_wants_to_know(registry: Connection, ask: Ask) -> None:
    code, printed, _ = ask("status")

    holds, refreshed, due, wrong, next_step = (" ".join(line.split()) for line in printed.splitlines())
    assert code == 1
    assert "holds 6 materials, 1 composition, 1 structure; candidates: two-dimensional 1 promoted" in holds
    assert "0 waiting, 1 rejected" in holds
    assert refreshed.endswith("UTC, done in part")
    assert "top-down (7 materials)" in due
    assert "top-down: 2 failed, 1 of them parked; ingest:bulk: 2 of its input in quarantine" in wrong
    assert next_step == "next exfolio refresh"


def test_what_changed_twice_is_one_item(own_registry: Connection, ask_json: Callable[..., Any]) -> None:
    # Given a stage that reads two facets of materials, and one that reads materials and structures
    [state] = own_registry.database["stage_states"].find({}, {"_id": 0})
    two_facets = {"stage": "preferred", "consumed": {"materials:record": 0, "materials:links": 0}}
    groups = {"stage": "novelty", "consumed": {"materials:record": 0, "structures:proposal": 0}}
    own_registry.database["stage_states"].insert_many([{**state, **two_facets}, {**state, **groups}])
    small_registry.put(
        own_registry,
        Material,
        [{"material_id": "bulk:mos2", "same_as": ["flat:mos2"]}],
        facet="links",
        stage="links",
    )

    # When the registry is asked
    due = by_name(ask_json("status", code=1)["stages"], "stage")

    # Then a material that changed in both is counted once, and of groups it is only said that something is due
    assert due["preferred"]["due"] == own_registry.database["materials"].count_documents({})
    assert due["novelty"]["due"] is None


def test_a_facet_nobody_touched_makes_nothing_due(own_registry: Connection, ask_json: Callable[..., Any]) -> None:
    # Given a stage that has seen the last change of the facet it reads
    materials = own_registry.database["counters"].find_one({"_id": "materials"}) or {}
    consumed = {"consumed": {"materials:record": materials["facets"]["record"]}}
    own_registry.database["stage_states"].update_one({"stage": "top-down"}, {"$set": consumed})

    # When another facet of the same collection changes
    small_registry.put(
        own_registry,
        Material,
        [{"material_id": "bulk:mos2", "same_as": ["flat:mos2"]}],
        facet="links",
        stage="links",
    )

    # Then nothing is due
    state = ask_json("status", code=1)
    assert (state["stages"][0]["due"], state["due"]) == (0, [])
    assert state["summary"]["due"] == "nothing is due"


def test_a_run_whose_process_is_gone_has_died(own_registry: Connection, ask_json: Callable[..., Any]) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    runs.begin(own_registry, "run layers", version="0.1.0", run_id="20260705T080000-eeeeeeee")
    own_registry.database["runs"].update_one({"job": "run layers"}, {"$set": {"pid": gone.pid}})

    state = ask_json("status", code=1)

    assert state["runs"][0]["state"] == "died"
    assert "the last run of run layers died (20260705T080000-eeeeeeee)" in state["wrong"]


def test_status_shows_who_holds_a_lease(own_registry: Connection, ask_json: Callable[..., Any]) -> None:
    with Lease(own_registry, "stage layers", seconds=30) as lease:
        [held] = ask_json("status", code=1)["leases"]
    assert (held["job"], held["owner"], held["expired"]) == ("stage layers", lease.owner, False)
    assert ask_json("status", code=1)["leases"] == []


def test_a_server_that_is_away_ends_with_3(ask: Ask, monkeypatch: Any) -> None:
    monkeypatch.setenv("EXFOLIO_MONGO_URI", "mongodb://127.0.0.1:9/?replicaSet=none")
    monkeypatch.setenv("EXFOLIO_SERVER_WAIT_SECONDS", "0.2")

    code, printed, said = ask("status")

    assert (code, printed) == (3, "")
    assert "does not answer" in said


def test_retry_makes_what_was_parked_due_again(
    own_registry: Connection, ask: Ask, ask_json: Callable[..., Any]
) -> None:
    failures = own_registry.database["failures"]

    assert ask_json("retry", "bulk:nacl") == {"due_again": 1}
    again = failures.find_one({"item": "bulk:nacl"}) or {}
    assert again["parked"] is False
    assert again["next_retry_at"] <= utc_now()
    other = failures.find_one({"item": "bulk:mos2"}) or {}
    assert other["next_retry_at"] > utc_now(), "the other one waits on"

    assert ask_json("retry", "top-down/bulk:mos2") == {"due_again": 1}
    assert ask_json("retry", "top-down") == {"due_again": 2}
    assert ask_json("retry", "--all") == {"due_again": 2}
    code, _, said = ask("retry", "topdown")
    assert code == 2
    assert "Did you mean top-down?" in said
    assert ask("retry")[0] == 2
    assert ask("retry", "top-down", "--all")[0] == 2
    failures.delete_many({})
    assert ask("retry", "--all")[1] == "There are no failures.\n"


def test_diff_tells_new_from_changed_from_deprecated(
    own_registry: Connection, ask: Ask, ask_json: Callable[..., Any]
) -> None:
    yesterday = utc_now() - timedelta(days=1)
    long_ago = {"created_at": yesterday, "updated_at": yesterday, "facets.verdict.at": yesterday}
    own_registry.database["candidates"].update_many({}, {"$set": long_ago})
    runs.begin(own_registry, "refresh two-dimensional", version="0.1.0", run_id=small_registry.NEXT_RUN)
    assert ask_json("diff", small_registry.NEXT_RUN)["changes"] == []

    small_registry.put_candidates(
        own_registry,
        run_id=small_registry.NEXT_RUN,
        status="rejected",
        rejected_by="exfoliable",
        history=[{"status": "promoted", "judged_at": yesterday.isoformat()}],
    )

    [change] = ask_json("diff", small_registry.NEXT_RUN)["changes"]
    assert (change["change"], change["before"], change["after"]) == ("changed", "promoted", "rejected")
    assert (change["facets"], change["run_id"]) == (["verdict"], small_registry.NEXT_RUN)
    code, printed, said = ask("diff", "last")
    assert code == 0
    assert "promoted → rejected" in printed
    assert "1 candidate: 1 changed" in said

    since = (utc_now() - timedelta(hours=1)).isoformat()
    kinds = {change["id"]: change["change"] for change in ask_json("diff", since, "materials")["changes"]}
    assert kinds["bulk:mos2"] == "new"
    assert "bulk:old" not in kinds, "it came and went in between"
    own_registry.database["materials"].update_many({}, {"$set": {"created_at": yesterday}})
    kinds = {change["id"]: change["change"] for change in ask_json("diff", since, "materials")["changes"]}
    assert (kinds["bulk:old"], kinds["bulk:mos2"]) == ("deprecated", "changed")


def test_diff_wants_a_run_or_a_date(registry: Connection, ask: Ask) -> None:
    code, _, said = ask("diff", "yesterday")
    assert code == 2
    assert "neither a run nor a date" in said
    code, _, said = ask("diff", "2026-01-01", "runs")
    assert code == 2
    assert "keeps no record of changes" in said
