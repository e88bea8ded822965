"""``exfolio ingest``: brings files of known materials into the registry."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import asdict
from json import loads as parse_json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from ....builders.materials.preferred_stage import PreferredStage
from ....builders.sources.file_stage import SourceStage
from ....builders.sources.files.open_files import SourceFileError
from ....builders.sources.files.table_columns import parse_columns
from ....builders.sources.ingestion import ingest as run_ingestion
from ....builders.sources.kind_guess import VASP as VASP_RESULTS
from ....builders.sources.kind_guess import UnclearKind, guess_kind
from ....builders.sources.reader_kinds import all_kinds
from ....builders.sources.records.source_options import SourceOptionError
from ....builders.sources.retirement import some
from ....builders.sources.services.service import LIVE_KINDS
from ....builders.sources.trial import Rehearsal, Trial
from ....models.composition.formula.chemists_formula import chemists_formula
from ....stores.connection import Connection, connect
from ....stores.errors import ConfigurationError, DatabaseUnavailable
from ....stores.server import embedded
from ....stores.settings import Settings
from ...display.console import JsonOption, begin, err, out, print_json
from ...display.progress import say_ingested, stage_progress
from ...display.tables import print_table
from .ingest_compositions import KIND as COMPOSITIONS
from .ingest_compositions import ingest_compositions, list_of
from .ingest_jobflow import JOBFLOW, ingest_jobflow
from .ingest_vasp import KIND as VASP
from .ingest_vasp import directories_of, ingest_vasp, watch_vasp
from .pull import LiveOptions, is_live, pull

_KINDS = {**all_kinds(), **LIVE_KINDS}
_KIND_HELP = "Kind of source: " + "; ".join(f"[bold]{kind}[/] {text}" for kind, text in _KINDS.items())
_KIND_HELP += f"; [bold]{VASP}[/] folders of VASP results; [bold]{COMPOSITIONS}[/] formulas of your own, one a line."
SHOWN = 20
"""Places that are told of what is wrong with the files."""


def register(app: typer.Typer) -> None:
    """Add ``ingest`` to the app."""
    app.command(help=_HELP, rich_help_panel=None)(ingest)


_HELP = """Bring files of known materials into the registry.

A file that has not changed is not read again, a changed one writes only what changed, and bad records go to
quarantine with file, place and reason. Later refreshes read the same files again by themselves.

Examples:

  exfolio ingest db.json.gz --kind 2dmatpedia

  exfolio ingest my-cifs/ --source my-lab

  exfolio ingest table.csv --column formation_energy=Ef:eV/atom --method PBE --dry-run

  exfolio ingest --kind handbook

  exfolio ingest --kind materials-project --chemsys Mn-O

  exfolio ingest --kind optimade --url https://oqmd.org/optimade --filter 'elements HAS ALL "Mn","O" AND nelements=2'

  exfolio ingest --provider mc2d

  exfolio ingest compositions list.txt --source of-mine --dimension 3

  exfolio ingest vasp runs/ more-runs/ -n 4

  exfolio ingest vasp runs/ --watch --every 300 --refresh

  exfolio ingest jobflow project.yaml
"""


def ingest(
    paths: Annotated[list[Path] | None, typer.Argument(help="Files or folders.", show_default=False)] = None,
    *,
    kind: Annotated[str | None, typer.Option(help=_KIND_HELP + " Guessed from the content when not given.")] = None,
    source: Annotated[str | None, typer.Option(help="Name of the source, first part of every id.")] = None,
    source_version: Annotated[str | None, typer.Option(help="Release or date of the source.")] = None,
    partial: Annotated[
        bool, typer.Option("--partial", help="The files are not the whole source: retire nothing that is not in them.")
    ] = False,
    column: Annotated[
        list[str] | None,
        typer.Option(help="Of a table or an OPTIMADE provider: FIELD=COLUMN or FIELD=COLUMN:UNIT; may be repeated."),
    ] = None,
    keep: Annotated[
        list[str] | None, typer.Option(help="Of a table or an OPTIMADE provider: a column to keep as it is.")
    ] = None,
    chemsys: Annotated[
        list[str] | None,
        typer.Option(help="Of the Materials Project: a chemical system, with all inside it; may be repeated."),
    ] = None,
    thermo_type: Annotated[
        str | None,
        typer.Option(help="Of the Materials Project: mixing scheme of the entries, GGA_GGA+U by default, or none."),
    ] = None,
    url: Annotated[
        list[str] | None, typer.Option(help="Base address of an OPTIMADE provider; may be repeated.")
    ] = None,
    provider: Annotated[
        str | None, typer.Option(help="An OPTIMADE provider by name, one of `exfolio source providers`.")
    ] = None,
    filter_: Annotated[str | None, typer.Option("--filter", help="OPTIMADE filter of what to pull.")] = None,
    list_days: Annotated[
        float | None, typer.Option(min=0, help="Of an OPTIMADE provider: look for what is gone after so many days.")
    ] = None,
    decimal: Annotated[str | None, typer.Option(help="Of a table: its decimal sign, a point or a comma.")] = None,
    separator: Annotated[str | None, typer.Option(help="Of a table: its separator; found out where not given.")] = None,
    encoding: Annotated[str | None, typer.Option(help="Of a table: its encoding; found out where not given.")] = None,
    layout: Annotated[
        str | None, typer.Option(help='Of point clouds: a layout\'s name, or as JSON its "name" and "slots".')
    ] = None,
    method: Annotated[str | None, typer.Option(help="How the values were got, e.g. PBE or experiment.")] = None,
    reference: Annotated[str | None, typer.Option(help="Publication to cite.")] = None,
    dimension: Annotated[int | None, typer.Option(help="2 or 3, where it holds for the whole source.")] = None,
    synthesised: Annotated[
        bool, typer.Option("--synthesised", help="All that the files hold has been made, by experiment.")
    ] = False,
    accept_loss: Annotated[
        bool, typer.Option("--accept-loss", help="Retire what is missing, even if it is a large share.")
    ] = False,
    reread: Annotated[
        bool, typer.Option("--reread", help="Read all of it again, also what looks as if nothing had changed.")
    ] = False,
    processes: Annotated[int | None, typer.Option("-n", "--processes", min=1, help="Worker processes.")] = None,
    watch: Annotated[
        bool, typer.Option("--watch", help="Of VASP results: go on looking until stopped (SIGTERM or Ctrl-C).")
    ] = False,
    every: Annotated[float, typer.Option(min=0.1, help="Seconds between two looks of --watch.")] = 60.0,
    follow: Annotated[
        bool, typer.Option("--refresh", help="With --watch: bring values and campaigns up to date after each pass.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Read and check, write nothing.")] = False,
    json: JsonOption = False,
) -> None:
    """Bring files into the registry."""
    settings = begin()
    if kind is None and paths and str(paths[0]) == JOBFLOW and (len(paths) > 1 or not paths[0].exists()):
        ingest_jobflow(settings, paths[1:], processes=processes, json=json)
        return
    directories = directories_of(paths, kind)
    if directories is not None:
        if watch and (dry_run or json):
            raise ConfigurationError("--watch goes with neither --dry-run nor --json")
        if watch:
            watch_vasp(settings, directories, every=every, processes=processes, follow=follow)
            return
        ingest_vasp(settings, directories, processes=processes, dry_run=dry_run, json=json)
        return
    if watch:
        raise ConfigurationError("--watch is for VASP results", "Other sources: exfolio schedule --help")
    if (formulas := list_of(paths, kind)) is not None:
        ingest_compositions(
            settings, formulas, source=source, dimension=dimension, processes=processes, dry_run=dry_run, json=json
        )
        return
    live = LiveOptions(
        chemsys=chemsys or (),
        thermo_type=thermo_type,
        urls=url or (),
        provider=provider,
        filter=filter_,
        list_days=list_days,
        source=source,
        columns=_columns(column),
        keep=keep or (),
        method=method,
        reference=reference,
        dimension=dimension,
    )
    kind = "optimade" if provider and kind is None else kind
    if is_live(kind, live):
        if paths or partial or dry_run:
            raise ConfigurationError("paths, --partial and --dry-run are for files, not for a live source")
        pull(settings, str(kind), live, accept_loss=accept_loss, reread=reread, processes=processes, json=json)
        return
    kind = kind or _guess(paths or [])
    if kind == VASP_RESULTS:
        raise ConfigurationError(
            f"{', '.join(map(str, paths or []))} holds results of VASP",
            f"Read them with: exfolio ingest {VASP} FOLDER. POSCAR files as known materials: --kind structure-files",
        )
    options: dict[str, Any] = {
        "paths": [str(path) for path in paths] if paths else None,
        "source": source,
        "source_version": source_version,
        "complete": False if partial else None,
        "columns": _columns(column),
        "keep": keep,
        "decimal": decimal,
        "separator": separator,
        "encoding": encoding,
        "layout": _layout(layout),
        "method": method,
        "reference": reference,
        "dimension": dimension,
        "synthesised": True if synthesised else None,
    }
    given = {name: value for name, value in options.items() if value is not None}
    stage = SourceStage(kind, given, accept_loss=accept_loss, reread=reread).fused_with(PreferredStage())
    if dry_run:
        _try(stage, settings, json=json)
        return
    with connect(settings, autostart=True) as connection, stage_progress(quiet=json) as progress:
        report = run_ingestion(stage, connection, processes=processes or 1, progress=progress)
        if json:
            print_json(asdict(report))
        else:
            say_ingested(stage.reader.source, report)
            if report.quarantined:
                bad = connection.database["quarantine"].find({"run_id": stage.current_run.run_id})
                _print_complaints(err, list(bad.sort("_id", 1).limit(SHOWN)), report.quarantined)
    if report.incomplete:
        raise typer.Exit(1)


def _guess(paths: list[Path]) -> str:
    if not paths:
        raise ConfigurationError("neither a path nor --kind is given", "See: exfolio ingest --help")
    try:
        kinds = {guess_kind(path) for path in paths}
    except UnclearKind as error:
        raise ConfigurationError(str(error), "Say which it is with --kind.") from None
    except SourceFileError as error:
        raise ConfigurationError(str(error)) from None
    if len(kinds) > 1:
        raise ConfigurationError(
            f"the paths are of several kinds: {', '.join(sorted(kinds))}", "Ingest each kind by itself."
        )
    return kinds.pop()


def _columns(given: list[str] | None) -> dict[str, str] | None:
    try:
        return parse_columns(given) if given else None
    except SourceOptionError as error:
        raise ConfigurationError(str(error), "Example: --column formation_energy=Ef:eV/atom") from None


def _layout(given: str | None) -> Any:
    if given is None or not given.lstrip().startswith("{"):
        return given
    try:
        return parse_json(given)
    except ValueError as error:
        example = """--layout '{"name": "ca-ti-o", "slots": {"Ca": 8, "Ti": 8, "O": 24}}'"""
        raise ConfigurationError(f"the layout is no JSON: {error}", f"Example: {example}") from None


def _try(stage: SourceStage, settings: Settings, *, json: bool) -> None:
    with _registry_if_any(settings) as connection:
        rehearsal = Rehearsal(stage, connection)
        trial = rehearsal.read()
        if json:
            print_json(
                {
                    "dry_run": True,
                    "documents": trial.documents,
                    "quarantine": [
                        {"file": one.file, "place": one.place, "reason": one.reason, "remedy": one.remedy}
                        for one in trial.refused
                    ],
                    "failed": dict(trial.failed),
                    "retired": trial.missing,
                }
            )
        else:
            _print_trial(trial)
        rehearsal.check_losses()
    if trial.failed or trial.refused:
        raise typer.Exit(1)


@contextmanager
def _registry_if_any(settings: Settings) -> Iterator[Connection | None]:
    """The registry, to look at; None where there is none yet, or it can't be reached."""
    there = settings.mongo_uri is not None or embedded.status(settings).size_bytes > 0
    connection = None
    if there:
        try:
            connection = connect(settings, autostart=True)
        except DatabaseUnavailable as away:
            err.print(f"The registry was not looked at: {away.message}", markup=False, soft_wrap=True)
    with connection or nullcontext():
        yield connection


def _print_trial(trial: Trial) -> None:
    for collection, number in trial.documents.items():
        out.print(f"would bring {number:,} into {collection}")
    out.print(f"would put {len(trial.refused):,} into quarantine")
    for collection, keys in trial.missing.items():
        out.print(f"would retire {len(keys):,} of {collection}: {some(keys)}", markup=False, soft_wrap=True)
    if trial.sample:
        _print_sample(trial.sample)
    complaints = [asdict(one) for one in trial.refused]
    complaints += [{"file": "", "place": place, "reason": reason} for place, reason in trial.failed]
    _print_complaints(out, complaints[:SHOWN], len(complaints))


def _print_complaints(console: Console, complaints: Sequence[Mapping[str, Any]], total: int) -> None:
    for complaint in complaints:
        remedy = f" ({complaint['remedy']})" if complaint.get("remedy") else ""
        where = ", ".join(filter(None, (complaint["file"], complaint["place"])))
        told = f"  {where}: {complaint['reason']}{remedy}"
        console.print(told, markup=False, highlight=False, soft_wrap=True)
    if total > len(complaints):
        console.print(f"  … and {total - len(complaints):,} more")


def _print_sample(sample: list[dict[str, Any]]) -> None:
    table = Table(title="The first of them", title_justify="left", box=None)
    for name in ("id", "formula", "space group", "sites", "other fields"):
        table.add_column(name)
    for doc in sample:
        space_group = doc.get("space_group", {}).get("symbol", "")
        numbers = {
            name: value for name, value in doc.items() if isinstance(value, float) and name not in ("volume", "density")
        }
        others = ", ".join(f"{name} {value:.4g}" for name, value in numbers.items())
        identity = doc.get("material_id") or doc.get("entry_id")
        formula = chemists_formula(doc.get("formula_reduced", ""))
        table.add_row(str(identity), formula, space_group, str(doc.get("nsites", "")), others)
    print_table(table)
