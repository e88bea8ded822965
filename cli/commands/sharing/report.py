"""``exfolio report``: phase diagrams, Pourbaix diagrams and vibrations as pictures, reports on models and on routes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from rich.markup import escape

from ....models.composition.formula.chemists_formula import chemists_formula
from ....models.energetics.corrections.schemes import Scheme
from ....stores.connection import connect
from ....stores.errors import ConfigurationError
from ....stores.query.language.fields import Field
from ...display.cells import with_interval
from ...display.console import JsonOption, begin, out, print_json
from .report_campaign import campaign
from .report_model import model
from .report_route import route

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_FORMATS: Final = (".png", ".pdf", ".svg")

NameArgument = Annotated[
    str,
    typer.Argument(
        metavar="SYSTEM|ID", help="Chemical system such as Fe-Li-O, or id of a candidate, structure or known material."
    ),
]
FileOption = Annotated[Path, typer.Option("--out", metavar="FILE", help="Picture to write: .png, .pdf or .svg.")]
SchemeOption = Annotated[Scheme, typer.Option(help="Corrections of entries and calculations.")]


def register(app: typer.Typer) -> None:
    """Add the group ``report`` to the app."""
    about = "Draw phase diagrams, Pourbaix diagrams and vibrations, report on models and routes."
    group = typer.Typer(no_args_is_help=True, help=about)
    group.command("phase-diagram")(phase_diagram)
    group.command("pourbaix")(pourbaix)
    group.command("vibrations")(vibrations)
    group.command("campaign")(campaign)
    group.command("model")(model)
    group.command("route")(route)
    app.add_typer(group, name="report")


def phase_diagram(
    name: NameArgument, *, to: FileOption, scheme: SchemeOption = Scheme.MP2020, json: JsonOption = False
) -> None:
    """Draw the phase diagram of two to four elements; about a structure: where it stands, and what competes.

    \b
    Examples:
      exfolio report phase-diagram Fe-Li-O --out Fe-Li-O.png
      exfolio report phase-diagram two-dimensional/st-1890 --out st-1890.pdf
    """  # noqa: D301 - the backspace tells the help to keep the lines
    file = _checked(to)
    # pymatgen's phase diagrams bring plotly, which takes its time.
    from ....builders.reports import diagrams

    with connect(begin()) as connection:
        diagram = diagrams.phase_diagram(connection, name, scheme=scheme)
    _save(diagram.figure, file)
    told: dict[str, Any] = {}
    if diagram.position is not None:
        products = [{"formula": phase.name, "share_of_atoms": phase.amount} for phase in diagram.position.products]
        told = {"formula": diagram.formula, "energy_above_hull": diagram.position.energy, "competing": products}
    _say(file, diagram.system, diagram.method, diagram.snapshot, told, json=json)


def pourbaix(
    name: NameArgument,
    *,
    to: FileOption,
    potential: Annotated[float, typer.Option(min=-5, max=5, help="V vs RHE, for the minimum.")] = 1.5,
    concentration: Annotated[float, typer.Option(min=1e-30, max=100, help="mol/l of dissolved ions.")] = 1e-6,
    filter_solids: Annotated[
        bool, typer.Option("--filter-solids", help="Only solids on the hull of formation energies may form.")
    ] = False,
    ions: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Ions, as aqueous_ions.json has them; else the bundled table.")
    ] = None,
    scheme: SchemeOption = Scheme.MP2020,
    json: JsonOption = False,
) -> None:
    """Draw a Pourbaix diagram; about a structure: its decomposition energy everywhere, and the least one.

    \b
    Examples:
      exfolio report pourbaix Mn-O --out Mn-O.png
      exfolio report pourbaix mg-mn-o-photoanode/st-77 --potential 1.5 --out st-77.png
    """  # noqa: D301 - the backspace tells the help to keep the lines
    file = _checked(to)
    from ....builders.reports import diagrams

    with connect(begin()) as connection:
        diagram = diagrams.pourbaix_diagram(
            connection,
            name,
            potential_vs_rhe=potential,
            concentration=concentration,
            filter_solids=filter_solids,
            ions=None if ions is None else str(ions),
            scheme=scheme,
        )
    _save(diagram.figure, file)
    told: dict[str, Any] = {}
    if (least := diagram.minimum) is not None:
        products = [{"formula": phase.entry.name, "amount": phase.amount} for phase in least.products]
        told = {"formula": diagram.formula, "pourbaix_energy": least.energy, "ph": [least.ph, least.ph_high]}
        told |= {"potential_vs_she": least.potential_vs_she, "products": products}
        told |= {end: value for end in ("low", "high") if (value := getattr(diagram, end)) is not None}
    _say(file, diagram.system, diagram.method, diagram.snapshot, told, json=json)


def vibrations(
    name: Annotated[str, typer.Argument(metavar="ID", help="Id of a candidate or structure.")],
    *,
    to: FileOption,
    json: JsonOption = False,
) -> None:
    """Draw the vibrations of a structure, as each potential gives them at the centre and the boundary of the zone.

    \b
    Examples:
      exfolio report vibrations two-dimensional/st-1890 --out st-1890.png
    """  # noqa: D301 - the backspace tells the help to keep the lines
    file = _checked(to)
    from ....builders.reports.vibrations_figure import draw_vibrations, vibrations_of

    with connect(begin()) as connection:
        found = vibrations_of(connection, name)
    _save(draw_vibrations(found, name), file)
    told = [{"method": doc["method"], "lowest": doc["value"], "verdict": doc["details"]["verdict"]} for doc in found]
    if json:
        print_json({"file": str(file), "vibrations": told})
        return
    out.print(f"{escape(str(file))}: {escape(name)}", soft_wrap=True)
    for one in told:
        out.print(f"  {escape(one['method'])}: {one['verdict']}, lowest {one['lowest']:g} THz", soft_wrap=True)


def _checked(file: Path) -> Path:
    if file.suffix.lower() not in _FORMATS:
        raise ConfigurationError(f"--out {file}: a picture ends in {', '.join(_FORMATS)}", "Example: --out diagram.png")
    if not file.absolute().parent.is_dir():
        raise ConfigurationError(f"--out {file}: there is no folder {file.absolute().parent}", "Make it first.")
    return file


def _save(figure: Figure, file: Path) -> None:
    try:
        figure.savefig(file)
    except OSError as error:
        raise ConfigurationError(f"--out {file}: can't be written: {error.strerror or error}") from error


def _say(file: Path, system: str, method: str, snapshot: str, told: dict[str, Any], *, json: bool) -> None:
    if json:
        print_json({"file": str(file), "system": system, "method": method, "snapshot": snapshot, **told})
        return
    out.print(f"{escape(str(file))}: {system}, {escape(method)} ({escape(snapshot)})", soft_wrap=True)
    for field in ("energy_above_hull", "pourbaix_energy"):
        if field in told:
            of_field = Field(field, "number", unit="eV/atom")
            energy = with_interval(told[field], told.get("low"), told.get("high"), of_field)
            out.print(f"  {escape(chemists_formula(told['formula']))}: {field.replace('_', ' ')} {energy} eV/atom")
