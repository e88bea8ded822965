"""How much strain energy a layer may hold whose in-plane cell was not relaxed, from the stress that is left in it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from pymatgen.core.structure import Structure

from ..vacuum import MIN_GAP, thickest_gap

SOFTEST: Final = 13.63
"""N/m, Young's modulus of a PbI2 layer, softer than other layers that are known: R. Ran et al., Philos. Mag. 99, 1277
(2019), doi:10.1080/14786435.2019.1580818."""
_NEWTON_PER_METRE: Final = 0.01
"""In kB Å: 1e8 Pa times 1e-10 m."""
_EV_PER_SQUARE_ANGSTROM: Final = 1 / 16.02177
"""In J/m^2, CODATA's elementary charge."""


def strain_energy_at_most(layer: Structure, stress: Sequence[Sequence[float]]) -> float | None:
    """The most that a layer's energy may fall when its in-plane cell relaxes, eV/atom; None without a vacuum.

    Parameters
    ----------
    layer
        In vacuum, along any axis.
    stress
        (3, 3) kB of its cell, vacuum included.

    Notes
    -----
    Of an elastic plane with principal stresses s and t, in N/m, the energy is ``(s^2 + t^2 - 2 n s t) / 2 Y``, whatever
    Poisson's ratio n at most ``(|s| + |t|)^2 / 2 Y``; Y is that of the softest layer.
    """
    gap = thickest_gap(layer)
    if gap.thickness < MIN_GAP:
        return None
    first, second = (layer.lattice.matrix[axis] for axis in range(3) if axis != gap.axis)
    normal = np.cross(first, second)
    area = float(np.linalg.norm(normal))
    along = first / np.linalg.norm(first)
    plane = np.array([along, np.cross(normal / area, along)])
    height = layer.volume / area
    within = plane @ np.asarray(stress, dtype=np.float64) @ plane.T * height * _NEWTON_PER_METRE
    principal = np.abs(np.linalg.eigvalsh((within + within.T) / 2)).sum()
    return float(principal**2 / (2 * SOFTEST) * _EV_PER_SQUARE_ANGSTROM * area / len(layer))
