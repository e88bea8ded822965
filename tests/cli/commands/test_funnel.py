"""``exfolio funnel``: where candidates fall out."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from exfolio.stores.connection import Connection

Ask = Callable[..., tuple[int, str, str]]


def test_the_funnel_counts_gate_by_gate(judged: Connection, ask_json: Callable[..., Any]) -> None:
    found = ask_json("funnel", "layers")

    totals = {name: found[name] for name in ("candidates", "promoted", "waiting", "rejected")}
    assert totals == {"candidates": 4, "promoted": 1, "waiting": 1, "rejected": 2}
    columns = ("gate", "condition", "reached", "passed", "rejected", "unknown", "undecided")
    assert [tuple(row[name] for name in columns) for row in found["gates"]] == [
        ("valid", "yes", 4, 4, 0, 0, 0),
        ("novel", "yes", 4, 3, 1, 0, 0),
        ("exfoliable", "<= 0.2", 3, 1, 1, 1, 1),
    ]


def test_without_a_name_it_is_the_only_campaign_there_is(judged: Connection, ask_json: Callable[..., Any]) -> None:
    assert ask_json("funnel")["campaign"] == "layers"


def test_the_funnel_for_people(judged: Connection, ask: Ask) -> None:
    code, printed, _ = ask("funnel", "layers")

    assert code == 0
    assert "exfoliable" in printed
    assert "4 candidates: 1 promoted, 1 waiting for a value, 2 rejected" in printed
    assert "unknown though a bound or an interval is known: exfoliable 1" in printed


def test_a_campaign_that_never_ran_and_one_that_is_not(judged: Connection, ask: Ask, tmp_path: Path) -> None:
    code, printed, said = ask("funnel", "two-dimensional")
    assert (code, printed) == (2, "")
    assert "has not been refreshed in this registry" in said

    code, _, said = ask("funnel", "three-dimensional")
    assert code == 2
    assert "two-dimensional. For one of your own" in said
