"""Pictures of crystal structures for a page: atoms, bonds and the cell, a layer from above and the side.

ASE's `plot_atoms` and pymatviz' `structure_2d` were looked at beside it: neither draws bonds, crops the vacuum around a
layer, or shows two views in one scale.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from itertools import combinations, product
from typing import Any, Final

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Circle
from numpy.typing import NDArray
from pymatgen.core.periodic_table import Element
from pymatgen.core.structure import Structure
from ruamel.yaml import YAML

from ....models.structure.covalent_radii import COVALENT_RADII, LAST_RADIUS
from .inline_svg import svg_of

_SIZE: Final = (4.0, 2.3)  # inches
_SHRUNK: Final = 0.3  # of the atomic radius
_LEAST_RADIUS: Final = 0.22  # Å, which is added
_UNKNOWN_RADIUS: Final = 1.3  # Å
_REACH: Final = {True: 9.0, False: 5.5}
"""Å, along which cells of a layer and of a bulk crystal are repeated."""
_MOST_REPEATS: Final = 4
_MOST_ATOMS: Final = 160
_VACUUM: Final = 10.0  # Å between layers, beyond which they are drawn as one alone
_BONDED: Final = 1.2  # of the sum of covalent radii, as plausibility is judged by
_GAP: Final = 2.0  # Å between the views
_FROM_ABOVE: Final = np.eye(3)
_FROM_SIDE: Final = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, -1.0, 0.0]])
_TURNED: Final = np.radians((-76.0, 0.0, -16.0))  # about the axes: from the side, a little from above and the left

Vectors = NDArray[np.float64]


def picture(structure: Structure) -> str:
    """SVG of a structure: from above on the left; on the right a layer from the side, a bulk crystal aslant.

    Parameters
    ----------
    structure
        The crystal or layer; repeated where its cell is small.
    """
    rise = np.sort(structure.cart_coords[:, 2])
    layer = bool(not structure.lattice.pbc[2] or structure.lattice.matrix[2][2] - (rise[-1] - rise[0]) > _VACUUM)
    drawn = structure * _repeats(structure, layer=layer)
    numbers = np.array([_main(site).Z for site in drawn])
    bonds = _bonds(drawn.cart_coords, numbers)
    figure = Figure(figsize=_SIZE)
    axes = figure.subplots()
    left = 0.0
    for view in (_FROM_ABOVE, _FROM_SIDE if layer else _aslant()):
        cell = _edges(structure.lattice.matrix, flat=layer) @ view.T
        seen = drawn.cart_coords @ view.T
        shown = cell if not layer or view is _FROM_ABOVE else cell[:0]  # vacuum says nothing
        around = np.vstack([seen, shown.reshape(-1, 3)])
        low, high = around.min(axis=0), around.max(axis=0)
        move = np.array([left - low[0], -(low[1] + high[1]) / 2, 0.0])
        _draw(axes, seen + move, numbers, bonds, shown + move)
        left += high[0] - low[0] + _GAP
    axes.set_aspect("equal")
    axes.autoscale_view()
    axes.axis("off")
    figure.subplots_adjust(0.01, 0.01, 0.99, 0.99)
    return svg_of(figure, themed=False)


def _repeats(structure: Structure, *, layer: bool) -> tuple[int, int, int]:
    reach = _REACH[layer]
    lengths = structure.lattice.abc
    times = [min(_MOST_REPEATS, max(1, int(np.ceil(reach / length)))) for length in lengths]
    if layer:
        times[2] = 1
    while np.prod(times) * len(structure) > _MOST_ATOMS and max(times) > 1:
        times[int(np.argmax(np.array(times) * lengths))] -= 1
    return times[0], times[1], times[2]


def _bonds(places: Vectors, numbers: NDArray[np.int64]) -> list[tuple[int, int]]:
    radii = np.nan_to_num(COVALENT_RADII[np.minimum(numbers, LAST_RADIUS)])
    apart = np.linalg.norm(places[:, None] - places[None], axis=2)
    near = (apart < _BONDED * (radii[:, None] + radii[None])) & (numbers[:, None] != numbers[None])
    if not near.any():  # of an element, or of one that is nobody's neighbour
        near = apart < _BONDED * (radii[:, None] + radii[None])
    return [(int(a), int(b)) for a, b in np.argwhere(np.triu(near, 1))]


def _edges(lattice: Vectors, *, flat: bool) -> Vectors:
    """Edges of the cell, both ends of each; of a layer those in its plane."""
    corners = [np.array(corner) for corner in product((0, 1), repeat=3) if not (flat and corner[2])]
    pairs = [(a, b) for a, b in combinations(corners, 2) if np.abs(a - b).sum() == 1]
    return np.array([[a @ lattice, b @ lattice] for a, b in pairs])


def _aslant() -> Vectors:
    x, _, z = _TURNED
    about_x = np.array([[1, 0, 0], [0, np.cos(x), -np.sin(x)], [0, np.sin(x), np.cos(x)]])
    about_z = np.array([[np.cos(z), -np.sin(z), 0], [np.sin(z), np.cos(z), 0], [0, 0, 1]])
    return np.asarray(about_x @ about_z)


def _draw(axes: Any, places: Vectors, numbers: NDArray[np.int64], bonds: list[tuple[int, int]], edges: Vectors) -> None:
    for ends in edges:
        axes.plot(*ends[:, :2].T, color="#8899a6", linewidth=0.6, zorder=0)
    depth = places[:, 2]
    span = max(float(np.ptp(depth)), 1e-9)
    order = 1 + (depth - depth.min()) / span  # what is in front hides what is behind
    for a, b in bonds:
        axes.plot(*places[[a, b], :2].T, color="#7c8790", linewidth=1.4, zorder=min(order[a], order[b]) - 1e-3)
    for place, number, rank in zip(places, numbers, order, strict=True):
        symbol = Element.from_Z(int(number)).symbol
        colour = tuple(part / 255 for part in colours().get(symbol, (150, 150, 150)))
        axes.add_patch(
            Circle(place[:2], _radius(symbol), facecolor=colour, edgecolor="#333333", linewidth=0.4, zorder=rank)
        )


def _main(site: Any) -> Element:
    """The element that is on a site most."""
    return Element(max(site.species.items(), key=lambda share: share[1])[0].symbol)


@cache
def colours() -> dict[str, tuple[int, int, int]]:
    """Colours of the elements, red, green and blue from 0 to 255: those of VESTA, as pymatgen keeps them."""
    text = files("pymatgen.core").joinpath("ElementColorSchemes.yaml").read_text(encoding="utf-8")
    return {name: tuple(colour) for name, colour in YAML(typ="safe").load(text)["VESTA"].items()}


def _radius(symbol: str) -> float:
    return _LEAST_RADIUS + _SHRUNK * float(Element(symbol).atomic_radius or _UNKNOWN_RADIUS)
