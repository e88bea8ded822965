"""Phase diagrams of two to four elements as figures: what lies on the hull, what above it, where one phase stands.

Hulls are pymatgen's (`PhaseDiagram`), coordinates its plotter's. The drawing is ours: what `PDPlotter` draws with
matplotlib goes to pyplot's current figure, whichever axes it is given, can't mark a phase, and loses its labels in each
other where a system has as many phases as oxides do. Knows formation energies, no database.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from textwrap import wrap
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from ..entry import Entry
from ..hull import HullPosition, hull_positions
from .label_placement import Label, place_labels
from .plot_labels import formula_label

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SHOW_UNSTABLE: Final = 0.2
"""eV/atom above the hull up to which phases are drawn."""

_STABLE, _OURS, _MARK, _LINE = "#1b4f8c", "#d95f02", "#c2185b", "#8a94a6"
_SIZES: Final = {2: (7.5, 5.5), 3: (8.5, 7.0), 4: (11.0, 7.5)}
_NARROW_SIZES: Final = {2: (4.3, 4.6), 3: (4.3, 5.0), 4: (4.3, 8.0)}
"""Inches, by the number of elements; a phone shows the narrow ones about as large as they are."""
_LETTERS: Final = {False: (110, 170), True: (50, 76)}
"""Of a line of the title and of what stands below, of a wide and of a narrow figure."""
_LABELLED_LINES = 30
_LABELLED_OURS: Final = 20
_ON_HULL: Final = 5e-4
"""eV/atom; what is shown as zero."""


class DiagramError(ValueError):
    """No diagram can be drawn; says why, and what to do."""


@dataclass(frozen=True, slots=True)
class DiagramPhase:
    """A phase of a diagram.

    Parameters
    ----------
    name
        How it is labelled, usually its formula.
    composition
        Amount of each element.
    formation_energy
        Against the elements, eV/atom.
    ours
        Whether it is a candidate, and no part of the hull.
    """

    name: str
    composition: Mapping[str, float]
    formation_energy: float
    ours: bool = False


def position_of(marked: DiagramPhase, known: Sequence[DiagramPhase]) -> HullPosition:
    """Distance of a phase to the hull of others, eV/atom, and the phases it is compared with.

    Raises
    ------
    EnergyError, FormulaError
        An energy is no number, or a composition can't be read.
    """
    elements = [Entry({symbol: 1.0}, 0.0, symbol) for symbol in sorted(marked.composition)]
    references = [*elements, *(Entry(phase.composition, phase.formation_energy, phase.name) for phase in known)]
    return hull_positions([Entry(marked.composition, marked.formation_energy, marked.name)], references)[0]


def plot_phase_diagram(
    phases: Sequence[DiagramPhase],
    elements: Sequence[str],
    *,
    marked: DiagramPhase | None = None,
    method: str = "",
    show_unstable: float = SHOW_UNSTABLE,
    narrow: bool = False,
) -> Figure:
    """Draw the phase diagram of two, three or four elements.

    Two: formation energy over composition. Three: the triangle with its tie lines, phases above the hull coloured by
    their distance. Four: the tetrahedron with numbered phases.

    Parameters
    ----------
    phases
        Known phases, which make the hull, and `ours`, which don't.
    elements
        The corners.
    marked
        The phase the diagram is about: gets a star, and its distance to the hull of the known ones in the title.
    method
        How the energies were got; stands below the figure.
    show_unstable
        eV/atom above the hull up to which phases are drawn.
    narrow
        Upright, for a phone: letters as large, less beside each other.

    Raises
    ------
    DiagramError
        There are fewer than two or more than four elements, or a phase has others.

    Notes
    -----
    Ong et al., Chem. Mater. 20, 1798 (2008).
    """
    corners = drawable(phases, elements, marked)
    from matplotlib.figure import Figure

    diagram = _Diagram([phase for phase in phases if not phase.ours], corners)
    size = (_NARROW_SIZES if narrow else _SIZES)[len(corners)]
    figure = Figure(figsize=size, dpi=150, layout="constrained")
    ours = [phase for phase in phases if phase.ours]
    draw = {2: _draw_binary, 3: _draw_ternary, 4: _draw_quaternary}[len(corners)]
    above, below = _LETTERS[narrow]
    title = [f"Phase diagram of {'-'.join(corners)}"]
    if marked is not None:
        title += wrap(_told(marked, diagram.position(marked)), above)
    figure.suptitle("\n".join(title), fontsize=9 if narrow else 11)
    if method:
        figure.supxlabel("\n".join(wrap(f"energies: {method}", below)), fontsize=7, color="#555555")
    draw(figure, diagram, ours, marked, show_unstable)
    return figure


def drawable(phases: Sequence[DiagramPhase], elements: Sequence[str], marked: DiagramPhase | None) -> list[str]:
    """Corners of the diagram of these phases, sorted.

    Raises
    ------
    DiagramError
        There are fewer than two or more than four elements, or a phase has others.
    """
    corners = sorted(set(elements))
    if not 2 <= len(corners) <= 4:
        message = f"{'-'.join(corners)}: a phase diagram is drawn of two to four elements, not of {len(corners)}"
        raise DiagramError(message)
    for phase in (*phases, *([marked] if marked else [])):
        if others := phase.composition.keys() - set(corners):
            message = f"{phase.name} has {', '.join(sorted(others))}, which {'-'.join(corners)} has not"
            raise DiagramError(message)
    return corners


class _Diagram:
    """The hull of known phases, with coordinates in the diagram's own space."""

    def __init__(self, known: Sequence[DiagramPhase], corners: list[str]) -> None:
        # plotly comes with it and takes its time
        from pymatgen.analysis.phase_diagram import PDEntry, PDPlotter, PhaseDiagram
        from pymatgen.core.composition import Composition
        from pymatgen.core.periodic_table import Element

        self.corners = corners
        self.known = list(known)
        compositions = [Composition(phase.composition) for phase in known]
        entries = [
            PDEntry(composition, phase.formation_energy * composition.num_atoms, name=str(i))
            for i, (phase, composition) in enumerate(zip(known, compositions, strict=True))
        ]
        # The elements are the zero of formation energies, also where no phase of one is listed.
        entries += [PDEntry(Composition({symbol: 1}), 0.0, name=symbol) for symbol in corners]
        hull = PhaseDiagram(entries, [Element(symbol) for symbol in corners])
        lines, stable, _ = PDPlotter(hull, backend="matplotlib").pd_plot_data
        self.lines = [np.array(line, dtype=float).T for line in lines]
        self.stable = [(self._name(entry.name), np.array(at, dtype=float)) for at, entry in stable.items()]
        chosen = {entry.name for entry in stable.values()}
        distances = [float(hull.get_e_above_hull(entry, allow_negative=True)) for entry in entries]
        self.unstable = [
            (phase, distance)
            for i, (phase, distance) in enumerate(zip(self.known, distances, strict=False))
            if str(i) not in chosen
        ]

    def _name(self, name: str) -> str:
        return self.known[int(name)].name if name.isdigit() else name

    def position(self, phase: DiagramPhase) -> HullPosition:
        return position_of(phase, self.known)

    def at(self, composition: Mapping[str, float]) -> np.ndarray[Any, np.dtype[np.float64]]:
        """Place of a composition: a fraction of the second element, in the triangle, or in the tetrahedron."""
        total = sum(composition.values())
        shares = np.array([composition.get(symbol, 0.0) / total for symbol in self.corners])
        return np.asarray(shares @ _CORNERS[len(self.corners)], dtype=float)

    def products(self, phase: DiagramPhase) -> list[np.ndarray[Any, np.dtype[np.float64]]]:
        """Places of the phases that one is compared with."""
        names = {product.name for product in self.position(phase).products}
        by_name = {known.name: known.composition for known in self.known}
        by_name |= {symbol: {symbol: 1.0} for symbol in self.corners}
        return [self.at(by_name[name]) for name in sorted(names) if name in by_name]


# The corners, in the order of the elements, as pymatgen's plotter places them.
_CORNERS: Final = {
    2: np.array([[0.0], [1.0]]),
    3: np.array([[0.0, 0.0], [1.0, 0.0], [0.5, np.sqrt(3) / 2]]),
    4: np.array([[0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [0.5, np.sqrt(3) / 2, 0.0], [0.5, np.sqrt(3) / 6, np.sqrt(6) / 3]]),
}


def _told(marked: DiagramPhase, position: HullPosition) -> str:
    side = "above" if position.energy >= 0 else "below"
    parts = sorted(position.products, key=lambda product: -product.amount)
    products = " + ".join(f"{100 * product.amount:.0f} % {formula_label(product.name)}" for product in parts)
    if abs(position.energy) < _ON_HULL and {product.name for product in parts} == {marked.name}:
        return f"{formula_label(marked.name)}: on the hull of known phases"
    energy = f"{abs(position.energy):.3f} eV/atom {side} the hull of known phases"
    return f"{formula_label(marked.name)}: {energy} ({products})"


def _draw_binary(
    figure: Figure, diagram: _Diagram, ours: Sequence[DiagramPhase], marked: DiagramPhase | None, show_unstable: float
) -> None:
    axes = figure.subplots()
    for line in diagram.lines:
        axes.plot(*line.T, color=_STABLE, lw=1.2, zorder=2)
    labels = []
    for name, at in diagram.stable:
        axes.plot(*at, "o", color=_STABLE, ms=6, zorder=3)
        labels.append(Label(name, (float(at[0]), float(at[1])), (0, -1)))
    shown = [phase for phase, distance in diagram.unstable if distance <= show_unstable]
    for group, colour, marker, label in (
        (shown, _LINE, "x", "known, above the hull"),
        (ours, _OURS, "D", "candidates"),
    ):
        if group:
            at = np.array([[diagram.at(phase.composition)[0], phase.formation_energy] for phase in group])
            axes.plot(*at.T, marker, color=colour, ms=4.5, ls="", label=label, zorder=3)
    if marked is not None:
        x, energy = diagram.at(marked.composition)[0], marked.formation_energy
        hull = energy - diagram.position(marked).energy
        axes.plot([x, x], [hull, energy], color=_MARK, lw=1, ls=":", zorder=3)
        axes.plot(x, energy, "*", color=_MARK, ms=15, zorder=6, label=formula_label(marked.name))
    named = {label.text for label in labels}
    for phase in _lowest([phase for phase in ours if phase.name not in named]):
        place = (float(diagram.at(phase.composition)[0]), phase.formation_energy)
        labels.append(Label(phase.name, place, (1, 0), _OURS))
    axes.axhline(0, color="#bbbbbb", lw=0.8, zorder=1)
    axes.set_xlabel(f"share of {diagram.corners[1]} among the atoms")
    axes.set_ylabel("formation energy (eV/atom)")
    axes.margins(y=0.12)
    if axes.get_legend_handles_labels()[0]:
        axes.legend(fontsize=8, loc="upper center")
    place_labels(axes, labels)


def _draw_ternary(
    figure: Figure, diagram: _Diagram, ours: Sequence[DiagramPhase], marked: DiagramPhase | None, show_unstable: float
) -> None:
    axes = figure.subplots()
    axes.set_aspect("equal")
    axes.axis("off")
    for line in diagram.lines:
        axes.plot(*line.T, color=_LINE, lw=0.9, zorder=1)
    above = [(phase, distance) for phase, distance in diagram.unstable if 0 <= distance <= show_unstable]
    mine = [(phase, diagram.position(phase).energy) for phase in ours]
    for group, marker, size, edge in ((above, "s", 18, "none"), (mine, "D", 58, _OURS)):
        if group:
            group.sort(key=lambda pair: -pair[1])  # the lowest on top
            at = np.array([diagram.at(phase.composition) for phase, _ in group])
            distances = [distance for _, distance in group]
            own = edge == _OURS
            dots = axes.scatter(
                at[:, 0],
                at[:, 1],
                c=distances,
                cmap="viridis_r",
                vmin=0,
                vmax=show_unstable,
                marker=marker,
                s=size,
                edgecolors=edge,
                linewidths=1.1,
                zorder=3.5 if own else 2,
                label="candidates" if own else None,
            )
    if above or mine:
        upright = figure.get_figheight() > figure.get_figwidth()
        bar = figure.colorbar(dots, ax=axes, shrink=0.6, location="bottom" if upright else "right")
        bar.set_label("above the hull (eV/atom)", fontsize=9)
        bar.ax.tick_params(labelsize=8)
    _label_corners(axes, diagram)
    middle = np.array([0.5, np.sqrt(3) / 6])
    labels = []
    for name, at in [(name, at) for name, at in diagram.stable if not _is_corner(at, 3)]:
        axes.plot(*at, "o", color=_STABLE, ms=6, zorder=4)
        labels.append(Label(name, (at[0], at[1]), tuple(at - middle)))  # away from where the lines meet
    named = {name for name, _ in diagram.stable}
    near = [phase for phase, distance in mine if distance <= show_unstable and phase.name not in named]
    for phase in _lowest(near):
        at = diagram.at(phase.composition)
        labels.append(Label(phase.name, (at[0], at[1]), tuple(at - middle), _OURS))
    if marked is not None:
        here = diagram.at(marked.composition)
        for there in diagram.products(marked):
            axes.plot(*np.array([here, there]).T, color=_MARK, lw=1.1, ls="--", zorder=3)
        axes.plot(*here, "*", color=_MARK, ms=16, zorder=6, ls="", label=formula_label(marked.name))
        labels = [label for label in labels if label.text != marked.name]  # the legend names it
    if ours or marked is not None:
        axes.legend(fontsize=8, loc="upper left")
    place_labels(axes, labels)


def _lowest(phases: Sequence[DiagramPhase]) -> list[DiagramPhase]:
    """Of each formula the phase of least energy, which is the one that is labelled; the lowest first, not too many."""
    lowest: dict[str, DiagramPhase] = {}
    for phase in sorted(phases, key=lambda phase: phase.formation_energy):
        lowest.setdefault(phase.name, phase)
    return list(lowest.values())[:_LABELLED_OURS]


def _is_corner(at: np.ndarray[Any, np.dtype[np.float64]], n: int) -> bool:
    return bool(np.min(np.linalg.norm(_CORNERS[n] - at, axis=1)) < 1e-6)


def _label_corners(axes: Axes, diagram: _Diagram) -> None:
    for element, at, (dx, dy) in zip(diagram.corners, _CORNERS[3], ((-1, -1), (1, -1), (0, 1)), strict=True):
        axes.plot(*at, "o", color=_STABLE, ms=6, zorder=4)
        axes.annotate(
            element, at, xytext=(9 * dx, 9 * dy), textcoords="offset points", ha="center", va="center", fontsize=12
        )


def _draw_quaternary(
    figure: Figure, diagram: _Diagram, ours: Sequence[DiagramPhase], marked: DiagramPhase | None, show_unstable: float
) -> None:
    from mpl_toolkits.mplot3d.axes3d import Axes3D  # type: ignore[import-untyped]

    inner = sorted((name, tuple(at)) for name, at in diagram.stable if not _is_corner(at, 4))
    columns = -(-len(inner) // _LABELLED_LINES)
    if figure.get_figheight() > figure.get_figwidth():
        grid = figure.add_gridspec(2, 1, height_ratios=[1, 1])
    else:
        grid = figure.add_gridspec(1, 2, width_ratios=[5, max(1, columns)])
    axes = figure.add_subplot(grid[0], projection="3d")
    if not isinstance(axes, Axes3D):
        raise TypeError(f"matplotlib gives {type(axes).__name__} for a 3D projection")
    axes.set_axis_off()
    axes.set_proj_type("ortho")
    axes.set_box_aspect((1, 1, 1), zoom=1.25)
    axes.view_init(elev=16, azim=-100)
    axes.set(xlim=(0.05, 0.95), ylim=(-0.15, 0.75), zlim=(-0.02, 0.88))
    for line in diagram.lines:
        axes.plot(*line.T, color=_LINE, lw=0.4, alpha=0.45)
    for first, second in combinations(_CORNERS[4], 2):
        axes.plot(*np.array([first, second]).T, color="#444444", lw=0.9)
    for element, at in zip(diagram.corners, _CORNERS[4], strict=True):
        outwards = at + 0.08 * (at - _CORNERS[4].mean(axis=0))
        axes.text(*outwards, element, fontsize=13, ha="center", va="center")
    for number, (_, at) in enumerate(inner, 1):
        axes.plot(*([x] for x in at), "o", color=_STABLE, ms=4)
        axes.text(*at, f" {number}", fontsize=7.5, color="#1a1a1a", zorder=10)
    for phase in ours:
        axes.plot(*([x] for x in diagram.at(phase.composition)), "D", color=_OURS, ms=5)
    if marked is not None:
        here = diagram.at(marked.composition)
        for there in diagram.products(marked):
            axes.plot(*np.array([here, there]).T, color=_MARK, lw=1.4, ls="--", zorder=8)
        axes.plot(*([x] for x in here), "*", color=_MARK, ms=15, zorder=9)
    _list(figure.add_subplot(grid[1]), [name for name, _ in inner])
    near = sum(0 <= distance <= show_unstable for _, distance in diagram.unstable)
    told = f"{len(inner)} compounds on the hull; {near} known ones within {show_unstable:g} eV/atom of it are not drawn"
    axes.text2D(0.0, 0.0, told, transform=axes.transAxes, fontsize=7, color="#555555")


def _list(axes: Axes, names: Sequence[str]) -> None:
    axes.axis("off")
    columns = max(1, -(-len(names) // _LABELLED_LINES))
    for column in range(columns):
        start = column * _LABELLED_LINES
        lines = [
            f"{number:>2}  {formula_label(name)}"
            for number, name in enumerate(names[start : start + _LABELLED_LINES], start + 1)
        ]
        axes.text(column / columns, 1.0, "\n".join(lines), transform=axes.transAxes, fontsize=8, va="top")
