"""``exfolio campaign``: which campaigns there are, a file to begin one with, what is wrong in it, and how one goes."""

from __future__ import annotations

import math
import os
import re
import sys
from collections.abc import Callable, Sequence
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from ....builders.candidates import removal
from ....builders.candidates.campaigns.gate_outline import recorded_campaigns, shipped_campaigns
from ....stores.bookkeeping.overview import STATUSES, candidates_by_campaign
from ....stores.connection import Connection, connect
from ....stores.errors import ConfigurationError
from ....stores.query.search import require_initialised
from ... import completion
from ...display.asking import ask, ask_before_removing
from ...display.cells import COLOURS, text_of
from ...display.console import JsonOption, begin, err, out, print_json

Doc = dict[str, Any]
_PACKAGE = __package__.rpartition(".cli.")[0]
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")


def register(app: typer.Typer) -> None:
    """Add the group ``campaign`` to the app."""
    group = typer.Typer(no_args_is_help=True, help="List campaigns, begin one, check its file, and remove one.")
    group.command("list")(list_campaigns)
    group.command("new")(new)
    group.command("check")(check)
    group.command("remove")(remove)
    app.add_typer(group, name="campaign")


def list_campaigns(*, json: JsonOption = False) -> None:
    """List the campaigns of the registry, and those that come with exfolio.

    Example: exfolio campaign list --json
    """
    with connect(begin()) as connection:
        rows = _campaigns(connection)
    if json:
        print_json(rows)
        return
    width = max(len(row["name"]) for row in rows)
    for row in rows:
        judged = f"judged {text_of(row['judged_at'])} UTC" if row["judged_at"] else "not refreshed yet"
        numbers = ", ".join(f"[{COLOURS[status]}]{row[status]:,} {status}[/]" for status in STATUSES)
        shape = f"dimension {row['dimension']}, {len(row['gates'])} gates"
        told = f"{numbers}, {judged}" if row["refreshed"] else f"[dim]{judged}[/]"
        out.print(f"[bold]{escape(row['name']):<{width}}[/]  {shape}  {told}", soft_wrap=True)
        if row["description"]:
            out.print(f"  {row['description']}", markup=False, style="dim", soft_wrap=True)


def _campaigns(connection: Connection) -> list[Doc]:
    """Every campaign: those that were refreshed, then shipped ones that were not."""
    refreshed = {plain["name"]: plain for plain in recorded_campaigns(connection)}
    shipped = {plain["name"]: plain for plain in shipped_campaigns()}
    candidates = {row["campaign"]: row for row in candidates_by_campaign(connection)}
    judged = connection.database["stage_states"].find({"stage": {"$regex": "^judge:"}}, {"stage": 1, "updated_at": 1})
    judged_at = {state["stage"]: state.get("updated_at") for state in judged}
    known = {**{name: shipped[name] for name in shipped.keys() - refreshed.keys()}, **refreshed}
    return [
        {
            "name": name,
            "description": known[name].get("description", ""),
            "dimension": known[name].get("dimension", 2),
            "gates": [gate["name"] for gate in known[name]["gates"]],
            **{status: candidates.get(name, {}).get(status, 0) for status in STATUSES},
            "judged_at": judged_at.get(f"judge:{name}"),
            "refreshed": name in refreshed,
            "shipped": name in shipped,
        }
        for name in sorted(known, key=lambda name: (name not in refreshed, name))
    ]


def new(
    name: Annotated[str, typer.Argument(help="Name of the campaign: lower case letters, digits and dashes.")],
    *,
    system: Annotated[
        str | None,
        typer.Option(metavar="Mn-O", help="Chemical system: only structures of exactly its elements."),
    ] = None,
    dimension: Annotated[
        int | None, typer.Option(min=2, max=3, help="2: monolayers, 3: bulk crystals. 2 without.", show_default=False)
    ] = None,
    formulas: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Compositions of your own, one formula a line; they get structures."),
    ] = None,
    crystals: Annotated[
        bool, typer.Option("--crystals", help="A model generates bulk crystals of them too; of one chemical system.")
    ] = False,
    ehull_max: Annotated[
        float, typer.Option(min=0, metavar="0.1", help="Energy above hull at most this, eV/atom.")
    ] = 0.1,
    gap_min: Annotated[float | None, typer.Option(min=0, metavar="1.6", help="Band gap at least this, eV.")] = None,
    gap_max: Annotated[float | None, typer.Option(min=0, metavar="2.6", help="Band gap at most this, eV.")] = None,
    to: Annotated[Path | None, typer.Option("--out", metavar="FILE", help="The file; NAME.yaml without.")] = None,
) -> None:
    """Write a file to begin a campaign with, every line explained. A file that is there is left alone.

    On a terminal it asks for what is looked for, unless that is said by options.

    \b
    Examples:
      exfolio campaign new cobalt-layers
      exfolio campaign new mg-mn-o --system Mg-Mn-O --dimension 3 --gap-min 1.6 --gap-max 3
      exfolio campaign new of-mine --formulas list.txt --dimension 3 --crystals
    """  # noqa: D301 - the backspace tells the help to keep the lines
    if not _NAME.fullmatch(name):
        raise ConfigurationError(
            f"{name!r} can't be the name of a campaign", "Lower case letters, digits and dashes only, at most 63."
        )
    path = to or Path(f"{name}.yaml")
    if path.exists():
        raise ConfigurationError(f"{path} is there already", "Choose another name, or --out FILE.")
    lists = import_module(".builders.compositions.formula_list", _PACKAGE)
    own = [] if formulas is None else lists.listed([], str(formulas))
    writer = import_module(".builders.candidates.campaigns.new_campaign", _PACKAGE)
    if sys.stdin.isatty() and (system, dimension, formulas, gap_min, gap_max) == (None,) * 5:
        dimension = ask("Monolayers (2) or bulk crystals (3)", _dimension, default="2")
        any_system = " (empty: any)" if dimension == 2 else ""
        read_system = partial(_system, writer.elements_of, needed=dimension == 3)
        system = ask(f"Chemical system, as Mn-O{any_system}", read_system)
        ehull_max = ask("Energy above hull at most, eV/atom", _least_zero, default=str(ehull_max)) or 0.0
        gap_min = ask("Band gap at least, eV (empty: any)", _least_zero)
        gap_max = ask("Band gap at most, eV (empty: any)", _least_zero)
    if gap_min is not None and gap_max is not None and gap_min > gap_max:
        raise ConfigurationError(f"no band gap is at least {gap_min:g} and at most {gap_max:g} eV", "Swap the two.")
    text = writer.new_campaign(
        name,
        path.name,
        system=system,
        dimension=dimension or 2,
        formulas_from=None if formulas is None else _seen_from(path.parent, formulas),
        crystals_of=_generated(writer, lists, system, own) if crystals else (),
        hull_at_most=ehull_max,
        gap=(gap_min, gap_max),
    )
    try:
        with path.open("x", encoding="utf-8") as stream:
            stream.write(text)
    except OSError as error:
        raise ConfigurationError(f"{path} can't be written: {error.strerror}") from None
    err.print(f"{path} is written. Change it, then: exfolio campaign check {path}", markup=False, soft_wrap=True)


def _seen_from(folder: Path, file: Path) -> str:
    """Path as a campaign's file in a folder names it."""
    return str(file) if file.is_absolute() else os.path.relpath(file, folder)


def _generated(writer: Any, lists: Any, system: str | None, own: Sequence[Any]) -> list[str]:
    """Elements of the crystals that a model is to generate."""
    if own:
        elements: list[str] = lists.one_system(own)
    elif system is not None:
        elements = writer.elements_of(system)
    else:
        raise ConfigurationError("crystals of which compositions?", "Give --formulas list.txt or --system Mn-O.")
    return elements


def _dimension(typed: str) -> int:
    if typed not in {"2", "3"}:
        raise ConfigurationError(f"{typed!r} is neither 2 nor 3", "Answer 2 or 3.")
    return int(typed)


def _system(elements_of: Callable[[str], list[str]], typed: str, *, needed: bool) -> str | None:
    if not typed and needed:
        raise ConfigurationError(
            "bulk crystals are made of compositions",
            "Name a chemical system, as Mn-O; or Ctrl-C, and begin with --formulas list.txt.",
        )
    return "-".join(elements_of(typed)) if typed else None


def _least_zero(typed: str) -> float | None:
    """A number of at least 0; None of an empty answer."""
    try:
        number = float(typed) if typed else 0.0
    except ValueError:
        number = math.nan
    if not 0 <= number < math.inf:
        raise ConfigurationError(f"{typed!r} is no number of at least 0", "For example 1.6.")
    return number if typed else None


def check(
    file: Annotated[str, typer.Argument(metavar="FILE", help="The YAML file; or the name of a shipped campaign.")],
    *,
    json: JsonOption = False,
) -> None:
    """Say whether a campaign can be refreshed; needs no database. Mistakes are named with file, line and remedy.

    Exit status: 0 it can, 2 it can't.

    Example: exfolio campaign check my-campaign.yaml
    """
    begin()
    campaign = import_module(".builders.campaign_check", _PACKAGE).checked(file)  # all that can be done, in seconds
    if json:
        print_json({"name": campaign.name, "dimension": campaign.dimension, "gates": [g.name for g in campaign.gates]})
        return
    routes = ", ".join(campaign.routes.names) or "none"
    shape = f"dimension {campaign.dimension}, routes {routes}, {len(campaign.gates)} gates"
    out.print(f"[green]✓[/] {escape(file)}: campaign [bold]{campaign.name}[/], {shape}", soft_wrap=True)


def remove(
    name: Annotated[
        str, typer.Argument(help="As `exfolio campaign list` shows it.", autocompletion=completion.campaigns)
    ],
    *,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Don't ask.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be deprecated, change nothing.")] = False,
    json: JsonOption = False,
) -> None:
    """Take a campaign out: its candidates and what only it made are deprecated. Nothing is deleted.

    No refresh brings it back, unless it names the campaign: then all of it is there again.

    Exit status: 0 removed, 1 not removed because the answer was no, 2 there is no such campaign, 3 a refresh runs.

    Examples
    --------
      exfolio campaign remove two-dimensional-demo --dry-run

      exfolio campaign remove two-dimensional-demo --yes
    """
    settings = begin()
    with connect(settings) as connection:
        require_initialised(connection)
        removal.check_known(connection, name)
        kinds = removal.to_deprecate(connection, name)
        numbers = {kind.collection_name(): len(keys) for kind, keys in kinds.items() if keys}
        if not json:
            told = ", ".join(f"{number:,} {collection}" for collection, number in numbers.items()) or "no documents"
            line = f"{name}: {'would deprecate' if dry_run else 'deprecates'} {told}"
            (out if dry_run else err).print(line, markup=False, soft_wrap=True)
        if not dry_run:
            if not yes:
                ask_before_removing(name)
            removal.remove(connection, name)
    if json:
        print_json({"campaign": name, "deprecated": numbers, "dry_run": dry_run})
    elif not dry_run:
        err.print(f"{name} is removed. To bring it back: exfolio refresh {name}, or its file.", soft_wrap=True)
    if not dry_run and any(name == Path(target).stem for target in settings.schedule.campaigns):
        err.print(f"The settings still have it on the schedule: take out schedule.campaigns.{name}.", soft_wrap=True)
