"""``exfolio predict 2d | energy | oxidation | symmetry``: what the models that come with the package say of formulas.

They ask no database: a person without data gets an answer at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from ....builders.training.shipped.learnt_compositions import learnt
from ....builders.training.shipped.shipped_models import ShippedModel, is_shipped, shipped, shipped_kinds
from ....stores.connection import connect
from ....stores.errors import ConfigurationError
from ...display.console import JsonOption, begin, out, print_json
from ...display.tables import print_table

if TYPE_CHECKING:
    from collections.abc import Sequence

Doc = dict[str, Any]

CHOICES_SHOWN = 3
"""Choices of oxidation states in a table, at most; `--json` has all."""

GROUPS_SHOWN = 3
"""Space groups in a table, at most; `--json` has up to six."""

Formulas = Annotated[list[str], typer.Argument(metavar="FORMULA…", help="One or more formulas, e.g. MoSSe.")]
Model = Annotated[
    str | None,
    typer.Option(metavar="ID", help="A model that the registry has trained; the one that comes along without."),
]


def register(group: typer.Typer) -> None:
    """Add the commands to the group ``predict``."""
    group.command("2d")(two_dimensional)
    group.command()(energy)
    group.command()(oxidation)
    group.command()(symmetry)


def two_dimensional(formulas: Formulas, *, model: Model = None, json: JsonOption = False) -> None:
    """Predict how likely compositions form a two-dimensional material.

    Needs no registry. Beside each probability stands how many of the composition's family (same amounts, elements of
    the same groups) the model has learnt from: with none it is worth less, as the last line tells; and whether it has
    learnt from this very composition: "seen".

    Example: exfolio predict 2d MoSSe TiNCl NaCl
    """
    used = _model("classifier", model)
    from ....models.composition.classifier.model import unpack

    classifier = unpack(used.weights)
    reduced = _reduced(formulas)
    probability = classifier.probability(reduced)
    of_family = classifier.known_of_family(reduced)
    seen = _seen(used, reduced)
    rows: list[Doc] = [
        {
            "formula": formula,
            "p_2d": round(float(probability[place]), 4),
            "relatives": None if of_family is None else int(of_family[place]),
            "seen": seen[place],
        }
        for place, formula in enumerate(formulas)
    ]
    if json:
        print_json({"model": used.model_id, "compositions": rows})
        return
    table = _table("formula", "P(2D)", "neighbours learnt", "")
    for row in rows:
        known = row["relatives"]
        table.add_row(
            escape(row["formula"]),
            f"{row['p_2d']:.3f}",
            "–" if known is None else str(known) if known else "[yellow]none known[/]",
            "[yellow]seen[/]" if row["seen"] else "",
        )
    print_table(table)
    _print_model(used, _worth_of_classifier(used.card))


def energy(formulas: Formulas, *, model: Model = None, json: JsonOption = False) -> None:
    """Predict formation energies from compositions, of the most stable structure, in eV/atom.

    Needs no registry. The deviation is what the network expects its error to be. What is marked "seen" is no
    prediction: the model has learnt from the energy of that very composition.

    Example: exfolio predict energy MgMn2O4 TiNCl
    """
    used = _model("roost", model)
    from ....models.composition.roost.model import RoostEnsemble, predict

    reduced = _reduced(formulas)
    predicted = predict(RoostEnsemble.from_bytes(used.weights), reduced, unseen="nan")
    seen = _seen(used, reduced)
    known = [float(mean) == float(mean) for mean in predicted.mean]  # NaN: holds an element the network has not seen
    rows: list[Doc] = [
        {
            "formula": formula,
            "formation_energy": round(float(predicted.mean[place]), 4) if known[place] else None,
            "deviation": round(float(predicted.std[place]), 4) if known[place] else None,
            "seen": seen[place],
        }
        for place, formula in enumerate(formulas)
    ]
    if json:
        print_json({"model": used.model_id, "unit": "eV/atom", "compositions": rows})
        return
    table = _table("formula", "formation energy (eV/atom)", "±", "")
    for row in rows:
        mark = "[yellow]seen[/]" if row["seen"] else ""
        if row["formation_energy"] is None:
            table.add_row(escape(row["formula"]), "[yellow]an element that was not learnt[/]", "", "")
        else:
            table.add_row(escape(row["formula"]), f"{row['formation_energy']:.3f}", f"{row['deviation']:.3f}", mark)
    print_table(table)
    metrics = used.card["metrics"]
    mae, error = metrics.get("test_mae"), metrics.get("test_mae_standard_error")
    worth = f"mean absolute error of its test {mae:.4f}" + (f" ± {error:.4f}" if error else "") if mae else ""
    _print_model(used, f"{worth} eV/atom" if worth else "")


def oxidation(formulas: Formulas, *, json: JsonOption = False) -> None:
    """Predict oxidation states: the neutral and balanced choices, as likely as known compounds make them.

    Needs no registry. All atoms of an element have one state: mixed valence is not told.

    Example: exfolio predict oxidation MgMn2O4 MoSSe
    """
    from ....models.composition.ion_familiarity import likely_states

    _reduced(formulas)
    rows: list[Doc] = [
        {
            "formula": formula,
            "choices": [{"ions": list(ions), "share": round(share, 4)} for ions, share in likely_states(formula)],
        }
        for formula in formulas
    ]
    if json:
        print_json({"compositions": rows})
        return
    table = _table("formula", "oxidation states", "share")
    for row in rows:
        if not row["choices"]:
            table.add_row(escape(row["formula"]), "[yellow]none that is neutral and balanced[/]", "")
        for place, choice in enumerate(row["choices"][:CHOICES_SHOWN]):
            table.add_row(
                escape(row["formula"]) if not place else "", " ".join(choice["ions"]), f"{choice['share']:.2f}"
            )
    print_table(table)
    out.print("[dim]by the ions of 72,261 compounds of the Materials Project (Bartel et al. 2020)[/]", soft_wrap=True)


def symmetry(
    formulas: Formulas,
    *,
    dimension: Annotated[int, typer.Option(min=2, max=3, help="2: layers; 3: bulk crystals.")] = 3,
    model: Model = None,
    json: JsonOption = False,
) -> None:
    """Predict space groups and cells from compositions, the likeliest first.

    Needs no registry. Cells are conventional ones, of a layer its periods and its thickness.

    Example: exfolio predict symmetry MgMn2O4 CaTiO3
    """
    used = _model("space-groups" if dimension == 2 else "space-groups-bulk", model)
    from ....models.structure.symmetry.lattice_predictor import unpack

    reduced = _reduced(formulas)
    guessed = unpack(used.weights).predict(reduced, bravais=GROUPS_SHOWN, within=2)
    rows: list[Doc] = [
        {
            "formula": formula,
            "space_groups": [
                {
                    "number": guess.space_group,
                    "bravais": guess.bravais,
                    "probability": round(guess.probability, 4),
                    "cell": [round(value, 3) for value in guess.lattice],
                }
                for guess in guesses
            ],
        }
        for formula, guesses in zip(formulas, guessed, strict=True)
    ]
    if json:
        print_json({"model": used.model_id, "dimension": dimension, "compositions": rows})
        return
    table = _table("formula", "space group", "Bravais", "chance", "cell (Å, °)")
    for row in rows:
        for place, group in enumerate(row["space_groups"][:GROUPS_SHOWN]):
            lengths, angles = group["cell"][:3], group["cell"][3:]
            cell = " ".join([*(f"{value:.2f}" for value in lengths), *(f"{value:.0f}" for value in angles)])
            name = escape(row["formula"]) if not place else ""
            table.add_row(name, str(group["number"]), group["bravais"], f"{group['probability']:.2f}", cell)
    print_table(table)
    metrics = used.card["metrics"]
    share, error = metrics.get("space_group_top_1"), metrics.get("space_group_top_1_standard_error")
    _print_model(used, f"the first is right for {share:.3f} ± {error:.3f}" if share and error else "")


def _model(kind: str, model_id: str | None) -> ShippedModel:
    """Shipped model of a kind, or one of the registry where an id is given."""
    settings = begin()
    if model_id is not None:
        from ....builders.training import trained

        with connect(settings) as connection:
            return ShippedModel(
                trained.need(connection, kind, model_id), trained.packed(connection, kind, model_id).weights
            )
    found = shipped(kind)
    if found is None:
        raise ConfigurationError(
            f"no {kind} comes with this version",
            f"There are: {', '.join(shipped_kinds()) or 'none'}. Give one of the registry's: --model ID",
        )
    return found


def _seen(used: ShippedModel, reduced: Sequence[str]) -> list[bool | None]:
    """Whether a model that comes along has learnt from each composition; of one of the registry that is not told."""
    if not is_shipped(used.model_id):
        return [None] * len(reduced)
    return [bool(flag) for flag in learnt(reduced, used.card["kind"])]


def _reduced(formulas: Sequence[str]) -> list[str]:
    from ....models.composition.formula.formulas import reduced_formulas
    from ....models.composition.formula.single_formula import FormulaError

    try:
        return list(reduced_formulas(formulas))
    except FormulaError as error:
        raise ConfigurationError(str(error), "Give formulas of elements, e.g. MoSSe.") from error


def _table(first: str, *others: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    table.add_column(first, overflow="fold")
    for name in others:
        table.add_column(name, justify="right", no_wrap=True)
    return table


def _worth_of_classifier(card: Doc) -> str:
    parts = []
    for name, what in (("cross_validation", "relatives known"), ("cross_validation_by_family", "none known")):
        judged = card["metrics"].get(name) or {}
        if "mean" in judged:
            parts.append(f"{judged['mean']['auc']:.3f} ± {judged['standard_error']['auc']:.3f} ({what})")
    return f"AUC {', '.join(parts)}" if parts else ""


def _print_model(used: ShippedModel, worth: str) -> None:
    seen = used.card.get("seen", "")
    parts = [used.model_id, worth, f"has learnt from {seen}" if seen else ""]
    out.print(f"[dim]{escape('; '.join(part for part in parts if part))}[/]", soft_wrap=True)
