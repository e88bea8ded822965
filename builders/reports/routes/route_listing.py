"""A line for each structure that routes made, as an export of their crystals is listed: what it is, its verdicts."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any, Final

from ....models.composition.formula.chemists_formula import chemists_formula
from ....models.evaluation.supply import concentration
from ....stores.connection import Connection
from ....stores.documents import Property
from .route_figures import faults, maker, name_of
from .route_records import Energies, energies, proposals

COLUMNS: Final = (
    *("file", "structure_id", "made_by", "route", "formula", "nsites", "dimension", "space_group", "valid", "faults"),
    *("duplicate_of", "novel", "novelty_class", "known_as", "energy_above_hull", "energy_above_hull_low"),
    *("energy_above_hull_high", "energy_above_hull_method", "hhi_production", "hhi_reserves"),
)
"""Energies in eV/atom above the hull, of the structure it repeats where it repeats one; both ends are the value where
nothing is known of its error, and an end is empty where it is open."""


def route_listing(connection: Connection, names: Collection[str] = ()) -> Iterator[tuple[str, dict[str, Any]]]:
    """Lines of `COLUMNS` but for the file, each with the name of the model or else the route that made the structure.

    Parameters
    ----------
    names
        Only of these routes and models; all without.
    """
    by_trust = sorted(energies(connection), key=_distrust)
    for doc in proposals(connection):
        route, model = maker(doc)
        if names and not {route, model} & set(names):
            continue
        root = doc.get("duplicate_of") or doc["structure_id"]
        index = concentration(doc["formula_reduced"])
        yield (
            name_of(route, model),
            {
                "structure_id": doc["structure_id"],
                "made_by": name_of(route, model),
                "route": route,
                "formula": chemists_formula(doc["formula_reduced"]),
                "nsites": doc.get("nsites"),
                "dimension": doc.get("dimension"),
                "space_group": doc.get("space_group", {}).get("number"),
                "valid": bool(doc.get("valid")),
                "faults": "" if doc.get("valid") else " ".join(faults(doc.get("checks") or {})),
                "duplicate_of": doc.get("duplicate_of"),
                "novel": doc.get("novel"),
                "novelty_class": doc.get("novelty_class"),
                "known_as": " ".join(match["material_id"] for match in doc.get("known_match") or ()),
                **_energy(by_trust, root),
                "hhi_production": index and round(index.production, 1),
                "hhi_reserves": index and round(index.reserves, 1),
            },
        )


def _distrust(by: Energies) -> tuple[int, bool, str]:
    """What goes first: the bases that are trusted most, and of a potential what it relaxed."""
    return Property.BASES.index(by.basis), by.relaxed_label is None, by.method


def _energy(by_trust: list[Energies], structure_id: str) -> dict[str, Any]:
    for by in by_trust:
        if (energy := by.of.get(structure_id)) is not None:
            low, high = energy.low, energy.high
            if low is None and high is None:
                low = high = energy.value
            return {
                "energy_above_hull": energy.value,
                "energy_above_hull_low": low,
                "energy_above_hull_high": high,
                "energy_above_hull_method": by.method,
            }
    return {}
