"""Phase diagrams about the first candidates of a shortlist, one for each chemical system."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from matplotlib.figure import Figure

from ....stores.connection import Connection
from ..diagram_phases import NoDiagram
from ..diagrams import phase_diagram

Doc = dict[str, Any]

HULL: Final = "hull-"
"""What the names of these figures begin with."""
_DRAWN: Final = 4
_TRIED: Final = 12
_ELEMENTS: Final = (2, 3)
"""A tetrahedron says little in print."""


def hulls_of(connection: Connection, candidates: Iterable[Doc]) -> dict[str, Figure]:
    """Phase diagrams by name, of the first candidates that have one.

    Parameters
    ----------
    connection
        The database.
    candidates
        Those of a shortlist, the best first.
    """
    drawn: dict[str, Figure] = {}
    by_system: dict[str, str] = {}
    for candidate in candidates:
        if len(candidate["elements"]) in _ELEMENTS:
            by_system.setdefault("-".join(sorted(candidate["elements"])), candidate["candidate_id"])
    # triangles first: a line of two elements shows less of what competes
    for system, identity in sorted(list(by_system.items())[:_TRIED], key=lambda pair: -pair[0].count("-")):
        try:
            drawn[f"{HULL}{system}"] = phase_diagram(connection, identity).figure
        except NoDiagram:
            continue
        if len(drawn) == _DRAWN:
            break
    return drawn
