"""Puts new elements into a crystal and gives it the size they need: bulk in all directions, a layer without its vacuum.

Knows structures and radii; which elements go where is decided elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from pymatgen.core.periodic_table import Element
from pymatgen.core.structure import Structure

from .clusters import COVALENT_RADII, NotAnalysable, possible_bonds
from .vacuum import set_vacuum, thickest_gap

BOND_TOLERANCE = 0.4
"""Å beyond the sum of covalent radii up to which atoms count as bonded: the widest of 2DMatPedia's tolerances
(Zhou et al., Sci. Data 6, 86 (2019))."""


def length_factor(structure: Structure, mapping: Mapping[str, str]) -> float:
    """Predict by what factor lengths change when elements are replaced.

    The mean, over the bonds of the template, of the ratio of the new to the old sum of covalent radii (Cordero et al.,
    Dalton Trans. 2008, 2832). Being a ratio, it lets the errors of the radii and all that the template knows of its own
    bonds cancel out: within the prototypes of 980 monolayers the in-plane lengths it gives are 2.7 % off in the median,
    pymatgen's DLSVolumePredictor 5.8 %, no rescaling 6.1 %.

    Parameters
    ----------
    structure
        The template, with its own elements.
    mapping
        Old element to new one, for all elements.

    Returns
    -------
    float
        1 where an element has no radius (beyond Cm).
    """
    symbols = [site.specie.symbol for site in structure]
    try:
        bonds = possible_bonds(structure, BOND_TOLERANCE)
    except NotAnalysable:
        return 1.0
    old = np.array([_radius(symbol) for symbol in symbols])
    new = np.array([_radius(mapping[symbol]) for symbol in symbols])
    if len(bonds.first):
        ratios = (new[bonds.first] + new[bonds.second]) / (old[bonds.first] + old[bonds.second])
    else:
        ratios = new / old  # no bonds: each atom counts for itself
    factor = float(ratios.mean())
    return factor if np.isfinite(factor) else 1.0


def substitute(
    structure: Structure, mapping: Mapping[str, str], *, dimension: int = 3, factor: float = 1.0
) -> Structure:
    """Put new elements in the places of old ones, and scale.

    Parameters
    ----------
    structure
        An ordered template; oxidation states and site properties belonged to its elements and are left out.
    mapping
        Old element to new one, for all elements.
    dimension
        3: all three cell vectors are scaled. 2: the layer is scaled, its in-plane vectors and its thickness alike,
        which keeps its bond angles; the vacuum stays as thick as it was, and the third vector is set upright.
    factor
        For lengths.

    Returns
    -------
    Structure
        Sites in the order of the template. Fractional coordinates stay (of bulk and of a layer in its plane), and with
        them the space group.
    """
    names = [mapping[site.specie.symbol] for site in structure]
    if dimension == 2:
        gap = thickest_gap(structure).thickness
        scaled = set_vacuum(structure, gap, in_plane_scale=factor, height_scale=factor)
        return Structure(scaled.lattice, names, scaled.frac_coords)
    return Structure(structure.lattice.matrix * factor, names, structure.frac_coords)


def _radius(symbol: str) -> float:
    number = Element(symbol).Z
    return float(COVALENT_RADII[number]) if number < len(COVALENT_RADII) else float("nan")
