"""``exfolio demo``: what it prints, on a few crystals in place of all bundled ones."""

import shlex
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import small_registry
from exfolio.cli.commands.running import demo
from exfolio.stores.connection import Connection
from known_crystals import campaign, crystals, monolayer_of, put, revisions

Ask = Callable[..., tuple[int, str, str]]


@pytest.fixture
def few(asked: Connection, monkeypatch: pytest.MonkeyPatch) -> Iterator[Connection]:
    """Four bulk crystals, and a campaign that pulls nothing more."""
    monkeypatch.setenv("EXFOLIO_PROCESSES", "1")
    small = campaign().model_copy(update={"name": "two-dimensional"})
    monkeypatch.setattr(demo, "load_campaigns", lambda _: [small])
    small_registry.empty(asked)
    put(asked, [*crystals("C-graphite-2H", "BN-h", "MoS2-2H", "NaCl-rocksalt"), monolayer_of("MoS2-2H")])
    yield asked
    small_registry.empty(asked)


def test_it_shows_funnel_candidates_reasons_and_what_to_try_next(few: Connection, ask: Ask) -> None:
    code, printed, said = ask("demo")

    assert code == 0
    assert "judge:two-dimensional" in said
    assert "3 candidates: 1 promoted, 1 waiting for a value, 1 rejected" in printed
    graphene = few.database["candidates"].find_one({"formula_reduced": "C"}) or {}
    assert "The best candidates (promoted)" in printed
    assert graphene["structure_id"][:8] in printed
    assert "The most promising (waiting for: exfoliable)" in printed
    assert "1 by novel, e.g. MoS2" in printed
    assert "no, has to be yes" in printed
    assert f"exfolio show {graphene['candidate_id']}" in printed


def test_the_commands_it_names_work(few: Connection, ask: Ask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("uvicorn.run", lambda *_, **__: None)  # which would serve until it is stopped
    _, printed, _ = ask("demo")
    shown = [line.strip("│ ") for line in printed.splitlines() if line.startswith("│ exfolio ")]
    assert len(shown) == 9

    for line in shown:
        if "ingest" in line:  # of files that the user has
            continue
        code, _, said = ask(*shlex.split(line)[1:])
        assert code == 0, f"{line}: {said}"


def test_json_is_one_document_and_a_second_run_finds_nothing_to_do(
    few: Connection, ask_json: Callable[..., Any]
) -> None:
    first = ask_json("demo")
    before = revisions(few)
    second = ask_json("demo")

    assert (first["candidates"], first["promoted"], first["waiting"], first["rejected"]) == (3, 1, 1, 1)
    assert [one["formula_reduced"] for one in first["shortlist"]] == ["C"]
    assert [one["formula_reduced"] for one in first["most_promising"]] == ["BN"]
    assert [(one["gate"], one["number"]) for one in first["rejected_by_gate"]] == [("novel", 1)]
    assert {**second, "seconds": 0} == {**first, "seconds": 0}
    assert revisions(few) == before
