"""Progress says what it counts."""

import pytest
from exfolio.builders.engine.stage import Stage
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
