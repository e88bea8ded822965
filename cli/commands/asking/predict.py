"""``exfolio predict``: what the registry's knowledge, or the models that come along, say of what is not in it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from ....builders.exports.names import file_names
from ....builders.exports.whole_file import whole_file
from ....models.composition.formula.chemists_formula import chemists_formula
from ....stores.connection import Connection, connect
from ....stores.errors import ConfigurationError, DatabaseUnavailable, ExfolioError
from ....stores.query.search import require_initialised
from ...display.cells import text_of
from ...display.console import JsonOption, begin, err, out, print_json
from ...display.tables import print_table
from ..sharing.export import ENDINGS, ExportFormat, written_as
from . import predict_compositions, predict_values
from .predict_relaxed import MARK, checks_as_plain, print_relaxed, relaxed_as_plain

if TYPE_CHECKING:
    from pymatgen.core.structure import Structure

    from ....builders.structures.relaxed_predictions import RelaxedPrediction
    from ....models.potential.interface import Potential
    from ....models.structure.templates import Decoration, Prediction

Doc = dict[str, Any]


class NothingPredicted(ExfolioError):
    """The registry knows nothing to predict from."""


def register(app: typer.Typer) -> None:
    """Add the group ``predict`` to the app."""
    group = typer.Typer(
        no_args_is_help=True,
        help="Predict from a formula: structures by the registry's templates, the rest by models that come along.",
    )
    group.command()(structure)
    predict_values.register(group)
    predict_compositions.register(group)
    app.add_typer(group, name="predict")


def structure(
    formula: Annotated[str, typer.Argument(help="The formula, e.g. MoSSe.")],
    *,
    dimension: Annotated[
        int | None,
        typer.Option(
            min=2, max=3, help="2: monolayers, from monolayers; 3: bulk crystals, from bulk crystals; both without."
        ),
    ] = None,
    top: Annotated[int, typer.Option(min=1, max=100, help="How many structures of a dimension.")] = 10,
    new: Annotated[bool, typer.Option("--new", help="Only structures that are not known of the formula.")] = False,
    relax: Annotated[
        bool | None,
        typer.Option(
            "--relax/--no-relax",
            help="Relax all to rest, or none, beside what was predicted; else the first five, shortly.",
        ),
    ] = None,
    potential: Annotated[
        str | None, typer.Option(metavar="NAME", help="Relax them by this potential, e.g. sevennet-0-d3.")
    ] = None,
    format_: Annotated[
        ExportFormat, typer.Option("--format", help="Files to write: cif or poscar.")
    ] = ExportFormat.cif,
    to: Annotated[Path | None, typer.Option("--out", metavar="FOLDER", help="Folder for a file of each.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace files that are there already.")] = False,
    json: JsonOption = False,
) -> None:
    """Predict the structures of a formula: the known ones first, then the likeliest, from known structures like it.

    Nothing is stored. For many formulas let a campaign take the route `template`. Where no registry runs, the bundled
    crystals and layers are what is known, and nothing is relaxed without --relax.

    \b
    Examples:
      exfolio predict structure HfSSe --dimension 2
      exfolio predict structure MgMn2O4 --dimension 3 --top 3 --format poscar --out spinel
      exfolio predict structure PbI2 --top 3 --relax
    """  # noqa: D301 - the backspace tells the help to keep the lines
    if format_ not in ENDINGS:
        raise ConfigurationError(f"a structure is not written as {format_.value}", "Choose --format cif or poscar.")
    with ExitStack() as stack:
        connection = _registry(stack)
        if connection is None and relax is None and potential is None:
            relax = False
        found = _predicted(connection, formula, (dimension,) if dimension else (3, 2), top, new=new)
    predictions = [prediction for some in found.values() for prediction in some]
    dimensions = [each for each, some in found.items() for _ in some]
    method, relaxed = _relaxed(predictions, potential, to_rest=relax)
    written = _write(predictions, relaxed, format_, to, force=force) if to is not None else []
    if json:
        structures = [
            {**_as_plain(prediction, rank), "dimension": each}
            for rank, (prediction, each) in enumerate(zip(predictions, dimensions, strict=True), 1)
        ]
        for plain, one in zip(structures, relaxed, strict=False):
            plain["relaxed"] = relaxed_as_plain(one, method) if one and method else None
        formula = predictions[0].formula
        print_json({"formula": formula, "dimension": dimension, "structures": structures, "files": written})
        return
    first = 1
    for each, some in found.items():
        if len(found) > 1:
            out.print(f"[bold]{'Bulk crystals' if each == 3 else 'Monolayers'}[/]")
        _print(some, first)
        first += len(some)
    if method:
        print_relaxed(predictions, relaxed, method)
    out.print("[dim]all values: --json; files: --out FOLDER[/]", soft_wrap=True)
    if connection is None:
        out.print("[dim]known: the bundled crystals and layers; no registry runs (exfolio db start)[/]", soft_wrap=True)
    if to is not None:
        err.print(f"{len(written)} {format_.value} files in {to}", soft_wrap=True)


def _registry(stack: ExitStack) -> Connection | None:
    """The registry, closed with the stack; None where none was named and that of this folder does not run."""
    settings = begin()
    try:
        connection = stack.enter_context(connect(settings))
    except DatabaseUnavailable:
        if settings.mongo_uri is not None:
            raise
        return None
    require_initialised(connection)
    return connection


def _predicted(
    connection: Connection | None, formula: str, dimensions: Sequence[int], top: int, *, new: bool
) -> dict[int, list[Prediction]]:
    """Predictions by dimension: what has known structures first; without that where there is nothing."""
    found: dict[int, list[Prediction]] = {}
    for dimension in dimensions:
        try:
            found[dimension] = _of_dimension(connection, formula, dimension, top, new=new)
        except NothingPredicted:
            if dimension == dimensions[-1] and not found:
                raise
    return dict(sorted(found.items(), key=lambda item: item[1][0].duplicate_of is None))


def _of_dimension(
    connection: Connection | None, formula: str, dimension: int, top: int, *, new: bool
) -> list[Prediction]:
    # Seconds of imports, for those who predict and not for those who ask for help.
    from ....builders.structures.template_loading import predict_structures
    from ....models.composition.formula.single_formula import FormulaError
    from ....models.structure.pettifor import ElementOffScaleError
    from ....models.structure.templates import NoTemplateError

    try:
        return predict_structures(connection, formula, dimension=dimension, top=top, new=new)
    except (FormulaError, ElementOffScaleError) as error:
        raise ConfigurationError(str(error), "Give a formula of elements from H to Lr, e.g. MoSSe.") from error
    except NoTemplateError as error:
        reason = str(error)
    if connection is None:
        raise NothingPredicted(reason, "These are the bundled templates; a registry with more: exfolio ingest --help")
    kind = {"template_dimension": dimension, "template_prototype": {"$exists": True}, "deprecated": False}
    number = connection.database["materials"].count_documents(kind)
    if number == 0:
        raise NothingPredicted(
            f"the registry has no templates of dimension {dimension}",
            "Ingest known structures (exfolio ingest --help), then find their prototypes: exfolio run templates",
        )
    raise NothingPredicted(reason, f"The registry has {number:,} templates of dimension {dimension}.")


def _relaxed(
    predictions: Sequence[Prediction], name: str | None, *, to_rest: bool | None
) -> tuple[Potential | None, Sequence[RelaxedPrediction | None]]:
    """Relax all, or shortly the first few where nobody said; with a potential that is named, all."""
    from ....builders.properties.potential import known_potentials
    from ....builders.structures.relaxed_predictions import (
        SHORT,
        TO_REST,
        NotInstalled,
        first_few,
        relax_predictions,
        usable,
        with_dispersion,
    )

    if to_rest is False:
        return None, []
    asked = bool(to_rest or name)
    try:
        potential = with_dispersion() if name is None else usable(known_potentials.potential(name))
    except NotInstalled:
        if asked:
            raise
        return None, []
    chosen = set(range(len(predictions))) if asked else first_few(predictions)
    with err.status(f"relaxing {len(chosen)} structures by {potential.title}"):
        steps = TO_REST if asked else SHORT
        return potential, relax_predictions(predictions, potential, max_steps=steps, chosen=chosen)


def _write(
    predictions: Sequence[Prediction],
    relaxed: Sequence[RelaxedPrediction | None],
    format_: ExportFormat,
    folder: Path,
    *,
    force: bool,
) -> list[str]:
    """Write a file of each structure, of one that was relaxed a second beside it."""
    from ....models.structure.serialization import to_plain

    ranked = list(enumerate(predictions, 1))
    formula = chemists_formula(predictions[0].formula) if predictions else ""
    keys = [f"{formula}-{rank:02d}-{prediction.template_id}" for rank, prediction in ranked]
    files: dict[str, Structure] = {}
    for number, (key, prediction) in enumerate(zip(keys, predictions, strict=True)):
        files[key] = prediction.structure
        if relaxed and (one := relaxed[number]) and one.relaxed.failure is None:
            files[f"{key}-relaxed"] = one.relaxed.structure
    names = file_names(list(files), ENDINGS[format_])
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(f"{folder} can't be used as a folder: {error.strerror}") from error
    in_the_way = [name for name in names.values() if (folder / name).exists()]
    if in_the_way and not force:
        raise ConfigurationError(
            f"{folder} has {len(in_the_way)} of these files already, {in_the_way[0]} for one",
            "Choose another folder, or replace them with --force.",
        )
    for key, structure in files.items():
        with whole_file(folder / names[key], force=force) as stream:
            stream.write(written_as(format_, to_plain(structure), key))
    return [str(folder / names[key]) for key in files]


def _as_plain(prediction: Prediction, rank: int) -> Doc:
    from ....models.structure.serialization import to_plain

    return {
        "rank": rank,
        "template_id": prediction.template_id,
        "template_prototype": prediction.prototype,
        "share": prediction.share,
        "probability": prediction.probability,
        "template_distance": prediction.distance,
        "mapping_distance": prediction.mapping_distance,
        "substitution": dict(prediction.mapping),
        "decoration": _decoration(prediction.decoration),
        "space_group": prediction.space_group,
        "space_group_probability": prediction.space_group_probability,
        "oxidation_match": prediction.oxidation,
        "oxidation_states": dict(prediction.oxidation_states) if prediction.oxidation_states else None,
        "length_factor": prediction.length_factor,
        "checks": checks_as_plain(prediction.checks),
        "known_as": prediction.duplicate_of,
        "volume": float(prediction.structure.volume),
        "structure": to_plain(prediction.structure),
    }


def _decoration(decoration: Decoration | None) -> Doc | None:
    if decoration is None:
        return None
    sites = {element: list(numbers) for element, numbers in decoration.sites.items()}
    return {"element": decoration.element, "sites": sites, "orderings": decoration.orderings}


def _print(predictions: Sequence[Prediction], first: int) -> None:
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for name in ("", "chance", "ElMD", "space group", "atoms"):
        table.add_column(name, justify="right")
    table.add_column("substitution", overflow="fold")
    table.add_column("checks", no_wrap=True)
    table.add_column("template", overflow="fold")
    for rank, prediction in enumerate(predictions, first):
        is_known = prediction.duplicate_of is not None
        table.add_row(
            str(rank),
            "[yellow]known[/]" if is_known else text_of(round(prediction.probability or 0.0, 2)),
            f"{prediction.distance:.2f}",
            text_of(prediction.space_group),
            str(len(prediction.structure)),
            escape(", ".join(f"{old} > {new}" for old, new in prediction.mapping.items() if old != new)),
            " ".join(MARK[check.passed] for check in prediction.checks),
            escape(prediction.template_id),
        )
    print_table(table)
    names = ", ".join(check.name.replace("_", " ") for check in predictions[0].checks)
    chances = [prediction.probability or 0.0 for prediction in predictions if prediction.duplicate_of is None]
    if chances and max(chances) < LITTLE:
        out.print(f"There is little to go by: none of the unknown ones has a chance of {LITTLE:g}.", soft_wrap=True)
    out.print(f"[dim]checks: {names}[/]", soft_wrap=True)


LITTLE = 0.2
"""Chance below which a prediction is hardly one."""
