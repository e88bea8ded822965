"""``exfolio funnel``: where candidates fall out."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from exfolio.cli.commands.asking import funnel
from exfolio.cli.display import tables
from exfolio.cli.display.console import _Console
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

    # And the same of candidates that an earlier version has judged, which had no letters for their verdicts
    assert judged.database["candidates"].update_many({}, {"$unset": {"gate_verdicts": ""}}).modified_count
    assert ask_json("funnel", "layers") == found


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
    assert "vanadium-oxides. For one of your own" in said


@pytest.mark.parametrize(("width", "has_bars"), [(78, False), (86, True), (110, True)])
def test_no_number_of_a_funnel_is_cut_for_a_bar(monkeypatch: pytest.MonkeyPatch, width: int, has_bars: bool) -> None:
    stream = io.StringIO()
    console = _Console(file=stream, force_terminal=True, color_system=None, width=width)
    monkeypatch.setattr(tables, "out", console)
    monkeypatch.setattr(funnel, "out", console)
    numbers = {"reached": 1_274_191, "passed": 1_063_488, "rejected": 210_703, "unknown": 0, "not_applicable": 0}

    funnel.print_gates([{"gate": "predicted formation energy", "condition": ">= 0.95", **numbers}])

    head, row = stream.getvalue().splitlines()
    assert head.split() == ["gate", "condition", "reached", "passed", "rejected", "unknown"]
    assert {"1,274,191", "1,063,488", "210,703", "0"} <= set(row.split())
    assert ("█" in row) is has_bars


def test_what_reached_a_gate_passed_failed_waits_or_is_not_concerned(capsys: pytest.CaptureFixture[str]) -> None:
    row = {"gate": "charge neutral", "condition": "yes", "reached": 520}

    funnel.print_gates([{**row, "passed": 344, "rejected": 5, "unknown": 0, "not_applicable": 171}])

    head, line, note = capsys.readouterr().out.splitlines()
    assert head.split()[2:] == ["reached", "passed", "rejected", "unknown", "n/a"]
    assert line.split()[3:8] == ["520", "344", "5", "0", "171"]
    assert note.startswith("n/a: ")
