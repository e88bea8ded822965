"""Whether a known crystal is layered, and why, as ``exfolio why`` tells it."""

from __future__ import annotations

from typing import Any

from rich.markup import escape

from ...models.composition.formula.chemists_formula import chemists_formula
from ..display.console import out

Doc = dict[str, Any]

_WORDS: dict[bool | None, str] = {True: "layered", False: "not layered", None: "not analysed"}


def print_layer_verdict(material: Doc) -> None:
    """Print the analysis of a material in two lines."""
    layering = material["layering"]
    word = _WORDS[material.get("layered")]
    kind = f", {layering['kind']}" if layering.get("kind") not in {None, "layers"} else ""
    score = f", score {layering['score']:.2f}" if layering.get("score") is not None else ""
    formula = chemists_formula(material.get("formula_reduced", ""))
    head = f"[bold]{escape(material['material_id'])}[/]  {formula}: {word}{kind}{score}"
    out.print(f"{head} [dim](rules {layering.get('rules')})[/]", soft_wrap=True)
    if layering.get("reason"):
        out.print(f"  [dim]{escape(layering['reason'])}[/]", soft_wrap=True)
