"""Pourbaix diagrams as figures: domains of what forms in water, and how far a solid is from lasting there.

Draws a `PourbaixMap`; knows no energies of its own and no database.
"""

from __future__ import annotations

from textwrap import wrap
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from ..pourbaix import NERNST, PourbaixMinimum
from .plot_labels import formula_label, mixture_label
from .pourbaix_map import PourbaixMap

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

OXYGEN_EVOLUTION: Final = 1.229
"""V against RHE at which water is oxidised at standard conditions (Bard, Parsons, Jordan, 1985)."""

METASTABLE: Final = 0.5
"""eV/atom; solids up to about this far from stability have been seen to last by passivation (Singh et al., Chem. Mater.
29, 10159 (2017)); drawn as a line, where the map reaches it."""

_LABEL_ASPECT: Final = 2.5
"""Width of a label over its height."""

_ROOM: Final = 0.022
"""Share of the height of the picture that has to be free above and below a label; else the domain gets a number."""

_SIZES: Final = {False: (9.5, 7.0), True: (4.3, 5.6)}
"""Inches, of a wide and of a narrow figure; a phone shows the latter about as large as it is."""
_LETTERS: Final = {False: (130, 150), True: (56, 76)}
"""Of a line of the title and of what stands below."""
_LINE_HEIGHT: Final = 0.13
_LINES_HELD: Final = 5
"""Inches of a line, and lines of title and legend that a narrow figure has room for; it grows with more."""
_NUMBERS: Final = {False: 4, True: 2}
"""Numbered domains on a line below."""

_FEWEST_CROSSINGS: Final = 3
"""Grid points below which two domains only touch."""


def plot_pourbaix(
    pourbaix: PourbaixMap,
    *,
    title: str,
    target: str | None = None,
    minimum: PourbaixMinimum | None = None,
    interval: tuple[float | None, float | None] = (None, None),
    energies_by: str = "",
    potential_vs_rhe: float | None = None,
    method: str = "",
    narrow: bool = False,
) -> Figure:
    """Draw a Pourbaix diagram.

    Parameters
    ----------
    pourbaix
        The map.
    title
        The first line of the title.
    target
        Formula of the solid whose decomposition energy the map holds: it is drawn in colour, with the region where the
        solid is stable, if there is one.
    minimum
        Its least decomposition energy along a line of constant potential against RHE, marked on the line.
    interval
        Low and high end of that energy, eV/atom; one is None where it is open.
    energies_by
        Method of the solids' energies, which stands beside it.
    potential_vs_rhe
        V; where the line is.
    method
        How the energies were got; stands below the figure.
    narrow
        Upright, for a phone: letters as large, less beside each other.

    Raises
    ------
    ValueError
        A target is named, but the map holds no energies.
    """
    if target is not None and pourbaix.energies is None:
        raise ValueError(f"the map holds no decomposition energies of {target}: make it with that target")
    from matplotlib.figure import Figure

    figure = Figure(figsize=_SIZES[narrow], dpi=150, layout="constrained")
    axes = figure.subplots()
    low, high = float(pourbaix.ph[0]), float(pourbaix.ph[-1])
    ends = np.array([low, high])
    if target is not None and pourbaix.energies is not None:
        _draw_energies(figure, axes, pourbaix, pourbaix.energies, formula_label(target))
    numbered = _draw_domains(axes, pourbaix)
    for level, name in ((0.0, "H$_2$O / H$_2$"), (OXYGEN_EVOLUTION, "O$_2$ / H$_2$O")):
        _line(axes, ends, level, name, "#2166ac", "--")
    if potential_vs_rhe is not None:
        _line(axes, ends, potential_vs_rhe, f"{potential_vs_rhe:g} V vs RHE", "#c2185b", ":")
    if minimum is not None:
        axes.plot(minimum.ph, minimum.potential_vs_she, "*", color="#c2185b", ms=15, zorder=7, clip_on=False)
    lines = [title]
    if minimum is not None and target is not None:
        lines.append(_told(target, minimum, interval, potential_vs_rhe))
        lines += [f"energies of solids: {energies_by}"] if energies_by else []
    above, under = _LETTERS[narrow]
    shown = [part for line in "\n".join(lines).splitlines() for part in wrap(line, above)]
    figure.suptitle("\n".join(shown), fontsize=9 if narrow else 10)
    axes.set(xlim=(low, high), ylim=(pourbaix.potential[0], pourbaix.potential[-1]))
    axes.set_xlabel("pH")
    axes.set_ylabel("potential (V vs SHE)")
    beside = _NUMBERS[narrow]
    below = ["   ".join(numbered[i : i + beside]) for i in range(0, len(numbered), beside)]
    below += [part for line in method.splitlines() for part in wrap(line, under)]
    if below:
        figure.supxlabel("\n".join(below), fontsize=7, color="#333333")
    if narrow:  # what is told grows downwards, not into the map
        figure.set_figheight(_SIZES[narrow][1] + _LINE_HEIGHT * max(0, len(shown) + len(below) - _LINES_HELD))
    return figure


def _line(axes: Axes, ph: NDArray[np.float64], potential_vs_rhe: float, name: str, colour: str, style: str) -> None:
    """Draw a line of constant potential against RHE, named at its right end."""
    potential = potential_vs_rhe - NERNST * ph
    axes.plot(ph, potential, color=colour, lw=1.1, ls=style, zorder=4)
    end = (float(ph[-1]), float(potential[-1]))
    axes.annotate(
        name, end, xytext=(4, 0), textcoords="offset points", fontsize=8, color=colour, va="center",
        annotation_clip=False,
    )  # fmt: skip


def _told(
    target: str,
    minimum: PourbaixMinimum,
    interval: tuple[float | None, float | None],
    potential_vs_rhe: float | None,
) -> str:
    where = f"pH {minimum.ph:.1f}"
    if minimum.ph_high - minimum.ph > 0.05:
        where += f" to {minimum.ph_high:.1f}"
    at = "" if potential_vs_rhe is None else f" at {potential_vs_rhe:g} V vs RHE"
    into = mixture_label((product.entry.name for product in minimum.products), each_on_a_line=False)
    energy = f"{minimum.energy:.3f}{_ends(*interval)} eV/atom"
    least = f"least decomposition energy {energy}{at}\n(star, {where})"
    return f"{formula_label(target)}: {least}, into {into}"


def _ends(low: float | None, high: float | None) -> str:
    if low is not None and high is not None:
        return f" ({low:.3f} to {high:.3f})"
    if low is not None:
        return f" (at least {low:.3f})"
    return "" if high is None else f" (at most {high:.3f})"


def _draw_energies(
    figure: Figure, axes: Axes, pourbaix: PourbaixMap, energies: NDArray[np.float64], label: str
) -> None:
    top = max(0.1, min(1.5, float(np.quantile(energies, 0.98))))
    colours = axes.pcolormesh(
        pourbaix.ph, pourbaix.potential, energies, cmap="RdYlBu_r", vmin=0, vmax=top, shading="nearest", alpha=0.75,
        rasterized=True, zorder=0,
    )  # fmt: skip
    upright = figure.get_figheight() > figure.get_figwidth()
    bar = figure.colorbar(
        colours, ax=axes, pad=0.02 if upright else 0.09, extend="both", location="bottom" if upright else "right"
    )
    bar.set_label(f"decomposition energy of {label} (eV/atom)", fontsize=9)
    bar.ax.tick_params(labelsize=8)
    if energies.min() < METASTABLE < energies.max():
        line = axes.contour(
            pourbaix.ph, pourbaix.potential, energies, levels=[METASTABLE], colors="#7b3294", linewidths=0.9, zorder=3
        )
        axes.clabel(line, fmt=f"{METASTABLE:g} eV/atom", fontsize=7)
    if energies.min() <= 0:
        stable = np.where(energies <= 1e-9, 1.0, 0.0)
        axes.contourf(
            pourbaix.ph, pourbaix.potential, stable, levels=[0.5, 1.5], colors="none", hatches=["////"], zorder=2
        )
        axes.plot([], [], " ", label=f"hatched: {label} is stable")
        axes.legend(loc="upper right", fontsize=8, handlelength=0)


def _draw_domains(axes: Axes, pourbaix: PourbaixMap) -> list[str]:
    """Draw borders and labels; gives the legend of domains too small for theirs."""
    from matplotlib.patheffects import withStroke
    from scipy.ndimage import distance_transform_edt

    for start, end in _borders(pourbaix):
        axes.plot(*np.array([start, end]).T, color="#222222", lw=1.0, zorder=3)
    halo = [withStroke(linewidth=2.2, foreground="white", alpha=0.8)]
    numbered: list[str] = []
    rows, columns = pourbaix.domains.shape
    (width, height), (usual_width, usual_height) = axes.figure.get_size_inches(), _SIZES[False]  # type: ignore[union-attr]
    aspect = _LABEL_ASPECT * (usual_width / width) * (height / usual_height)
    room = _ROOM * usual_height / height
    for number, names in enumerate(pourbaix.species):
        inside = pourbaix.domains == number
        # The point farthest from all borders; labels are wide, so that room to the sides counts for less.
        depth = distance_transform_edt(np.pad(inside, 1), sampling=(1 / rows, 1 / (aspect * columns)))[1:-1, 1:-1]
        row, column = np.unravel_index(int(np.argmax(depth)), depth.shape)
        at = (float(pourbaix.ph[column]), float(pourbaix.potential[row]))
        if depth.max() >= room:
            text, size = mixture_label(names), 9.0 if depth.max() > 2 * room else 7.0
        else:
            numbered.append(f"{len(numbered) + 1}: {mixture_label(names, each_on_a_line=False)}")
            text, size = str(len(numbered)), 7.0
        axes.annotate(text, at, ha="center", va="center", fontsize=size, path_effects=halo, zorder=6)
    return numbered


def _borders(pourbaix: PourbaixMap) -> list[tuple[Any, Any]]:
    """Both ends of the border of each two neighbouring domains: a straight line, since energies are linear."""
    domains, x, y = pourbaix.domains, pourbaix.ph, pourbaix.potential
    step = np.array([np.diff(x).mean(), np.diff(y).mean()])
    crossings: dict[tuple[int, int], list[tuple[float, float]]] = {}
    for down, right in ((0, 1), (1, 0)):
        first = domains[: domains.shape[0] - down, : domains.shape[1] - right]
        second = domains[down:, right:]
        for row, column in np.argwhere(first != second).tolist():
            pair = sorted((int(first[row, column]), int(second[row, column])))
            middle = ((x[column] + x[column + right]) / 2, (y[row] + y[row + down]) / 2)
            crossings.setdefault((pair[0], pair[1]), []).append(middle)
    ends = []
    for points in crossings.values():
        if len(points) < _FEWEST_CROSSINGS:
            continue
        scaled = np.array(points) / step
        centre = scaled.mean(axis=0)
        direction = np.linalg.svd(scaled - centre, full_matrices=False)[2][0]
        along = (scaled - centre) @ direction
        # Up to the middle of the next step, where another border begins.
        ends.append(tuple((centre + reach * direction) * step for reach in (along.min() - 0.5, along.max() + 0.5)))
    return ends
