"""The part of ``exfolio ingest`` that pulls from services: the Materials Project and OPTIMADE providers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import typer

from ....builders.materials.preferred_stage import PreferredStage
from ....builders.sources.ingestion import ingest
from ....builders.sources.live.service_stage import LiveSourceStage
from ....builders.sources.optimade.optimade_providers import ready_provider
from ....builders.sources.records.source_options import SourceOptionError
from ....builders.sources.services.service import LIVE_KINDS
from ....stores.connection import Connection, connect
from ....stores.errors import ConfigurationError, ExfolioError
from ....stores.settings import Settings
from ...display.console import err, print_error, print_json
from ...display.progress import stage_progress, summary


@dataclass(frozen=True, kw_only=True)
class LiveOptions:
    """What a command line may say about live sources."""

    chemsys: Sequence[str] = ()
    thermo_type: str | None = None
    urls: Sequence[str] = ()
    provider: str | None = None
    filter: str | None = None
    list_days: float | None = None
    source: str | None = None
    columns: dict[str, str] | None = None
    keep: Sequence[str] = ()
    method: str | None = None
    reference: str | None = None
    dimension: int | None = None

    def any_live(self) -> bool:
        """Whether an option was given that only a live source has."""
        only = (self.chemsys, self.thermo_type, self.urls, self.provider, self.filter, self.list_days)
        return any(value not in (None, (), []) for value in only)


def is_live(kind: str | None, options: LiveOptions) -> bool:
    """Whether a live source is meant.

    Raises
    ------
    ConfigurationError
        A kind of file is named together with options of live sources.
    """
    if kind in LIVE_KINDS:
        return True
    if options.any_live():
        raise ConfigurationError(
            "--chemsys, --thermo-type, --url, --provider, --filter and --list-days are for --kind "
            + " and ".join(LIVE_KINDS),
            "Example: exfolio ingest --kind materials-project --chemsys Mn-O",
        )
    return False


def pull(
    settings: Settings,
    kind: str,
    options: LiveOptions,
    *,
    accept_loss: bool,
    reread: bool,
    processes: int | None,
    json: bool,
) -> None:
    """Pull what is asked for, one source after the other; one that is away does not keep the others from it."""
    stages = [
        LiveSourceStage(kind, given, accept_loss=accept_loss, reread=reread).fused_with(PreferredStage())
        for given in _sources(kind, options)
    ]
    names = [stage.name for stage in stages]
    if len(set(names)) < len(names):
        raise ConfigurationError("two sources would have the same name", "Pull them one by one, with --source each.")
    reports = []
    errors: dict[str, ExfolioError] = {}
    with connect(settings, autostart=True) as connection:
        for stage in stages:
            try:
                reports.append(_pull_one(stage, connection, processes=processes, quiet=json))
            except ExfolioError as error:
                if len(stages) == 1:
                    raise
                errors[stage.name] = error
                print_error(error)
    if json:
        answer: Any = {"sources": reports, "errors": {name: error.message for name, error in errors.items()}}
        print_json(reports[0] if len(stages) == 1 else answer)
    incomplete = [1 for report in reports if report["failed"] or report["quarantined"]]
    code = max(incomplete + [error.exit_code for error in errors.values()], default=0)
    if code:
        raise typer.Exit(1 if reports else code)


def _sources(kind: str, options: LiveOptions) -> list[dict[str, Any]]:
    if kind == "materials-project":
        if options.urls or options.provider or options.filter or options.columns:
            raise ConfigurationError(
                "the Materials Project is asked by --chemsys, not by --url, --filter or --column",
                "For its OPTIMADE address use --kind optimade.",
            )
        given = {"chemsys": list(options.chemsys), "thermo_type": options.thermo_type, "source": options.source}
        return [{name: value for name, value in given.items() if value}]
    if options.chemsys or options.thermo_type:
        raise ConfigurationError(
            "--chemsys and --thermo-type are for the Materials Project",
            'Use a filter: --filter \'elements HAS ONLY "Mn","O"\'',
        )
    known: dict[str, Any] = {}
    if options.provider:
        try:
            known = ready_provider(options.provider).options
        except SourceOptionError as error:
            raise ConfigurationError(str(error), "All that are known: exfolio source providers") from None
    urls = options.urls or ([known["url"]] if known.get("url") else [])
    if not urls:
        raise ConfigurationError(
            "no OPTIMADE provider is given", "Give its address: --url https://…, or its name: --provider oqmd"
        )
    shared = {
        "filter": options.filter,
        "source": options.source,
        "fields": {**known.get("fields", {}), **(options.columns or {})},
        "keep": [*known.get("keep", []), *options.keep],
        "method": options.method,
        "reference": options.reference,
        "dimension": options.dimension,
        "list_days": options.list_days,
    }
    kept = {name: value for name, value in shared.items() if value not in (None, [], {})}
    return [{**known, **kept, "url": url} for url in urls]


def _pull_one(stage: LiveSourceStage, connection: Connection, *, processes: int | None, quiet: bool) -> dict[str, Any]:
    with stage_progress(quiet=quiet) as progress:
        report = ingest(stage, connection, processes=processes or 1, progress=progress)
    if not quiet:
        err.print(
            f"{stage.name.partition(':')[2]}: {summary(report)} ({report.seconds:.1f} s, {stage.requests:,} requests)",
            soft_wrap=True,
        )
        if report.note:
            err.print(report.note, soft_wrap=True)
        if report.quarantined:
            err.print(
                f"See what is wrong with them: exfolio query quarantine 'stage = \"{stage.name}\"'", soft_wrap=True
            )
    return asdict(report) | {"requests": stage.requests}
