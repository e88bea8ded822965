"""A picture of the vibrations of a structure, as each potential gives them: levels and their density."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from ...models.potential.stability.verdict import UNSTABLE
from ...stores.connection import Connection
from ...stores.errors import ConfigurationError
from ...stores.query.lookup import find_document
from ..properties.stability.potential_stability_stage import FREQUENCY

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Doc = dict[str, Any]
_LEVEL: Final = 0.6
"""Length of a level, where points lie 1 apart."""
_SMEARING: Final = 0.02
"""Of the highest frequency, width of the density's peaks."""
_REAL, _IMAGINARY = "#1f5fa8", "#c0392b"


class NoVibrations(ConfigurationError):
    """A structure whose vibrations nobody calculated."""


def vibrations_of(connection: Connection, identity: str) -> list[Doc]:
    """What potentials say of the vibrations of a candidate or structure: properties, by potential.

    Raises
    ------
    NoVibrations
        None says anything.
    """
    document = find_document(connection, identity).document
    structure_id = document.get("structure_id", identity)
    query = {"structure_id": structure_id, "kind": FREQUENCY, "deprecated": False}
    found = list(connection.database["properties"].find(query, {"_id": 0}).sort("method", 1))
    if drawn := [doc for doc in found if doc.get("value") is not None]:
        return drawn
    reasons = "; ".join(doc["refused"] for doc in found if doc.get("refused"))
    raise NoVibrations(
        f"{identity}: its vibrations are not known{f': {reasons}' if reasons else ''}",
        "They are calculated of candidates that pass the gates before stability (docs/campaigns.md).",
    )


def draw_vibrations(found: list[Doc], title: str) -> Figure:
    """Draw the levels at each point of the zone and the density beside, a row for each potential.

    Imaginary frequencies lie below zero, in red.

    Parameters
    ----------
    found
        Properties as `vibrations_of` gives them.
    title
        What they are of.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 3.2 * len(found) + 0.4), layout="constrained")
    figure.suptitle(title)
    axes = figure.subplots(len(found), 2, squeeze=False, sharey="row", width_ratios=(3, 1))
    for (levels, density), doc in zip(axes, found, strict=True):
        frequencies = np.array(doc["details"]["frequencies"], dtype=np.float64)
        q_points = doc["details"]["q_points"]
        for place, at_point in enumerate(frequencies):
            ends = (place - _LEVEL / 2, place + _LEVEL / 2)
            colours = [_IMAGINARY if frequency < 0 else _REAL for frequency in at_point]
            levels.hlines(at_point, *ends, colors=colours, linewidth=1.4)
        levels.set_xticks(range(len(q_points)), [_label(q_point) for q_point in q_points])
        levels.set_ylabel("frequency (THz), below 0 imaginary")
        levels.set_title(f"{doc['method'].partition(',')[0]}: {doc['details']['verdict']}", fontsize="medium")
        heights, along = _density(frequencies)
        density.fill_betweenx(heights, along, color=_REAL, alpha=0.25)
        density.plot(along, heights, color=_REAL, linewidth=1)
        density.set_xticks([])
        density.set_xlim(left=0)
        density.set_xlabel("density")
        for axis in (levels, density):
            axis.axhline(0, color="black", linewidth=0.8)
            if frequencies.min() < 0:
                axis.axhline(UNSTABLE, color=_IMAGINARY, linewidth=0.8, linestyle=":")
    return figure


def _label(q_point: list[float]) -> str:
    return "Γ" if not any(q_point) else "(" + " ".join("½" if part else "0" for part in q_point) + ")"


def _density(frequencies: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Frequencies and the number of vibrations about each, smeared."""
    lowest, highest = float(frequencies.min()), float(frequencies.max())
    width = max(_SMEARING * max(highest, -lowest), 1e-3)
    heights = np.linspace(lowest - 3 * width, highest + 3 * width, 400)
    distances = (heights[:, None] - frequencies.ravel()[None]) / width
    return heights, np.exp(-0.5 * distances**2).sum(axis=1)
