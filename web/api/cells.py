"""The cell in which a structure is looked at."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from pymatgen.core.structure import Structure
from pymatgen.symmetry.analyzer import SpacegroupAnalyzer

Cell = Literal["stored", "conventional", "primitive", "supercell"]

_REPEATS = 3
_TOLERANCE = 0.1  # Å, as for the space groups that are shown
_MOST_ATOMS = 2_000
_VACUUM = 10.0  # Å between atoms, beyond any crystal's


def in_cell(structure: Structure, cell: Cell) -> dict[str, Any]:
    """Atoms of a structure in a cell.

    Parameters
    ----------
    structure
        Of a shared site the element with the largest share is taken.
    cell
        As stored, conventional or primitive (of a crystal that repeats in three dimensions), or 3 x 3 (x 3) of them
        along the axes on which it goes on: not through the vacuum around a layer.

    Returns
    -------
    dict
        ``symbols``, ``positions`` (Å), ``cell`` (three vectors, Å), ``pbc``.
    """
    repeats = [_REPEATS if _goes_on(structure, axis) else 1 for axis in range(3)]
    if cell == "supercell" and len(structure) * repeats[0] * repeats[1] * repeats[2] <= _MOST_ATOMS:
        structure = structure * repeats
    elif cell in ("conventional", "primitive") and all(structure.lattice.pbc):
        analyzer = SpacegroupAnalyzer(structure, symprec=_TOLERANCE)
        standard = analyzer.get_conventional_standard_structure, analyzer.get_primitive_standard_structure
        structure = standard[cell == "primitive"]()
    return {
        "symbols": [max(site.species.items(), key=lambda share: share[1])[0].symbol for site in structure],
        "positions": structure.cart_coords.round(6).tolist(),
        "cell": structure.lattice.matrix.round(6).tolist(),
        "pbc": list(structure.lattice.pbc),
    }


def _goes_on(structure: Structure, axis: int) -> bool:
    """Whether the structure repeats along an axis, with no vacuum between."""
    if not structure.lattice.pbc[axis]:
        return False
    places = np.sort(structure.frac_coords[:, axis] % 1)
    widest = np.diff(places, append=places[0] + 1).max()
    spacing = structure.volume / np.linalg.norm(np.cross(*np.delete(structure.lattice.matrix, axis, axis=0)))
    return bool(widest * spacing < _VACUUM)
