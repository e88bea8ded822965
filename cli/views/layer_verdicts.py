"""Whether a known crystal is layered, and why, as ``exfolio why`` tells it."""

from __future__ import annotations

from typing import Any, Final

from rich.markup import escape

from ...models.composition.formula.chemists_formula import chemists_formula
from ...stores.connection import Connection
from ..display.cells import text_of
from ..display.console import out

Doc = dict[str, Any]

EASILY_EXFOLIATED: Final = 0.2
"""eV/atom, up to which layers come off easily (J. Zhou et al., Sci. Data 6, 86 (2019)); the bundled campaign's gate."""
_WORDS: dict[bool | None, str] = {True: "layered", False: "not layered", None: "not analysed"}


def with_layer_energies(connection: Connection, material: Doc) -> Doc:
    """Add energies to take off the layers cut from a material, and what in them speaks against its verdict.

    Energies are those of experiment, of calculations and of potentials with dispersion that the registry holds
    already; `layering` itself rests on the structure alone, and `conflict` tells where they disagree.
    """
    cut = {"parent_id": material["material_id"], "route": "top-down", "deprecated": False}
    layers = connection.database["structures"].distinct("structure_id", cut)
    of_layers = {"structure_id": {"$in": layers}, "kind": "exfoliation_energy", "deprecated": False}
    told = {"_id": 0, **dict.fromkeys(("structure_id", "value", "low", "high", "unit", "method"), 1)}
    energies = (
        list(connection.database["properties"].find(of_layers, told, sort=[("property_id", 1)])) if layers else []
    )
    return {**material, "layer_energies": energies, "conflict": _conflict(material, energies)}


def _conflict(material: Doc, energies: list[Doc]) -> str | None:
    """Say what whole intervals lie on the other side of `EASILY_EXFOLIATED` than the verdict; None where none does."""
    against = []
    for energy in energies:
        low, high = _ends(energy)
        held = material.get("layered") is True and low is not None and low > EASILY_EXFOLIATED
        loose = material.get("layered") is False and high is not None and high <= EASILY_EXFOLIATED
        if held or loose:
            against.append(energy)
    if not against:
        return None
    much = "more" if material.get("layered") else "less"
    methods = ", ".join(sorted({str(energy["method"]) for energy in against}))
    return f"its layers are held by {much} than {EASILY_EXFOLIATED:g} eV/atom by {methods}, against this verdict"


def _ends(energy: Doc) -> tuple[float | None, float | None]:
    """Ends of an interval, None for an open one; the value twice where nothing is known of its error."""
    low, high = energy.get("low"), energy.get("high")
    return (energy["value"], energy["value"]) if low is None and high is None else (low, high)


def print_layer_verdict(material: Doc) -> None:
    """Print the analysis of a material in two lines, and a line of each energy that `with_layer_energies` found."""
    layering = material["layering"]
    word = _WORDS[material.get("layered")]
    kind = f", {layering['kind']}" if layering.get("kind") not in {None, "layers"} else ""
    score = f", score {layering['score']:.2f}" if layering.get("score") is not None else ""
    formula = chemists_formula(material.get("formula_reduced", ""))
    head = f"[bold]{escape(material['material_id'])}[/]  {formula}: {word}{kind}{score}"
    out.print(f"{head} [dim](rules {layering.get('rules')})[/]", soft_wrap=True)
    if layering.get("reason"):
        out.print(f"  [dim]{escape(layering['reason'])}[/]", soft_wrap=True)
    for energy in material.get("layer_energies", ()):
        low, high = map(text_of, _ends(energy))
        within = f" ({low or '…'} to {high or '…'})" if low != high else ""
        method = escape(str(energy["method"]))
        out.print(f"  layer taken off: {text_of(energy['value'])} {energy['unit']}{within}, {method}", soft_wrap=True)
    if material.get("conflict"):
        out.print(f"  [yellow]{escape(material['conflict'])}[/]", soft_wrap=True)
