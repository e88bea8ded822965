"""Campaigns over HTTP: who was promoted, and why."""

from collections.abc import Callable

import requests

Get = Callable[..., requests.Response]


def test_why_gives_every_gate_of_a_candidate(get: Get) -> None:
    [verdict] = get("/api/v1/why/two-dimensional/st-1890e1f5735df206").json()

    assert verdict["status"] == "promoted"
    assert {gate["verdict"] for gate in verdict["gates"]} == {"passed"}


def test_a_campaign_that_is_not_there_is_not_found(get: Get) -> None:
    answer = get("/api/v1/campaigns/nobody/funnel")

    assert answer.status_code == 404
    assert "nobody" in answer.json()["detail"]


def test_the_status_counts_and_names_nothing_secret(get: Get) -> None:
    status = get("/api/v1/status")

    counts = {row["collection"]: row["documents"] for row in status.json()["collections"]}
    assert counts["materials"] == 7
    assert "mongodb://" not in status.text


def test_changes_since_a_moment_are_listed(get: Get) -> None:
    changes = get("/api/v1/collections/materials/changes", since="2026-01-01", limit=3).json()

    assert len(changes) == 3
    assert get("/api/v1/collections/materials/changes", since="yesterdayish").status_code == 400
