"""The course of a training as a figure: losses, and shares of cells that are what was asked for and valid.

Knows histories of figures as plain data; draws and shows nothing by itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_PANELS: Final = (
    ("loss", ("critic_loss", "generator_loss", "gradient_penalty", "noise_loss", "strain_loss")),
    ("classifier's loss", ("counts_loss", "slots_loss", "generated_counts_loss", "generated_slots_loss")),
    ("share of generated cells", ("share_as_asked", "share_valid")),
)


def training_curves(history: Sequence[Mapping[str, float]]) -> Figure:
    """Draw the figures of each epoch.

    Parameters
    ----------
    history
        As `models.learning.loop.train` gives it.

    Returns
    -------
    matplotlib.figure.Figure
        A panel for the losses, one for the classifier's where there is one, one for the shares.

    Raises
    ------
    ValueError
        No epoch was trained yet.
    """
    from matplotlib.figure import Figure

    if not history:
        raise ValueError("there is nothing to draw: no epoch was trained yet")
    panels = [(title, [name for name in names if name in history[0]]) for title, names in _PANELS]
    panels = [(title, names) for title, names in panels if names]
    figure = Figure(figsize=(7, 2.4 * len(panels)), layout="constrained")
    epochs = range(1, len(history) + 1)
    for axes, (title, names) in zip(figure.subplots(len(panels), squeeze=False)[:, 0], panels, strict=True):
        for name in names:
            axes.plot(epochs, [figures[name] for figures in history], label=name.replace("_", " "))
        axes.set_ylabel(title)
        axes.legend(fontsize="small")
        if title.startswith("share"):
            axes.set_ylim(-0.02, 1.02)
        axes.set_xlabel("epoch")
    return figure
