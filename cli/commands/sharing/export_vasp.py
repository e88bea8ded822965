"""``exfolio export vasp``: the calculations that candidates wait for, as folders to run VASP in."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.markup import escape
from rich.progress import Progress

from ....stores.connection import Connection, connect
from ....stores.query.search import require_initialised
from ...display.cells import plural
from ...display.console import JsonOption, begin, err, out, print_json

_SHOWN: Final = 5


def export_vasp(
    filter_: Annotated[
        str,
        typer.Argument(metavar="FILTER", help="Of candidates, as in exfolio query candidates; all when left out."),
    ] = "",
    *,
    campaign: Annotated[str, typer.Option(help="Name of the campaign, or its YAML file.")],
    to: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder to write into; may hold earlier exports.")],
    potcar: Annotated[
        bool, typer.Option("--potcar", help="Write POTCARs from your own (PMG_VASP_PSP_DIR), not POTCAR.spec.")
    ] = False,
    functional: Annotated[str, typer.Option(help="For the hull: PBE (with MP's U) or r2SCAN.")] = "PBE",
    van_der_waals: Annotated[
        str, typer.Option("--vdw", help="For exfoliation energies: optB88-vdW or r2SCAN+rVV10.")
    ] = "optB88-vdW",
    vacuum: Annotated[float, typer.Option(help="Å between a layer and its image.", min=5.1, max=100)] = 20.0,
    relax_in_plane: Annotated[
        bool,
        typer.Option(
            "--relax-in-plane/--fixed-in-plane",
            help="Relax the in-plane cell of layers, which needs VASP 6.5; or keep that of their relaxed bulk.",
        ),
    ] = True,
    limit: Annotated[int | None, typer.Option(min=1, help="Of so many candidates at most.")] = None,
    first: Annotated[
        str | None,
        typer.Option(
            metavar="N|ORDER",
            help="So many candidates, those that exfolio next has first. Or which ones --limit takes: next (the "
            "default), chance (to pass all gates, whatever it costs), gates (fewest open, then lowest hull distance), "
            "hull (lowest hull distance), size (fewest atoms).",
        ),
    ] = None,
    everything: Annotated[
        bool, typer.Option("--everything", help="Also what is not due yet: behind open gates, and band gaps at once.")
    ] = False,
    verify: Annotated[
        bool, typer.Option("--verify", help="Also known values that no calculation of the structure itself gave.")
    ] = False,
    flow: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Also write a jobflow flow of it (needs atomate2), as JSON.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Write a folder for every calculation that a campaign's candidates wait for.

    Run again, it writes what is new or changed. A folder in which a calculation has begun, or a person has
    changed something, is left as it is.

    \b
    Examples:
      exfolio export vasp --campaign two-dimensional --out calculations
      exfolio export vasp --campaign two-dimensional --out calculations --vdw r2SCAN+rVV10 --potcar
      exfolio export vasp --campaign two-dimensional --out calculations --first 20
      exfolio export vasp 'elements HAS "S"' --campaign two-dimensional --out calculations --limit 20 --first hull
    """  # noqa: D301 - the backspace tells the help to keep the lines
    # A second of imports, for those who write calculations.
    from ....builders.calculations.vasp.inputs.due import FIRST, Part, find_due
    from ....builders.calculations.vasp.inputs.flow import require_atomate2, write_flow
    from ....builders.calculations.vasp.inputs.input_export import VaspExport, orders
    from ....builders.calculations.vasp.inputs.input_export import export_vasp as write

    if flow is not None:
        require_atomate2()
    choices = choices_of(functional, van_der_waals, vacuum, relax_in_plane=relax_in_plane)
    limit, order = limit_and_order(limit, first)
    part = Part(filter=filter_, limit=limit, first=one_of(order or FIRST[0], FIRST, "--first"))
    with connect(begin()) as connection:
        require_initialised(connection)
        name = campaign_name(connection, campaign)
        with Progress(console=err, transient=True, disable=not err.is_terminal or json) as bar:
            task = bar.add_task("writing", total=None)
            done: VaspExport = write(
                connection,
                name,
                to,
                choices=choices,
                everything=everything,
                verify=verify,
                part=part,
                potcar=potcar,
                progress=lambda number, total: bar.update(task, completed=number, total=total),
            )
        if flow is not None:
            due = find_due(connection, name, everything=everything, verify=verify, part=part)
            jobs = write_flow(orders(connection, due, choices), name, flow, choices)
            err.print(f"{jobs:,} jobs in {flow}", soft_wrap=True, markup=False)
    if json:
        print_json({"campaign": name, "out": str(to), **_plain(done)})
    else:
        _report(done, name, to)
    if done.failed:
        raise typer.Exit(1)


def limit_and_order(limit: int | None, first: str | None) -> tuple[int | None, str | None]:
    """How many candidates at most, and in which order, where `first` may be either."""
    if first is None:
        return limit, None
    if first.isdecimal() and limit is None:
        if not int(first):
            raise typer.BadParameter("at least 1 candidate", param_hint="--first")
        return int(first), None
    if limit is None:
        raise typer.BadParameter("it says whom --limit takes, and there is no --limit", param_hint="--first")
    return limit, first


def choices_of(functional: str, van_der_waals: str, vacuum: float, *, relax_in_plane: bool) -> Any:
    """Functionals, vacuum and relaxation, as options name them."""
    from ....models.calculation.plan import Choices

    return Choices(
        hull=one_of(functional, ("PBE", "r2SCAN"), "--functional"),
        van_der_waals=one_of(van_der_waals, ("optB88-vdW", "r2SCAN+rVV10"), "--vdw"),
        vacuum=vacuum,
        relax_in_plane=relax_in_plane,
    )


def one_of(value: str, known: tuple[str, ...], option: str) -> Any:
    """The value that an option means, whatever its case.

    Raises
    ------
    BadParameter
        It means none.
    """
    for name in known:
        if value.casefold() == name.casefold():
            return name
    raise typer.BadParameter(f"{value!r} is none of {', '.join(known)}", param_hint=option)


def campaign_name(connection: Connection, name_or_file: str) -> str:
    """Name of a campaign that a person calls by it, or by its file.

    Raises
    ------
    ConfigurationError
        There is none.
    """
    if connection.database["candidates"].find_one({"campaign": name_or_file}, {"_id": 1}):
        return name_or_file
    from ....builders.candidates.campaigns.campaign_files import load

    return load(name_or_file).name


def _plain(done: Any) -> dict[str, Any]:
    from dataclasses import asdict

    return asdict(done)


def _report(done: Any, campaign: str, to: Path) -> None:
    written = len(done.new) + len(done.changed)
    parts = [
        f"{number:,} {word}"
        for number, word in (
            (len(done.new), "new"),
            (len(done.changed), "changed"),
            (done.unchanged, "there already"),
            (done.finished, "in the registry already"),
        )
        if number
    ]
    if parts:
        out.print(f"{to}: calculations {', '.join(parts)}", soft_wrap=True, markup=False)
    if not parts and not done.failed and not done.later:
        err.print(f"No candidate of {campaign} waits for a calculation.", soft_wrap=True, markup=False)
    if written:
        err.print("Each structure's folder has a run.sh; exfolio ingest vasp reads the results.", soft_wrap=True)
    for gate, number in done.blocked.items():
        text = f"{plural(number, 'candidates')} left out: no calculation gives what gate '{gate}' asks for first"
        err.print(text, soft_wrap=True, markup=False)
    _list(done.without_bulk, "no exfoliation energy for", "yellow")
    _list(done.later, "not yet:", "yellow")
    _list(done.again, "due again:", "yellow")
    _list(done.unplaced, "no hull distance by r2SCAN in", "yellow")
    _list(done.kept, "left as it is:", "yellow")
    _list(done.failed, "no input for", "red")


def _list(reasons: dict[str, str], what: str, style: str) -> None:
    for name, reason in list(reasons.items())[:_SHOWN]:
        err.print(f"[{style}]{what}[/] {escape(name)}: {escape(reason)}", soft_wrap=True)
    if len(reasons) > _SHOWN:
        err.print(f"… and {len(reasons) - _SHOWN:,} more", style=style)
