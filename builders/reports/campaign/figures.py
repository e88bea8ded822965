"""Figures of a campaign: its funnel, the map of its candidates, elements of the shortlist, probabilities of 2D."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, Final

import matplotlib as mpl
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from pymatgen.core.periodic_table import Element

from .facts import CampaignFacts

Doc = dict[str, Any]

_COLOURS: Final = {"promoted": "#15803d", "waiting": "#d19a1d", "rejected": "#c2665b"}
_PARTS: Final = (
    ("passed", "#15803d", "passed"),
    ("rejected", "#c2665b", "rejected"),
    ("unknown", "#d19a1d", "not known yet"),
    ("not_applicable", "#dfe5e9", "does not concern them"),
)
_LARGEST_Z: Final = 103
_INKS: Final = {False: "#101c25", True: "#fdfefe"}
"""On light and on dark cells, which have their colours by night too."""
_DISTANCE: Final = "energy_above_hull"
_FEW: Final = 100
_MAPPED: Final = {
    "exfoliation_energy": "exfoliation energy",
    "pourbaix_energy": "energy of decomposition in water",
    "formation_energy": "formation energy",
}
"""What may stand on the map over the distance from the hull, the first that is known."""


def figures_of(facts: CampaignFacts) -> dict[str, Figure]:
    """Figures by the names of their files."""
    drawn = {"funnel": funnel(facts.gates, "Structures")}
    if facts.compositions and facts.compositions[0]["reached"]:
        drawn["compositions"] = funnel(facts.compositions, "Generated compositions")
        drawn["probabilities"] = probabilities(facts.p_2d)
    if shown := mapped(facts.values):
        drawn["map"] = candidates_map(facts.values, shown)
    if facts.elements:
        drawn["elements"] = periodic_table(facts.elements)
    return drawn


def funnel(rows: Sequence[Doc], title: str) -> Figure:
    """How many reach and pass each gate, as bars with the gates from above."""
    figure = Figure(figsize=(8, 0.55 + 0.38 * len(rows)), layout="constrained")
    axes = figure.subplots()
    places = range(len(rows))
    left = [0] * len(rows)
    for part, colour, name in _PARTS:
        widths = [int(row.get(part) or 0) for row in rows]
        if any(widths):
            axes.barh(places, widths, left=left, color=colour, label=name, height=0.7)
        left = [start + width for start, width in zip(left, widths, strict=True)]
    axes.set_yticks(places, [row["gate"] for row in rows])
    axes.invert_yaxis()
    axes.set_xlabel("candidates" if title == "Structures" else "compositions")
    axes.set_title(title, loc="left", fontsize=11)
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(frameon=False, fontsize=8, loc="outside upper right", ncols=len(_PARTS))
    return figure


def candidates_map(values: Sequence[Doc], energy: str) -> Figure:
    """An energy over the distance from the hull: points with both, bounds hollow, intervals of the promoted."""
    figure = Figure(figsize=(8, 5), layout="constrained")
    axes = figure.subplots()
    for status in ("rejected", "waiting", "promoted"):
        shown = [doc for doc in values if doc["status"] == status and both(doc, energy)]
        for bound in (True, False):
            some = [doc for doc in shown if _is_bound(doc, energy) == bound]
            if not some:
                continue
            x, y = ([doc[name] for doc in some] for name in (_DISTANCE, energy))
            axes.scatter(
                x,
                y,
                s=26 if status == "promoted" or len(values) < _FEW else 14,
                facecolors="none" if bound else _COLOURS[status],
                edgecolors=_COLOURS[status],
                linewidths=0.8,
                alpha=0.9 if status == "promoted" else 0.55,
                label=None if bound and any(not _is_bound(doc, energy) for doc in shown) else status,
            )
        if status == "promoted":
            _whiskers(axes, shown, energy)
    known = [doc for doc in values if both(doc, energy)]
    framing = [doc for doc in known if not _is_bound(doc, energy)] or known  # bounds may lie anywhere
    limits = [_middle([doc[name] for doc in framing]) for name in (_DISTANCE, energy)]
    axes.set(xlim=limits[0], ylim=limits[1])
    outside = sum(
        any(not low <= doc[name] <= high for name, (low, high) in zip((_DISTANCE, energy), limits, strict=True))
        for doc in known
    )
    left = f"; {outside:,} of {len(known):,} lie outside" if outside else ""
    axes.set_xlabel(f"energy above hull, eV/atom (hollow: one end alone is known{left})")
    axes.set_ylabel(f"{_MAPPED[energy]}, eV/atom")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)
    return figure


def periodic_table(numbers: Counter[str]) -> Figure:
    """Elements of the promoted candidates on a periodic table, darker the more have them."""
    figure = Figure(figsize=(8, 4.3), layout="constrained")
    axes = figure.subplots()
    shade = LogNorm(1, max(2, *numbers.values()))
    for symbol, column, row in _places():
        number = numbers.get(symbol, 0)
        colour = mpl.colormaps["YlGnBu"](shade(number)) if number else "#eef2f4"
        axes.add_patch(Rectangle((column, -row), 0.94, 0.94, facecolor=colour))
        ink = _INKS[shade(number) > 0.5] if number else "#9db0bc"
        axes.text(column + 0.47, -row + 0.56, symbol, ha="center", va="center", fontsize=8, color=ink)
        if number:
            axes.text(column + 0.47, -row + 0.2, str(number), ha="center", va="center", fontsize=5.5, color=ink)
    axes.set_xlim(0.8, 19.1)
    axes.set_ylim(-9.6, 0.2)
    axes.set_aspect("equal")
    axes.axis("off")
    return figure


def probabilities(tenths: Sequence[int]) -> Figure:
    """How many compositions have which probability of forming a 2D material."""
    figure = Figure(figsize=(8, 2.6), layout="constrained")
    axes = figure.subplots()
    axes.bar([(i + 0.5) / 10 for i in range(10)], tenths, width=0.09, color="#0f766e")
    axes.set_yscale("log" if max(tenths, default=0) > 100 else "linear")
    axes.set_xlabel("probability of forming a 2D material, of all compositions that were classified")
    axes.set_ylabel("compositions")
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def mapped(values: Sequence[Doc]) -> str | None:
    """Which energy the map shows over the distance from the hull: the first that is known of some; None of none."""
    return next((energy for energy in _MAPPED if any(both(doc, energy) for doc in values)), None)


def both(doc: Doc, energy: str) -> bool:
    """Whether both energies of the map are known."""
    return doc.get(energy) is not None and doc.get(_DISTANCE) is not None


def _is_bound(doc: Doc, energy: str) -> bool:
    lows, highs = doc.get("lows") or {}, doc.get("highs") or {}
    return any((name in lows) != (name in highs) for name in (energy, _DISTANCE))


def _whiskers(axes: Any, shown: Sequence[Doc], energy: str) -> None:
    for doc in shown:
        low, high = ((doc.get(ends) or {}).get(energy) for ends in ("lows", "highs"))
        if low is not None and high is not None:
            axes.plot([doc[_DISTANCE]] * 2, [low, high], color=_COLOURS["promoted"], alpha=0.25, linewidth=1)


def _middle(values: Sequence[float]) -> tuple[float, float]:
    """Range of all but the outermost hundredths, with some room."""
    ordered = sorted(values)
    low, high = ordered[len(ordered) // 100], ordered[-1 - len(ordered) // 100]
    room = 0.06 * (high - low) or 0.1
    return low - room, high + room


def _places() -> Iterator[tuple[str, float, float]]:
    """Symbol, column and row of each element; lanthanides and actinides below."""
    for number in range(1, _LARGEST_Z + 1):
        element = Element.from_Z(number)
        if element.is_lanthanoid or element.is_actinoid:
            first = 57 if element.is_lanthanoid else 89
            yield element.symbol, 3 + number - first, 8.4 if element.is_lanthanoid else 9.4
        else:
            yield element.symbol, element.group, element.row
