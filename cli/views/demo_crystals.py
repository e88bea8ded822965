"""The part of ``exfolio demo`` about crystals that were generated for a composition."""

from __future__ import annotations

from typing import Any, Final

from rich.markup import escape

from ...models.composition.formula.chemists_formula import chemists_formula
from ...stores.connection import Connection
from ...stores.query.language.fields import fields_of
from ...stores.query.language.intervals import end_of, ends
from ..display.cells import with_interval
from ..display.console import out, print_indented

_HULL: Final = fields_of("candidates").get("energy_above_hull")
_CAMPAIGN = "mg-mn-o-photoanode-demo"
_SHOWN = 6
_ROUTE = "crystal-gan"


def generated_crystals(connection: Connection) -> list[dict[str, Any]]:
    """Distinct crystals that were generated as they are judged, the lowest above the hull first."""
    pipeline: list[dict[str, Any]] = [
        {"$match": {"campaign": _CAMPAIGN, "route": _ROUTE, "valid": True, "deprecated": False}},
        {"$set": {"unknown": {"$eq": [{"$type": "$energy_above_hull"}, "missing"]}, "most": end_of(_HULL, "high")}},
        {"$sort": {"among_lowest": -1, "unknown": 1, "most": 1, "energy_above_hull": 1, "structure_id": 1}},
        {"$unset": ["_id", "structure", "facets", "origins", "history", "unknown", "most"]},
    ]
    return list(connection.database["candidates"].aggregate(pipeline))


def print_crystals(crystals: list[dict[str, Any]]) -> None:
    """Print the best of them."""
    if not crystals:
        return
    out.print()
    out.rule("[bold]Crystals generated for compositions of Mg-Mn-O[/] (a model of seconds)", align="left")
    for crystal in crystals[:_SHOWN]:
        energy, known = crystal.get("energy_above_hull"), crystal.get("known_as")
        group = (crystal.get("space_group") or {}).get("symbol", "?")
        shown = with_interval(energy, *ends(crystal, _HULL), _HULL)
        judged = "" if energy is None else f", E hull {shown} eV/atom by {crystal['methods']['energy_above_hull']}"
        new = f"; found again: {', '.join(known)}" if known else "; new"
        formula = chemists_formula(crystal["formula_reduced"])
        text = f"[bold]{formula}[/]  {group}, {crystal['nsites']} atoms{judged}{escape(new)}"
        print_indented(out, text)
