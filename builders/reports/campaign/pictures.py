"""Pictures of crystal structures for a page: atoms as circles, from above and from the side, the cell around them."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from io import StringIO
from typing import Any, Final

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Circle
from numpy.typing import NDArray
from pymatgen.core.periodic_table import Element
from pymatgen.core.structure import Structure
from ruamel.yaml import YAML

_SIZE: Final = (3.2, 2.4)  # inches
_SHRUNK: Final = 0.45  # of the atomic radius
_UNKNOWN_RADIUS: Final = 1.3  # Å
_REPEATS: Final = 2
_MOST_ATOMS: Final = 120
_VACUUM: Final = 10.0  # Å between layers, beyond which they are drawn as one alone
_AROUND: Final = 2.5  # Å beside the outermost atoms of a layer


def picture(structure: Structure) -> str:
    """SVG of a structure: along c on the left, along b on the right.

    Parameters
    ----------
    structure
        The crystal or layer; repeated twice along the axes in plane where it is small.
    """
    repeats = [_REPEATS if structure.lattice.pbc[axis] else 1 for axis in range(2)]
    drawn = structure * (*repeats, 1) if len(structure) * repeats[0] * repeats[1] <= _MOST_ATOMS else structure
    figure = Figure(figsize=_SIZE)
    axes = figure.subplots(1, 2)
    for place, (right, up) in zip(axes, ((0, 1), (0, 2)), strict=True):
        _draw(place, drawn, structure.lattice.matrix, right, up)
    figure.subplots_adjust(0, 0, 1, 1, wspace=0.05)
    return svg_of(figure)


def svg_of(figure: Figure) -> str:
    """Text of a figure as SVG, to stand within a page; the same figure gives the same text."""
    stream = StringIO()
    figure.savefig(stream, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    text = stream.getvalue()
    return text[text.index("<svg") :]


def _draw(place: Any, structure: Structure, cell: NDArray[np.float64], right: int, up: int) -> None:
    depth = ({0, 1, 2} - {right, up}).pop()
    heights = [site.coords[depth] for site in structure]
    rise = np.sort([site.coords[up] for site in structure])
    layer = not structure.lattice.pbc[up] or cell[up][up] - (rise[-1] - rise[0]) > _VACUUM
    if not layer:
        _draw_cell(place, cell, right, up)
    for number in np.argsort(heights):
        site = structure[int(number)]
        symbol = max(site.species.items(), key=lambda share: share[1])[0].symbol
        colour = tuple(part / 255 for part in colours().get(symbol, (150, 150, 150)))
        centre = (site.coords[right], site.coords[up])
        place.add_patch(Circle(centre, _radius(symbol), facecolor=colour, edgecolor="#333333", linewidth=0.4))
    place.set_aspect("equal")
    place.autoscale_view()
    if layer:  # not of the vacuum around it
        place.set_ylim(rise[0] - _AROUND, rise[-1] + _AROUND)
    place.axis("off")


def _draw_cell(place: Any, cell: NDArray[np.float64], right: int, up: int) -> None:
    a, b = (cell[axis][[right, up]] for axis in (right, up))
    corners = np.array([np.zeros(2), a, a + b, b, np.zeros(2)])
    place.plot(*corners.T, color="#8899a6", linewidth=0.7)


@cache
def colours() -> dict[str, tuple[int, int, int]]:
    """Colours of the elements, red, green and blue from 0 to 255: those of VESTA, as pymatgen keeps them."""
    text = files("pymatgen.core").joinpath("ElementColorSchemes.yaml").read_text(encoding="utf-8")
    return {name: tuple(colour) for name, colour in YAML(typ="safe").load(text)["VESTA"].items()}


def _radius(symbol: str) -> float:
    radius = Element(symbol).atomic_radius
    return _SHRUNK * float(radius or _UNKNOWN_RADIUS)
