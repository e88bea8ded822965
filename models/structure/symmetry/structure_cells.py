"""Space groups and conventional cells of structures, as a lattice predictor learns them.

Of a crystal the six parameters; of a layer those of the layer, not of the vacuum it was calculated in.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from pymatgen.core.structure import Structure

from ..vacuum import MIN_GAP, thickest_gap
from .symmetry_analysis import conventional_cell, space_group

TOLERANCE: Final = 0.1
"""Å; relaxed structures are symmetric to about this much."""


def conventional(
    structure: Structure, *, dimension: int, tolerance: float = TOLERANCE
) -> tuple[int, tuple[float, ...]] | None:
    """Space group and conventional cell of a structure.

    Parameters
    ----------
    structure
        A crystal, or a layer in vacuum.
    dimension
        3 or 2.
    tolerance
        Å within which atoms are equivalent.

    Returns
    -------
    number, cell
        Of a crystal a, b, c in Å, alpha, beta, gamma in degrees of spglib's conventional cell; of a layer its periods
        a <= b in the conventional cell, its thickness between outermost nuclei in Å, 90°, 90° and the angle of the
        periods. None where no symmetry is found, or a layer has no vacuum.
    """
    group = space_group(structure, tolerance=tolerance).number
    cell = conventional_cell(structure, tolerance=tolerance)
    if group is None or cell is None:
        return None
    if dimension == 3:
        return group, tuple(float(value) for value in cell.lattice.parameters)
    gap = thickest_gap(cell)
    if gap.thickness < MIN_GAP:
        return None
    first, second = np.delete(cell.lattice.matrix, gap.axis, axis=0)
    a, b = sorted((float(np.linalg.norm(first)), float(np.linalg.norm(second))))
    angle = float(np.degrees(np.arccos(np.clip(first @ second / (a * b), -1, 1))))
    return group, (a, b, max(gap.height - gap.thickness, 0.0), 90.0, 90.0, angle)
