"""What the shell proposes while a command is typed: quickly, from the registry, and never an error."""

from collections.abc import Callable
from pathlib import Path

import pytest
import typer
from exfolio.cli import completion
from exfolio.cli.main import build
from exfolio.stores.connection import Connection

Complete = Callable[..., list[str]]


@pytest.fixture
def complete(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Complete:
    """Ask as bash does, with the words as it cuts them."""

    def ask(*words: str) -> list[str]:
        monkeypatch.setenv("COMP_WORDS", "\n".join(("exfolio", *words)))
        monkeypatch.setenv("COMP_CWORD", str(len(words)))
        monkeypatch.setenv(completion.VARIABLE, "complete_bash")
        completion.answer(lambda typed: typer.main.get_command(build(typed))(args=[], prog_name="exfolio"))
        answered = capsys.readouterr()
        assert answered.err == ""
        return answered.out.split()

    return ask


def test_names_of_the_registry_are_proposed(
    registry: Connection, complete: Complete, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("home", "mongod", "database"):
        monkeypatch.setenv(f"EXFOLIO_{name.upper()}", str({**vars_of(registry)}[name]))

    assert complete("query", "mat") == ["materials"]
    assert complete("show", "bulk:mos") == ["mos2"]  # bash goes on after the colon
    assert complete("show", "bulk", ":", "mos") == ["mos2"]
    assert "two-dimensional" in complete("funnel", "two")
    assert complete("run", "no-such-stage") == []


def test_without_a_registry_nothing_is_proposed_and_nothing_is_said(
    complete: Complete, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EXFOLIO_HOME", str(tmp_path / "nothing"))
    assert complete("show", "st-") == []
    assert complete("query", "cand") == ["candidates"]
    monkeypatch.setenv("EXFOLIO_QUERY_SECONDS", "no number")
    assert complete("why", "st-") == []
    assert not (tmp_path / "nothing").exists()


def vars_of(connection: Connection) -> dict[str, str]:
    settings = connection.settings
    return {"home": str(settings.home), "mongod": str(settings.mongod), "database": connection.name}


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("exfolio\nshow\nhandbook\n:\nMo", ["show", "handbook:Mo"]),
        ("exfolio\nshow\nhandbook\n:", ["show", "handbook:"]),
        ("exfolio\nquery\n", ["query", ""]),
    ],
)
def test_words_that_bash_cuts_at_colons_are_joined(typed: str, words: list[str]) -> None:
    environment = {"COMP_WORDS": typed, "COMP_CWORD": str(typed.count("\n"))}

    assert completion.words(environment) == words
    assert environment["COMP_WORDS"].split("\n")[1:] == words
    assert int(environment["COMP_CWORD"]) == len(words)
