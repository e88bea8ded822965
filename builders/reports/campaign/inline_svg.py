"""Figures as SVG within a page: their inks follow the page's, so that they are read by day and by night."""

from __future__ import annotations

import re
from io import StringIO
from typing import Final

import matplotlib as mpl
from matplotlib.figure import Figure

_OF_PAGE: Final = {
    "#000000": "ink",
    "#14212b": "ink",
    "#1a1a1a": "ink",
    "#444444": "ink",
    "#333333": "soft",
    "#555555": "soft",
    "#bbbbbb": "line",
    "#cccccc": "line",
    "#eef2f4": "cell",
    "#dfe5e9": "line",
    "#9db0bc": "faint",
    "#ffffff": "paper",
}
"""Colours of what is written and ruled, and the page's colour that takes the place; those of data stay."""
_COLOUR: Final = re.compile(r"(fill|stroke): (#[0-9a-f]{6})")


def svg_of(figure: Figure, *, themed: bool = True) -> str:
    """Text of a figure as SVG, to stand within a page; the same figure gives the same text.

    Parameters
    ----------
    figure
        The figure.
    themed
        Whether its inks are the page's; false for what is drawn on colours of its own.
    """
    stream = StringIO()
    with mpl.rc_context({"svg.hashsalt": "exfolio"}):
        figure.savefig(stream, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    text = stream.getvalue()
    text = text[text.index("<svg") :]
    return _COLOUR.sub(_by_page, text) if themed else text


def _by_page(found: re.Match[str]) -> str:
    what, colour = found.groups()
    return f"{what}: var(--{_OF_PAGE[colour]}, {colour})" if colour in _OF_PAGE else found.group()
