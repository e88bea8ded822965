"""How many layers the cell of a slab holds: a bilayer shares its area by two."""

from __future__ import annotations

from typing import Final

from pymatgen.core.structure import Structure

from ..dimensionality.clusters import NotAnalysable, clusters_by_tolerance

BOND_TOLERANCE: Final = 0.45
"""Å beyond the sum of covalent radii within which atoms are bonded: the long bonds within layers of heavy atoms
(Bi2Te3, PbI2) are, atoms across the closest van der Waals gaps (1 Å beyond) are not."""


def count_layers(structure: Structure) -> int:
    """Number of layers in a cell; 1 where none can be told apart.

    Parameters
    ----------
    structure
        Cell of one or more layers, with or without a vacuum.
    """
    try:
        (clusters,) = clusters_by_tolerance(structure, [BOND_TOLERANCE])
    except NotAnalysable:
        return 1
    return max(1, sum(cluster.dimensionality == 2 for cluster in clusters))
