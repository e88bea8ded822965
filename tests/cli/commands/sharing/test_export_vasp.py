"""``exfolio export vasp`` on the command line."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import small_registry
from exfolio.stores.connection import Connection

Ask = Callable[..., tuple[int, str, str]]


@pytest.fixture
def waiting(own_registry: Connection) -> Iterator[Connection]:
    """The small registry, whose monolayer of MoS2 waits for its exfoliation energy."""
    gate: dict[str, Any] = {"name": "exfoliable", "field": "exfoliation_energy", "condition": "<= 0.2"}
    gates = [{**gate, "verdict": "unknown"}]
    small_registry.put_candidates(
        own_registry, dimension=2, exfoliation_energy=None, gates=gates, status="waiting", waiting_for="exfoliable"
    )
    return own_registry


def test_calculations_are_written_and_counted(waiting: Connection, ask: Ask, tmp_path: Path) -> None:
    out = tmp_path / "runs"
    code, printed, said = ask("export", "vasp", "--campaign", "two-dimensional", "--out", str(out))

    assert code == 0, said
    assert "calculations 4 new" in printed
    assert len(list(out.glob("*/*/INCAR"))) == 4
    assert len(list(out.glob("*/run.sh"))) == 2

    code, printed, _ = ask("export", "vasp", "--campaign", "two-dimensional", "--out", str(out), "--json")
    assert code == 0
    answer = json.loads(printed)
    assert (answer["new"], answer["unchanged"]) == ([], 4)


def test_a_functional_may_be_chosen_and_is_checked(waiting: Connection, ask: Ask, tmp_path: Path) -> None:
    command = ("export", "vasp", "--campaign", "two-dimensional", "--out", str(tmp_path))

    assert ask(*command, "--vdw", "r2scan+rvv10")[0] == 0
    assert len(list(tmp_path.glob("*/r2SCAN-rVV10-static/INCAR"))) == 2
    code, _, said = ask(*command, "--vdw", "LDA")
    assert code == 2
    assert "LDA" in said


def test_an_export_may_be_limited_and_filtered(waiting: Connection, ask: Ask, tmp_path: Path) -> None:
    command = ("--campaign", "two-dimensional", "--out", str(tmp_path))

    code, printed, said = ask("export", "vasp", 'elements HAS "Se"', *command)
    assert (code, printed) == (0, "")
    assert "No candidate of two-dimensional waits" in said
    code, printed, _ = ask("export", "vasp", 'elements HAS "S"', *command, "--limit", "1", "--first", "hull")
    assert code == 0
    assert "calculations 4 new" in printed

    code, printed, said = ask("export", "vasp", *command, "--first", "1")
    assert code == 0, said
    assert "calculations 4 there already" in printed

    code, _, said = ask("export", "vasp", *command, "--first", "0")
    assert (code, "--first" in said) == (2, True)
    code, _, said = ask("export", "vasp", *command, "--first", "hull")
    assert (code, "--limit" in said) == (2, True)
    code, _, said = ask("export", "vasp", *command, "--limit", "1", "--first", "price")
    assert (code, "gates, hull, size" in said) == (2, True)
    code, _, said = ask("export", "vasp", "no_such_field = 1", *command)
    assert (code, "no_such_field" in said) == (2, True)


def test_layers_of_an_older_vasp_wait_for_their_relaxed_bulk(waiting: Connection, ask: Ask, tmp_path: Path) -> None:
    command = ("export", "vasp", "--campaign", "two-dimensional", "--out", str(tmp_path), "--fixed-in-plane")
    code, printed, said = ask(*command)

    assert code == 0
    assert "calculations 2 new" in printed
    assert "not yet:" in said
    assert "starts from the in-plane cell of its bulk, bulk:mos2" in said


def test_bad_requests_are_refused_with_the_remedy(waiting: Connection, ask: Ask, tmp_path: Path) -> None:
    code, _, said = ask("export", "vasp", "--campaign", "no-such", "--out", str(tmp_path))
    assert code == 2
    assert "no campaign is called 'no-such'" in said
    code, _, said = ask("export", "vasp", "--out", str(tmp_path))
    assert code == 2
    assert "--campaign" in said


def test_a_campaign_without_open_values_has_nothing_to_calculate(
    registry: Connection, ask: Ask, tmp_path: Path
) -> None:
    code, printed, said = ask("export", "vasp", "--campaign", "two-dimensional", "--out", str(tmp_path))

    assert (code, printed) == (0, "")
    assert "No candidate of two-dimensional waits for a calculation." in said


def test_export_of_a_collection_is_as_it_was(registry: Connection, ask: Ask) -> None:
    code, printed, _ = ask("export", "--help")

    assert code == 0
    assert "export vasp --help" in printed
