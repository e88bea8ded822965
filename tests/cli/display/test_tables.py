"""Tables on terminals of any width: whole numbers, or none."""

import io
import re

import pytest
from exfolio.cli.display import tables
from exfolio.cli.display.console import _Console
from rich.table import Table

NUMBERS = ("1.048", "-12.3457", "0.050 (0.010 to 0.090)", "123456", "≥ 0.077")


def printed(monkeypatch: pytest.MonkeyPatch, width: int, rows: int = 2) -> str:
    stream = io.StringIO()
    monkeypatch.setattr(tables, "out", _Console(file=stream, force_terminal=True, color_system=None, width=width))
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("material_id", no_wrap=True)
    table.add_column("formula")
    for name in ("formation energy", "exfoliation energy", "energy above hull", "nsites", "band gap"):
        table.add_column(f"{name}\neV/atom", justify="right")
    table.add_column("note", overflow="fold")
    for _ in range(rows):
        table.add_row("2dmatpedia:2dm-3594", "MoS2", *NUMBERS, "relaxed from 12.345 Å by the potential, 3 of 4 steps")
    tables.print_table(table)
    return stream.getvalue()


@pytest.mark.parametrize("width", [20, 30, 40, 60, 80, 100, 120, 200])
def test_no_number_is_cut_or_broken(monkeypatch: pytest.MonkeyPatch, width: int) -> None:
    text = printed(monkeypatch, width)

    # Each number that is told is whole, and what isn't told as a column is named
    assert set(re.findall(r"\d+\.\d+", text)) <= {"1.048", "12.3457", "0.050", "0.010", "0.090", "0.077", "12.345"}
    if width >= 60:
        assert max(map(len, text.partition("No room for")[0].splitlines())) <= width
    for name, number in zip(("formation", "exfoliation", "above hull", "nsites", "band"), NUMBERS, strict=True):
        assert number in text or name in text.partition("No room for")[2]


def test_a_wide_terminal_has_all_and_a_narrow_one_lists(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "No room" not in printed(monkeypatch, 200)
    assert "No room for: nsites, band gap, note" in printed(monkeypatch, 80)
    listed = printed(monkeypatch, 20, rows=1).splitlines()
    assert listed[:3] == ["material_id 2dmatpedia:2dm-3594", "formula MoS2", "formation energy 1.048"]


def test_heads_are_broken_after_words_and_never_inside_one(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    monkeypatch.setattr(tables, "out", _Console(file=stream, force_terminal=True, color_system=None, width=34))
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for name in ("exfoliation_energy", "electronegativity balanced", "n"):
        table.add_column(name)
    table.add_row("0.1", "yes", "3")

    tables.print_table(table)

    assert [line.split() for line in stream.getvalue().splitlines()] == [
        ["exfoliation_", "electronegativity"],
        ["energy", "balanced", "n"],
        ["0.1", "yes", "3"],
    ]
