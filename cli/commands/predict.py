"""``exfolio predict``: what the registry's knowledge says of something that is not in it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from ...models.composition.formula.chemists_formula import chemists_formula
from ...stores.connection import Connection, connect
from ...stores.errors import ConfigurationError, ExfolioError
from ...stores.query.search import require_initialised
from ..display.cells import MARKS, text_of
from ..display.console import JsonOption, begin, err, out, print_json
from ..display.tables import print_table
from .export import ENDINGS, ExportFormat, file_names, whole_file, written_as

if TYPE_CHECKING:
    from ...models.structure.templates import Decoration, Prediction

Doc = dict[str, Any]


class NothingPredicted(ExfolioError):
    """The registry knows nothing to predict from."""


def register(app: typer.Typer) -> None:
    """Add the group ``predict`` to the app."""
    group = typer.Typer(no_args_is_help=True, help="Predict the structures of a formula from the registry's templates.")
    group.command()(structure)
    app.add_typer(group, name="predict")


def structure(
    formula: Annotated[str, typer.Argument(help="The formula, e.g. MoSSe.")],
    *,
    dimension: Annotated[
        int, typer.Option(min=2, max=3, help="2: a monolayer, from monolayers; 3: a bulk crystal, from bulk crystals.")
    ] = 2,
    top: Annotated[int, typer.Option(min=1, max=100, help="How many structures.")] = 10,
    format_: Annotated[
        ExportFormat, typer.Option("--format", help="Files to write: cif or poscar.")
    ] = ExportFormat.cif,
    to: Annotated[Path | None, typer.Option("--out", metavar="FOLDER", help="Folder for a file of each.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace files that are there already.")] = False,
    json: JsonOption = False,
) -> None:
    """Predict the structures a formula most likely takes, best first, from known structures like it.

    Nothing is stored. For many formulas let a campaign take the route `template`.

    \b
    Examples:
      exfolio predict structure HfSSe --dimension 2
      exfolio predict structure MgMn2O4 --dimension 3 --top 3 --format poscar --out spinel
    """  # noqa: D301 - the backspace tells the help to keep the lines
    if format_ not in ENDINGS:
        raise ConfigurationError(f"a structure is not written as {format_.value}", "Choose --format cif or poscar.")
    with connect(begin()) as connection:
        require_initialised(connection)
        predictions = _predicted(connection, formula, dimension, top)
    written = _write(predictions, format_, to, force=force) if to is not None else []
    if json:
        print_json(
            {
                "formula": predictions[0].formula,
                "dimension": dimension,
                "structures": [_as_plain(prediction, rank) for rank, prediction in enumerate(predictions, 1)],
                "files": written,
            }
        )
        return
    _print(predictions)
    if to is not None:
        err.print(f"{len(written)} {format_.value} files in {to}", soft_wrap=True)


def _predicted(connection: Connection, formula: str, dimension: int, top: int) -> list[Prediction]:
    # Seconds of imports, for those who predict and not for those who ask for help.
    from ...builders.structures.template_loading import predict_structures
    from ...models.composition.formula.parsing import FormulaError
    from ...models.structure.pettifor import ElementOffScaleError
    from ...models.structure.templates import NoTemplateError

    try:
        return predict_structures(connection, formula, dimension=dimension, top=top)
    except (FormulaError, ElementOffScaleError) as error:
        raise ConfigurationError(str(error), "Give a formula of elements from H to Lr, e.g. MoSSe.") from error
    except NoTemplateError as error:
        reason = str(error)
    kind = {"template_dimension": dimension, "template_prototype": {"$exists": True}, "deprecated": False}
    number = connection.database["materials"].count_documents(kind)
    if number == 0:
        raise NothingPredicted(
            f"the registry has no templates of dimension {dimension}",
            "Ingest known structures (exfolio ingest --help), then find their prototypes: exfolio run templates",
        )
    raise NothingPredicted(reason, f"The registry has {number:,} templates of dimension {dimension}.")


def _write(predictions: Sequence[Prediction], format_: ExportFormat, folder: Path, *, force: bool) -> list[str]:
    from ...models.structure.serialization import to_plain

    ranked = list(enumerate(predictions, 1))
    formula = chemists_formula(predictions[0].formula) if predictions else ""
    keys = [f"{formula}-{rank:02d}-{prediction.template_id}" for rank, prediction in ranked]
    names = file_names(keys, ENDINGS[format_])
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
    for key, prediction in zip(keys, predictions, strict=True):
        with whole_file(folder / names[key], force=force) as stream:
            stream.write(written_as(format_, to_plain(prediction.structure), key))
    return [str(folder / names[key]) for key in keys]


def _as_plain(prediction: Prediction, rank: int) -> Doc:
    from ...models.structure.serialization import to_plain

    return {
        "rank": rank,
        "template_id": prediction.template_id,
        "template_prototype": prediction.prototype,
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
        "checks": {
            check.name: {"passed": check.passed, "value": check.value, "limit": check.limit, "note": check.note}
            for check in prediction.checks
        },
        "known_as": prediction.duplicate_of,
        "volume": float(prediction.structure.volume),
        "structure": to_plain(prediction.structure),
    }


def _decoration(decoration: Decoration | None) -> Doc | None:
    if decoration is None:
        return None
    sites = {element: list(numbers) for element, numbers in decoration.sites.items()}
    return {"element": decoration.element, "sites": sites, "orderings": decoration.orderings}


def _print(predictions: Sequence[Prediction]) -> None:
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for name in ("", "share", "ElMD", "space group", "atoms"):
        table.add_column(name, justify="right")
    table.add_column("substitution", overflow="fold")
    table.add_column("checks", no_wrap=True)
    table.add_column("template", overflow="fold")
    for rank, prediction in enumerate(predictions, 1):
        known = f"  [yellow]known: {escape(prediction.duplicate_of)}[/]" if prediction.duplicate_of else ""
        table.add_row(
            str(rank),
            text_of(round(prediction.probability, 3)) if prediction.probability is not None else "",
            f"{prediction.distance:.2f}",
            text_of(prediction.space_group),
            str(len(prediction.structure)),
            escape(", ".join(f"{old} > {new}" for old, new in prediction.mapping.items() if old != new)),
            " ".join(_MARK[check.passed] for check in prediction.checks),
            escape(prediction.template_id) + known,
        )
    print_table(table)
    names = ", ".join(check.name.replace("_", " ") for check in predictions[0].checks)
    out.print(f"[dim]checks: {names}; all values: --json; files: --out FOLDER[/]", soft_wrap=True)


_MARK = {True: MARKS["passed"], False: MARKS["failed"], None: MARKS["unknown"]}
