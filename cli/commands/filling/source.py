"""``exfolio source``: the sources that were ingested, how one is taken out again, and providers that could be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated

import typer
from rich.markup import escape

from ....builders.candidates.known import known_campaigns
from ....builders.sources.file_stage import SourceStage
from ....builders.sources.live.service_stage import LiveSourceStage
from ....builders.sources.optimade.optimade_providers import known_providers
from ....builders.sources.registered import RegisteredSource, parts_of, registered_sources
from ....builders.sources.removal import remove as remove_source
from ....builders.sources.removal import to_deprecate
from ....builders.sources.services.service import LIVE_KINDS
from ....stores.connection import Connection, connect
from ....stores.errors import ConfigurationError
from ....stores.query.search import require_initialised
from ...display.asking import ask_before_removing
from ...display.cells import text_of
from ...display.console import JsonOption, begin, err, out, print_json


def register(app: typer.Typer) -> None:
    """Add the group ``source`` to the app."""
    group = typer.Typer(
        no_args_is_help=True, help="List sources that were ingested and providers that could be, and remove a source."
    )
    group.command("list")(list_sources)
    group.command("providers")(providers)
    group.command("remove")(remove)
    app.add_typer(group, name="source")


def list_sources(*, json: JsonOption = False) -> None:
    """List the sources that a refresh reads: kind, files or address, records, quarantine, last ingestion.

    Example: exfolio source list --json
    """
    with connect(begin()) as connection:
        require_initialised(connection)
        sources = registered_sources(connection)
    if json:
        print_json([asdict(source) for source in sources])
        return
    if not sources:
        out.print("Nothing was ingested yet. See: exfolio ingest --help")
        return
    widths = [max(len(getattr(source, field)) for source in sources) for field in ("name", "kind")]
    for source in sources:
        bad = f", [yellow]{source.quarantined:,} in quarantine[/]" if source.quarantined else ""
        bad += f", [yellow]{source.waiting:,} wait to be retired[/]" if source.waiting else ""
        bad += f", {escape(source.licence)}" if source.licence else ""
        when = f", last {text_of(source.ingested_at)}" if source.ingested_at else ", never read to its end"
        name, kind = escape(f"{source.name:<{widths[0]}}"), f"{source.kind:<{widths[1]}}"
        out.print(f"[bold]{name}[/]  {kind}  {source.records:,} records{bad}{when}", soft_wrap=True)
        for place in source.places:
            out.print(f"  {place}", markup=False, style="dim", soft_wrap=True)


def providers(*, json: JsonOption = False) -> None:
    """List the OPTIMADE providers that are known, those first that can be ingested by name.

    Addresses are those of the providers' own list, where it can be reached.

    Examples
    --------
      exfolio source providers

      exfolio ingest --provider oqmd --filter 'elements HAS ALL "Mn","O" AND nelements=2'
    """
    known, why_bundled = known_providers(begin())
    if json:
        print_json(
            {
                "providers": [
                    {
                        "name": one.name,
                        "title": one.title,
                        "url": one.url,
                        "ready": one.ready,
                        "fields": dict(one.fields),
                    }
                    for one in known
                ],
                "bundled": bool(why_bundled),
            }
        )
        return
    if why_bundled:
        err.print(f"The list that comes with exfolio is shown: {why_bundled}", markup=False, soft_wrap=True)
    width = max(len(provider.name) for provider in known)
    for provider in known:
        name = escape(f"{provider.name:<{width}}")
        ready = "  [green]--provider[/]" if provider.ready else ""
        out.print(f"[bold]{name}[/]  {escape(provider.title)}{ready}", soft_wrap=True)
        out.print(f"{'':<{width}}  {provider.url}", markup=False, style="dim", soft_wrap=True)


def remove(
    name: Annotated[str, typer.Argument(help="As `exfolio source list` shows it; mp means mp:Mn-O and mp:Fe-O too.")],
    *,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Don't ask.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be deprecated, change nothing.")] = False,
    json: JsonOption = False,
) -> None:
    """Take a source out: its documents are deprecated and no refresh reads it again. Nothing is deleted.

    A later `exfolio ingest` of the same source brings its documents back.

    Exit status: 0 removed, 1 not removed because the answer was no, 2 there is no such source or a campaign reads it,
    3 another process reads it now.

    Examples
    --------
      exfolio source remove my-lab --dry-run

      exfolio source remove my-lab --yes
    """
    settings = begin()
    with connect(settings) as connection:
        require_initialised(connection)
        parts = parts_of(connection, name)
        _refuse_if_read_by_campaigns(connection, parts)
        names = [part.name for part in parts]
        numbers = {kind.collection_name(): len(keys) for kind, keys in to_deprecate(connection, parts).items() if keys}
        if not json:
            told = ", ".join(f"{number:,} {collection.replace('_', ' ')}" for collection, number in numbers.items())
            line = f"{', '.join(names)}: {'would deprecate' if dry_run else 'deprecates'} {told or 'no documents'}"
            (out if dry_run else err).print(line, markup=False, soft_wrap=True)
        if not dry_run:
            if not yes:
                ask_before_removing(name)
            remove_source(connection, name, parts)
    if json:
        print_json({"source": name, "parts": names, "deprecated": numbers, "dry_run": dry_run})
    elif not dry_run:
        err.print(f"{name} is removed. To bring it back, ingest it again.", soft_wrap=True)
    if not dry_run and name in settings.schedule.sources:
        err.print(f"The settings still have it on the schedule: take out schedule.sources.{name}.", soft_wrap=True)


def _refuse_if_read_by_campaigns(connection: Connection, parts: Sequence[RegisteredSource]) -> None:
    stages = {part.stage for part in parts}
    for campaign in known_campaigns(connection):
        for source in campaign.sources:
            stage = LiveSourceStage if source.kind in LIVE_KINDS else SourceStage
            try:
                name = stage(source.kind, source.options).name
            except ConfigurationError:  # it can't be read any more, so nothing brings it back
                continue
            if name in stages:
                raise ConfigurationError(
                    f"campaign {campaign.name} reads this source, and its next refresh would bring it back",
                    "Take it out of the campaign's file, refresh the campaign once, then remove the source.",
                )
