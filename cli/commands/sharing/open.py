"""``exfolio open``: the page of a document, in a browser."""

from __future__ import annotations

import webbrowser
from typing import Annotated
from urllib.parse import quote

import requests
import typer

from ....builders.training.shipped.shipped_models import find_document_or_card
from ....stores.connection import connect
from ....stores.errors import CannotRunError
from ... import completion
from ...display.console import begin, write_line
from ...views.of_formula import reduced_formula

_SECONDS = 2


def register(app: typer.Typer) -> None:
    """Add ``open`` to the app."""
    app.command("open")(open_page)


def open_page(
    identity: Annotated[
        str,
        typer.Argument(
            metavar="ID",
            help="Id of a document, or the beginning of it; a formula.",
            autocompletion=completion.ids,
        ),
    ],
    *,
    address: Annotated[str, typer.Option(help="Where `exfolio serve` is reached.")] = "http://127.0.0.1:8000",
) -> None:
    """Open the page of a candidate, a structure, a material or a formula, as `exfolio serve` shows it.

    Example: exfolio open handbook:MoS2-2H
    """
    with connect(begin()) as connection:
        shown = identity if reduced_formula(identity) else find_document_or_card(connection, identity).key
    base = address.rstrip("/")
    try:
        requests.get(f"{base}/api/v1/collections", timeout=_SECONDS).raise_for_status()
    except requests.RequestException as error:
        raise CannotRunError(f"nothing is served at {base}", "Start it in another terminal: exfolio serve") from error
    page = f"{base}/d/{quote(shown)}"
    write_line(page)
    webbrowser.open(page)
