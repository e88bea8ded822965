"""``exfolio schedule`` and ``exfolio status --health``: what they print, and their exit codes."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from exfolio.cli.commands.running import schedule

Ask = Callable[..., tuple[int, str, str]]


def test_without_a_schedule_it_says_how_to_write_one(ask: Ask) -> None:
    code, _, errors = ask("schedule")
    assert code == 2
    assert "nothing is on the schedule" in errors
    assert "[schedule]" in errors


def test_the_plan_is_shown(ask_json: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EXFOLIO_SCHEDULE__REFRESH", "@daily")
    monkeypatch.setenv("EXFOLIO_SCHEDULE__CAMPAIGNS", '{"two-dimensional": "0 4 * * sun"}')
    rows = ask_json("schedule", "--show")
    assert [row["job"] for row in rows] == ["refresh", "campaign two-dimensional"]
    assert all(row["next_due_at"] for row in rows)


def test_all_times_of_the_plan_are_in_the_zone_of_its_expressions(capsys: pytest.CaptureFixture[str]) -> None:
    half_past_twelve = datetime(2026, 1, 31, 12, 30, tzinfo=UTC)

    schedule._show([{"job": "refresh", "cron": "0 18 * * *", "ended_at": half_past_twelve}], "Asia/Kolkata", json=False)
    shown = capsys.readouterr().out

    assert "2026-01-31 18:00" in shown
    assert shown.splitlines()[-1] == "times: Asia/Kolkata"


def test_once_and_then_the_health(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EXFOLIO_SCHEDULE__SOURCES", '{"nowhere": "@daily"}')

    code, printed, _ = ask("schedule", "--once", "--json")
    assert code == 1
    (ending,) = json.loads(printed)
    assert (ending["job"], ending["state"]) == ("source nowhere", "failed")

    code, printed, _ = ask("status", "--health", "--json")
    checks = {check["name"]: check for check in json.loads(printed)["checks"]}
    assert code == 0
    assert checks["source nowhere"]["message"].startswith("failed, failures in a row: 1")
    assert checks["scheduler"]["message"] == "run by cron or a timer"


def test_health_of_a_schedule_that_nobody_runs(ask: Ask, asked: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    asked.database["scheduled_jobs"].delete_many({})
    monkeypatch.setenv("EXFOLIO_SCHEDULE__REFRESH", "@daily")
    code, printed, _ = ask("status", "--health")
    assert code == 1
    assert "does not run" in printed
