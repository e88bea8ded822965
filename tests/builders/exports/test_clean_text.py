"""Control characters of data never reach a terminal, whatever prints them."""

import io
import json

import pytest
from exfolio.builders.exports.clean_text import clean, escaped
from exfolio.cli.display import console
from rich.markup import escape
from rich.table import Table

HOSTILE = "\x1b[31mred\x1b]0;title\x07\x9b2J\r\x00\u202eevil\x7f"


@pytest.mark.parametrize("terminal", [True, False])
def test_nothing_that_is_printed_holds_them(monkeypatch: pytest.MonkeyPatch, terminal: bool) -> None:
    # Given a console, and a table and lines whose texts come from a file
    stream = io.StringIO()
    out = console._Console(file=stream, force_terminal=terminal, color_system=None, width=200)
    table = Table(HOSTILE)
    table.add_row(HOSTILE)
    # When they are printed as commands do
    out.print(table)
    out.print(HOSTILE, markup=False)
    out.print(f"[bold]{escape(HOSTILE)}[/]")
    # Then what they hold is told by signs
    assert not set(stream.getvalue().replace("\x1b[1m", "").replace("\x1b[0m", "")) & set(
        "\x1b\x07\x9b\r\x00\u202e\x7f"
    )
    assert "␛" in stream.getvalue()


def test_json_is_the_same_when_it_is_read_again() -> None:
    text = escaped(json.dumps({"id": HOSTILE}, ensure_ascii=False))
    assert text.isprintable()
    assert json.loads(text) == {"id": HOSTILE}


def test_an_id_is_no_picture() -> None:
    stream = io.StringIO()
    out = console._Console(file=stream, color_system=None, width=200)
    table = Table("id")
    table.add_row("lab:o:1")
    out.print(table)
    out.print("lab:a:b")
    assert "lab:o:1" in stream.getvalue()
    assert "lab:a:b" in stream.getvalue()


def test_plain_text_stays() -> None:
    assert clean("µB, Å², 中文\n\tMg(OH)₂") == "µB, Å², 中文\n\tMg(OH)₂"
