"""Progress says what it counts, and a funnel shows bars only where they leave the numbers room."""

import io

import pytest
from exfolio.builders.engine.stage import Stage
from exfolio.cli.commands import funnel
from exfolio.cli.display import tables
from exfolio.cli.display.console import _Console
from exfolio.cli.display.progress import unit_of
from toy_compositions import Drawer, Screen
from toy_stages import Doubler, Summer


@pytest.mark.parametrize(
    ("stage", "unit"),
    [(Doubler(), "materials"), (Screen(), "compositions"), (Summer(), "formulas"), (Drawer(), "items")],
    ids=lambda value: value if isinstance(value, str) else value.name,
)
def test_what_is_counted_has_a_name(stage: Stage, unit: str) -> None:
    assert unit_of(stage) == unit


def test_what_trains_counts_steps() -> None:
    stage = Doubler()
    stage.steps = (10, 100)

    assert unit_of(stage) == "steps"


@pytest.mark.parametrize(("width", "has_bars"), [(78, False), (110, True)])
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
