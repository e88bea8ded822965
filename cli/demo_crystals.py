"""The part of ``exfolio demo`` about crystals that were generated for a composition."""

from __future__ import annotations

from typing import Any

from rich.markup import escape

from ..stores.connection import Connection
from .console import out

CAMPAIGN = "mg-mn-o-photoanode"
_SHOWN = 6
_ROUTE = "crystal-gan"


def generated_crystals(connection: Connection) -> list[dict[str, Any]]:
    """Give the distinct crystals that were generated, with energy above the hull where it is known, lowest first."""
    pipeline: list[dict[str, Any]] = [
        {"$match": {"route": _ROUTE, "valid": True, "duplicate_of": None, "deprecated": False}},
        {
            "$lookup": {
                "from": "properties",
                "localField": "structure_id",
                "foreignField": "structure_id",
                "pipeline": [{"$match": {"kind": "energy_above_hull", "deprecated": False, "value": {"$ne": None}}}],
                "as": "energies",
            }
        },
        {
            "$project": {
                "_id": 0,
                "structure_id": 1,
                "formula_reduced": 1,
                "space_group": 1,
                "nsites": 1,
                "drawn": 1,
                "known_as": 1,
                "energy_above_hull": {"$first": "$energies.value"},
                "method": {"$first": "$energies.method"},
            }
        },
        {"$set": {"unknown": {"$eq": [{"$type": "$energy_above_hull"}, "missing"]}}},
        {"$sort": {"unknown": 1, "energy_above_hull": 1, "structure_id": 1}},
        {"$unset": "unknown"},
    ]
    return list(connection.database["structures"].aggregate(pipeline))


def print_crystals(crystals: list[dict[str, Any]]) -> None:
    """Print the best of them."""
    if not crystals:
        return
    out.print()
    out.rule("[bold]Crystals generated for compositions of Mg-Mn-O[/] (a model of seconds)", align="left")
    for one in crystals[:_SHOWN]:
        energy, known = one.get("energy_above_hull"), one.get("known_as")
        group = (one.get("space_group") or {}).get("symbol", "?")
        judged = "" if energy is None else f", E hull {energy:.2f} eV/atom by {one['method']}"
        new = f"; found again: {', '.join(known)}" if known else "; new"
        text = f"  [bold]{one['formula_reduced']}[/]  {group}, {one['nsites']} atoms{judged}{escape(new)}"
        out.print(text, soft_wrap=True)
