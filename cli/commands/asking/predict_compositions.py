"""``exfolio predict compositions``: new compositions as somebody wishes them, from the generator that comes along."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from ....builders.training.shipped.learnt_compositions import learnt, number_learnt
from ....builders.training.shipped.shipped_models import shipped
from ....stores.errors import ConfigurationError
from ...display.console import JsonOption, begin, out, print_json
from ...display.tables import print_table

Doc = dict[str, Any]

_DRAWS_OF_EACH = 50


def register(group: typer.Typer) -> None:
    """Add the command to the group ``predict``."""
    group.command()(compositions)


def compositions(
    *,
    containing: Annotated[str, typer.Option(metavar="ELEMENTS", help="Elements that each holds, e.g. Li,Fe,O.")] = "",
    only: Annotated[str, typer.Option(metavar="ELEMENTS", help="Elements that each may hold; any without.")] = "",
    balanced: Annotated[
        bool, typer.Option("--balanced", help="Only those whose charges and electronegativities balance.")
    ] = False,
    near: Annotated[str | None, typer.Option(metavar="FORMULA", help="A formula that each lies near.")] = None,
    within: Annotated[
        float, typer.Option(help="Largest element mover's distance from it, in steps of the modified Pettifor scale.")
    ] = 2.0,
    number: Annotated[int, typer.Option(min=1, max=10_000, help="How many compositions.")] = 20,
    seed: Annotated[int, typer.Option(min=0, help="Of the draws.")] = 0,
    json: JsonOption = False,
) -> None:
    """Draw new compositions as you wish them: with given elements, balanced, near a formula.

    Needs no registry. The generator that comes along draws 50 for each that is shown; those that came most often are
    told, with P(2D) by the classifier. What the models have learnt from is left out: it is not new. In a campaign the
    same is said by `compositions: {wish: …}`.

    \b
    Examples:
      exfolio predict compositions --containing Li,Fe,O --balanced
      exfolio predict compositions --near MgMn2O4 --within 1.5
    """  # noqa: D301 - the backspace tells the help to keep the lines
    begin()
    generator, classifier = shipped("matgan"), shipped("classifier")
    if generator is None or classifier is None:
        raise ConfigurationError("no generator of compositions comes with this version", "exfolio train matgan")
    # Seconds of imports, for those who draw and not for those who ask for help.
    from ....models.composition.classifier.model import unpack
    from ....models.composition.formula.chemists_formula import chemists_formula
    from ....models.composition.formula.single_formula import FormulaError
    from ....models.composition.matgan.model import MatGAN
    from ....models.composition.matgan.sampling import sample
    from ....models.composition.matgan.wish import BadWish, Wish
    from ....models.composition.matgan.wishing_generator import UnmetWish, WishingGenerator

    try:
        wish = Wish(containing=_elements(containing), only=_elements(only), balanced=balanced, near=near, within=within)
        drawn = sample(WishingGenerator(MatGAN.from_bytes(generator.weights), wish), _DRAWS_OF_EACH * number, seed=seed)
    except (BadWish, UnmetWish, FormulaError) as error:
        raise ConfigurationError(str(error), "Wish for something else: exfolio predict compositions --help") from error
    known = learnt(drawn.formulas).tolist()
    counted = zip(drawn.times_drawn.tolist(), drawn.formulas, known, strict=True)
    new = [(times, formula) for times, formula, flag in counted if not flag]
    chosen = sorted(new, key=lambda one: (-one[0], one[1]))[:number]
    probability = unpack(classifier.weights).probability([formula for _, formula in chosen])
    rows: list[Doc] = [
        {"formula": formula, "times_drawn": times, "p_2d": round(float(p), 4)}
        for (times, formula), p in zip(chosen, probability, strict=True)
    ]
    told = {"draws": drawn.draws, "distinct": len(drawn.formulas), "learnt": sum(known)}
    if json:
        print_json({"model": generator.model_id, **told, "compositions": rows})
        return
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    table.add_column("formula", overflow="fold")
    for name in ("times drawn", "P(2D)"):
        table.add_column(name, justify="right", no_wrap=True)
    for row in rows:
        table.add_row(escape(chemists_formula(row["formula"])), str(row["times_drawn"]), f"{row['p_2d']:.3f}")
    print_table(table)
    out.print(
        f"[dim]{escape(generator.model_id)}; of {told['draws']:,} draws {told['distinct']:,} are distinct, and "
        f"{told['learnt']:,} of these are left out: among the {number_learnt():,} that the models have learnt from[/]",
        soft_wrap=True,
    )


def _elements(listed: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in listed.replace(" ", ",").split(",") if part.strip())
