"""Labels of points in a figure, placed so that none hides another or a point. Knows matplotlib's axes, no phases."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from .plot_labels import formula_label

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_Vector: TypeAlias = NDArray[np.float64]
SIZE: Final = 8.0
"""Points, of the letters."""
_DIRECTIONS: Final = 12
_REACHES: Final = (12.0, 18.0, 27.0, 40.0)
"""Points from the centre of a point to that of its label, beside half the label: the nearest that is free is taken."""
_LETTER: Final = 0.6
"""Width of a letter by its height, on the average."""
_POINT: Final = 5.0
_LINE_FROM: Final = 15.0
"""Points beyond which a line leads to the label."""


@dataclass(frozen=True, slots=True)
class Label:
    """A label: a formula, its point in the axes' own units, where it would rather stand, its colour."""

    text: str
    at: tuple[float, float]
    towards: tuple[float, float]
    colour: str = "#1a1a1a"


class _Box(NamedTuple):
    left: float
    right: float
    bottom: float
    top: float

    def overlap(self, other: _Box) -> float:
        width = min(self.right, other.right) - max(self.left, other.left)
        height = min(self.top, other.top) - max(self.bottom, other.bottom)
        return max(width, 0.0) * max(height, 0.0)


def place_labels(axes: Axes, labels: Sequence[Label]) -> None:
    """Write labels beside their points, the first ones where they would rather stand, a line to those farther away.

    Parameters
    ----------
    axes
        With all else drawn: their limits are kept.
    labels
        The most important first.
    """
    figure = axes.figure
    figure.draw_without_rendering()  # type: ignore[union-attr]  # the layout decides how far apart points are
    per_point = figure.dpi / 72
    places = [np.asarray(axes.transData.transform(label.at)) / per_point for label in labels]
    taken = [_Box(x - _POINT, x + _POINT, y - _POINT, y + _POINT) for x, y in places]
    for label, place in zip(labels, places, strict=True):
        choices = [(reach, shift, _box(place + shift, label)) for reach, shift in _shifts(label)]
        hidden = [sum(box.overlap(other) for other in taken) for _, _, box in choices]
        reach, shift, box = choices[int(np.argmin(hidden))]  # the first of those that hide as little
        taken.append(box)
        line = {"arrowstyle": "-", "lw": 0.5, "color": "#8a94a6", "shrinkA": 0, "shrinkB": 2}
        axes.annotate(
            formula_label(label.text),
            label.at,
            xytext=(float(shift[0]), float(shift[1])),
            textcoords="offset points",
            ha="center",
            va="center",
            fontsize=SIZE,
            color=label.colour,
            arrowprops=line if reach > _LINE_FROM else None,
            zorder=7,
        )


def _shifts(label: Label) -> Iterator[tuple[float, _Vector]]:
    """How far a label may stand from its point, in points, the nearest and best liked first."""
    first = np.arctan2(label.towards[1], label.towards[0]) if any(label.towards) else 0.0
    turns = [(-1) ** i * ((i + 1) // 2) for i in range(_DIRECTIONS)]  # to either side of it, farther and farther
    for reach in _REACHES:
        for turn in turns:
            angle = first + 2 * np.pi * turn / _DIRECTIONS
            way = np.array([np.cos(angle), np.sin(angle)])
            yield reach, way * (reach + np.array([max(_half_width(label) - SIZE / 2, 0.0), 0.0]))


def _half_width(label: Label) -> float:
    return 0.5 * _LETTER * SIZE * len(label.text)


def _box(centre: _Vector, label: Label) -> _Box:
    width, height = _half_width(label), 0.62 * SIZE
    return _Box(centre[0] - width, centre[0] + width, centre[1] - height, centre[1] + height)
