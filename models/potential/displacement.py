"""How far the atoms of a crystal moved when it was relaxed. Knows two structures with their atoms in one order."""

from __future__ import annotations

import numpy as np
from pymatgen.core.structure import Structure


def rms_displacement(before: Structure, after: Structure) -> float:
    """Root mean square distance in Å that atoms moved, by the shortest way, a shift of them all left out.

    Parameters
    ----------
    before, after
        The same atoms in the same order; places are compared as fractional coordinates, in the cell after.

    Raises
    ------
    ValueError
        The atoms differ.

    Examples
    --------
    >>> from pymatgen.core import Lattice
    >>> before = Structure(Lattice.cubic(4.0), ["Cs", "Cl"], [[0, 0, 0], [0.5, 0.5, 0.5]])
    >>> after = Structure(Lattice.cubic(4.0), ["Cs", "Cl"], [[0, 0, 0], [0.5, 0.5, 0.6]])
    >>> round(rms_displacement(before, after), 3)
    0.2
    """
    if before.species_and_occu != after.species_and_occu:
        raise ValueError(f"{before.formula} and {after.formula}: the atoms differ, or come in another order")
    moved = after.frac_coords - before.frac_coords
    moved -= np.round(moved)
    moved -= np.round(moved - moved[0])  # about one of them first, so that a shift of half a cell is no edge
    moved -= moved.mean(axis=0)
    moved -= np.round(moved)
    return float(np.sqrt(((moved @ after.lattice.matrix) ** 2).sum(axis=1).mean()))
