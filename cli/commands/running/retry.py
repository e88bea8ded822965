"""``exfolio retry``: failed items become due again, those parked too."""

from __future__ import annotations

import difflib
from typing import Annotated

import typer

from ....stores.bookkeeping import failures
from ....stores.connection import Connection, connect
from ....stores.errors import ConfigurationError
from ....stores.query.search import require_initialised
from ... import completion
from ...display.console import JsonOption, begin, out, print_json


def register(app: typer.Typer) -> None:
    """Add ``retry`` to the app."""
    app.command()(retry)


def retry(
    what: Annotated[
        str | None,
        typer.Argument(metavar="STAGE|ITEM", help="A stage, an item, or stage/item.", autocompletion=completion.stages),
    ] = None,
    *,
    all_: Annotated[bool, typer.Option("--all", help="Every failure of every stage.")] = False,
    json: JsonOption = False,
) -> None:
    """Make failed items due again, parked ones too; the next refresh tries them.

    \b
    Examples:
      exfolio retry top-down
      exfolio retry 2dmatpedia:2dm-3594
      exfolio retry --all && exfolio refresh
    """  # noqa: D301 - the backspace tells the help to keep the lines
    if (what is None) != all_:
        raise ConfigurationError(
            "say what to try again: a stage, an item, or --all", "They are listed by: exfolio query failures"
        )
    with connect(begin()) as connection:
        require_initialised(connection)
        number = failures.unpark(connection) if what is None else _unpark(connection, what)
    if json:
        print_json({"due_again": number})
    elif number:
        out.print(f"{number:,} item{'s are' if number > 1 else ' is'} due again. Try them: exfolio refresh")
    else:
        out.print("There are no failures.")


def _unpark(connection: Connection, what: str) -> int:
    collection = connection.database["failures"]
    if collection.find_one({"stage": what}, {"_id": 1}):
        return failures.unpark(connection, stage=what)
    if collection.find_one({"item": what}, {"_id": 1}):
        return failures.unpark(connection, item=what)
    if failure := collection.find_one({"failure_id": what}, {"_id": 0, "stage": 1, "item": 1}):
        return failures.unpark(connection, stage=failure["stage"], item=failure["item"])
    stages = sorted(collection.distinct("stage"))
    near = difflib.get_close_matches(what, stages, n=1)
    advice = f"Did you mean {near[0]}?" if near else f"Stages with failures: {', '.join(stages) or 'none'}."
    raise ConfigurationError(f"nothing called {what!r} has failed", advice)
