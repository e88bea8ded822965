"""Pourbaix diagrams of the first candidates of a shortlist, at the conditions that their campaign judges by."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from ....stores.connection import Connection
from ..diagram_phases import NoDiagram
from ..diagrams import PourbaixReport, pourbaix_diagram

Doc = dict[str, Any]

IN_WATER: Final = "pourbaix-"
"""What the names of these figures begin with."""
_DRAWN: Final = 3
_TRIED: Final = 12


def in_water(connection: Connection, campaign: Doc, candidates: Iterable[Doc]) -> dict[str, PourbaixReport]:
    """Pourbaix diagrams by name, of the first candidates that have one, one of each formula.

    Parameters
    ----------
    connection
        The database.
    campaign
        As plain data; nothing is drawn where it says nothing of water.
    candidates
        Those of a shortlist, the best first.
    """
    conditions = campaign.get("pourbaix")
    if conditions is None:
        return {}
    first: dict[str, str] = {}
    for candidate in candidates:
        if candidate.get("pourbaix_energy") is not None:
            first.setdefault(candidate["formula_reduced"], candidate["candidate_id"])
    scheme = (campaign.get("hull") or {}).get("scheme")
    asked = {**conditions, "ph": tuple(conditions["ph"]), **({"scheme": scheme} if scheme else {})}
    drawn: dict[str, PourbaixReport] = {}
    for formula, identity in list(first.items())[:_TRIED]:
        try:
            drawn[f"{IN_WATER}{formula}"] = pourbaix_diagram(connection, identity, **asked)
        except NoDiagram:
            continue
        if len(drawn) == _DRAWN:
            break
    return drawn
