"""The rules of validity that others report by, beside which figures can be compared."""

from __future__ import annotations

from typing import Final

LEAST_DISTANCE: Final = 0.5
"""Å."""
LEAST_VOLUME: Final = 0.1
"""Å^3 of the cell."""


def cdvae_structure(shortest_distance: float | None, volume: float | None) -> bool:
    """Whether a cell is valid as CDVAE counts (T. Xie et al., ICLR 2022, arXiv 2110.06197): hardly a test.

    Parameters
    ----------
    shortest_distance
        Å between two atoms; None where there are none within many Å.
    volume
        Å^3 of the cell; a cell of which it is not known is not valid.
    """
    return (volume or 0) >= LEAST_VOLUME and (shortest_distance is None or shortest_distance >= LEAST_DISTANCE)


def cdvae_composition(nelements: int, *, balanced: bool, metals_alone: bool) -> bool:
    """Whether a composition is valid as CDVAE counts: balanced by SMACT, an element, or of metals alone."""
    return nelements == 1 or metals_alone or balanced
