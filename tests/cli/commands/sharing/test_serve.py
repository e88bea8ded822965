"""``exfolio serve`` and ``exfolio open``: what they say, and to whom they listen."""

import webbrowser
from collections.abc import Callable
from typing import Any

import pytest
import uvicorn
from exfolio.stores.connection import Connection
from loopback import Loopback

Ask = Callable[..., tuple[int, str, str]]


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What would have been served, and where."""
    calls: list[dict[str, Any]] = []
    monkeypatch.setattr(uvicorn, "run", lambda app, **options: calls.append({"app": app, **options}))
    return calls


def test_serve_listens_on_loopback_unless_told_otherwise(
    registry: Connection, ask: Ask, served: list[dict[str, Any]]
) -> None:
    code, _, errors = ask("serve")

    assert code == 0
    assert served[0]["host"] == "127.0.0.1"
    assert "http://127.0.0.1:8000" in errors
    assert "may write" not in errors


@pytest.mark.usefixtures("registry", "served")
def test_serve_says_that_other_machines_are_let_in(ask: Ask) -> None:
    code, _, errors = ask("serve", "--host", "0.0.0.0", "--port", "8081")

    assert code == 0
    assert "whoever reaches this machine can read the registry" in errors


def test_the_uri_is_of_a_user_who_only_reads(registry: Connection, ask: Ask) -> None:
    _, reader, _ = ask("db", "uri")
    _, writer, _ = ask("db", "uri", "--writer")

    assert reader.startswith("mongodb://exfolio-reader:")
    assert f"/{registry.name}?" in reader
    assert writer.startswith("mongodb://exfolio:")


def test_open_says_when_nothing_is_served(registry: Connection, ask: Ask) -> None:
    code, _, errors = ask("open", "bulk:mos2", "--address", "http://127.0.0.1:9")

    assert code == 3
    assert "exfolio serve" in errors


def test_open_opens_the_page_of_what_is_meant(registry: Connection, ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    monkeypatch.setattr(webbrowser, "open", opened.append)

    with Pages() as pages:
        code, printed, errors = ask("open", "st-1890", "--address", pages.url)

    assert code == 0, errors
    assert opened == [f"{pages.url}/d/st-1890e1f5735df206"]
    assert printed.strip() == opened[0]


class Pages(Loopback):
    """Answers as a server of the registry would, in short."""

    def answer(self, *_: Any) -> tuple[int, Any]:
        return 200, []
