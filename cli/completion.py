"""What a shell proposes while a command is typed: ids, campaigns, stages, collections of the registry.

It answers at once or not at all: no server is started for it, none is waited for, and nothing is ever said on stderr.
"""

from __future__ import annotations

import io
import os
import shlex
from collections.abc import Callable, Iterable, MutableMapping
from contextlib import redirect_stdout, suppress
from typing import Any, Final

from ..stores.connection import Connection, connect
from ..stores.query.language.fields import ALL_DOCUMENTS
from ..stores.query.lookup import beginning_with
from ..stores.settings import load_settings

VARIABLE: Final = "_EXFOLIO_COMPLETE"
"""Set by the shell where it asks what may follow."""
_SECONDS: Final = 0.5
_SHIPPED: Final = ("two-dimensional", "mg-mn-o-photoanode", "vanadium-oxides")


def ids(incomplete: str) -> list[str]:
    """Ids of documents that begin so; a few of each collection."""
    return _ask(lambda connection: [key for _, key in beginning_with(connection, incomplete)]) if incomplete else []


def campaigns(incomplete: str) -> list[str]:
    """Names of the registry's campaigns and of shipped ones that begin so."""
    judged = _ask(lambda connection: [name.removeprefix("judge:") for name in _stages(connection, "judge:")])
    return _beginning(incomplete, {*judged, *_SHIPPED})


def stages(incomplete: str) -> list[str]:
    """Names of stages that have run in this registry and begin so."""
    return _ask(lambda connection: _beginning(incomplete, _stages(connection, incomplete)))


def collections(incomplete: str) -> list[str]:
    """Names of collections that begin so."""
    return _beginning(incomplete, ALL_DOCUMENTS)


def _ask(question: Callable[[Connection], list[str]]) -> list[str]:
    with suppress(Exception):
        settings = load_settings().model_copy(update={"server_wait_seconds": _SECONDS, "query_seconds": _SECONDS})
        with connect(settings) as connection:
            return question(connection)
    return []


def _stages(connection: Connection, start: str) -> list[str]:
    among = connection.database["stage_states"].find(
        {"stage": {"$gte": start, "$lt": f"{start}\uffff"}}, {"_id": 0, "stage": 1}, max_time_ms=int(1000 * _SECONDS)
    )
    return [doc["stage"] for doc in among]


def _beginning(start: str, names: Iterable[str]) -> list[str]:
    return sorted(name for name in names if name.startswith(start))


def words(environment: MutableMapping[str, str]) -> list[str]:
    """Words typed so far, without the program's name; bash's are joined again where it has cut them at colons.

    Parameters
    ----------
    environment
        As the shell has set it; of bash the words are put there as they were typed.
    """
    if "COMP_WORDS" not in environment:
        return _split(environment.get("_TYPER_COMPLETE_ARGS", ""))[1:]
    cut = environment["COMP_WORDS"].split("\n")
    at = int(environment.get("COMP_CWORD", len(cut)))
    joined: list[str] = []
    for number, word in enumerate(cut):
        if number and joined and (word == ":" or joined[-1].endswith(":")):
            joined[-1] += word
        else:
            joined.append(word)
        if number == at:
            break
    environment["COMP_WORDS"] = "\n".join(joined)
    environment["COMP_CWORD"] = str(len(joined) - 1 if at < len(cut) else len(joined))
    return joined[1:]


def _split(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError:  # a quotation mark is still open
        return text.split()


def answer(command: Callable[[list[str]], Any]) -> None:
    """Print what may follow, for the shell; of bash only what comes after the last colon, where it goes on.

    Parameters
    ----------
    command
        Takes the words typed so far, and prints what may follow.
    """
    said = io.StringIO()
    with suppress(Exception), redirect_stdout(said):
        typed = words(os.environ)
        with suppress(SystemExit):
            command(typed)
    proposals = said.getvalue()
    if os.environ.get(VARIABLE) == "complete_bash":
        begun = os.environ.get("COMP_WORDS", "").rpartition("\n")[2]
        before = begun[: begun.rfind(":") + 1]
        proposals = "\n".join(line.removeprefix(before) for line in proposals.splitlines())
    print(proposals)  # noqa: T201  for a shell, not a person
