"""Phase diagrams of a campaign's own chemical system, and about the first candidates of its shortlist."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from ....stores.connection import Connection
from ..diagram_phases import NoDiagram
from ..diagrams import PhaseDiagramReport, phase_diagram

Doc = dict[str, Any]

HULL: Final = "hull-"
"""What the names of these figures begin with."""
_DRAWN: Final = 3
_TRIED: Final = 12
_ELEMENTS: Final = (2, 3)
"""A tetrahedron says little in print."""


def hulls_of(connection: Connection, campaign: Doc, candidates: Iterable[Doc]) -> dict[str, PhaseDiagramReport]:
    """Phase diagrams by name, of the campaign's elements or of the first candidates that have one.

    Parameters
    ----------
    connection
        The database.
    campaign
        As plain data; where it has two or three elements, the diagram of these is drawn first.
    candidates
        Those of a shortlist, the best first.
    """
    drawn: dict[str, PhaseDiagramReport] = {}
    by_system: dict[str, str] = {}
    for candidate in candidates:
        if len(candidate["elements"]) in _ELEMENTS:
            by_system.setdefault("-".join(sorted(candidate["elements"])), candidate["candidate_id"])
    if len(own := sorted(campaign.get("elements") or ())) in _ELEMENTS:
        by_system.setdefault("-".join(own), "-".join(own))
    # triangles first: a line of two elements shows less of what competes
    for system, identity in sorted(list(by_system.items())[:_TRIED], key=lambda pair: -pair[0].count("-")):
        try:
            drawn[f"{HULL}{system}"] = phase_diagram(connection, identity)
        except NoDiagram:
            continue
        if len(drawn) == _DRAWN:
            break
    return drawn
