"""Reference crystals of elements that tables of compounds seldom hold: diatomic gases, heavy alkalis, lanthanides.

They let a potential give energies of formation and hulls of its own. Geometry only: no energies are kept here.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final, NamedTuple

import numpy as np
from pymatgen.core.lattice import Lattice
from pymatgen.core.structure import Structure

BOND_LENGTHS: Final = {"H": 0.7414, "N": 1.0977, "O": 1.2075, "F": 1.4119, "Cl": 1.9879, "Br": 2.2811}
"""Å, of the gas: K. P. Huber, G. Herzberg, Constants of Diatomic Molecules (1979)."""
_EDGES: Final = {"H": 5.3, "N": 5.66, "O": 5.4, "F": 5.3, "Cl": 6.6, "Br": 7.2}
"""Å, about the cubic edge that four molecules fill; the energy is looked for around it."""
_AROUND: Final = (0.95, 1.0, 1.05, 1.1)
_BOX: Final = 15.0
"""Å: images of a molecule in it are beyond the reach of CHGNet's bonds, 6 Å."""

# Å at room temperature: K. A. Gschneidner, Bull. Alloy Phase Diagrams 11, 216 (1990), for Sc, Y and lanthanides;
# CRC Handbook of Chemistry and Physics, "Crystal structures and lattice parameters of allotropes of the elements".
_BODY_CENTRED: Final = {"Rb": 5.705, "Cs": 6.141, "Eu": 4.5827}
_FACE_CENTRED: Final = {"Ce": 5.1610, "Yb": 5.4848, "Ac": 5.311, "Th": 5.0842}
_STACKED: Final = {
    "Tl": (3.4566, 5.5248, "AB"),
    "Tc": (2.738, 4.393, "AB"),
    "La": (3.7740, 12.171, "ABAC"),
    "Pr": (3.6721, 11.8326, "ABAC"),
    "Nd": (3.6582, 11.7966, "ABAC"),
    "Pm": (3.65, 11.65, "ABAC"),
    "Sm": (3.6290, 26.207, "ABABCBCAC"),
    "Gd": (3.6336, 5.7810, "AB"),
    "Tb": (3.6055, 5.6966, "AB"),
    "Dy": (3.5915, 5.6501, "AB"),
    "Ho": (3.5778, 5.6178, "AB"),
    "Er": (3.5592, 5.5850, "AB"),
    "Tm": (3.5375, 5.5540, "AB"),
    "Lu": (3.5052, 5.5494, "AB"),
}
_LAYERS: Final = {"A": (0.0, 0.0), "B": (1 / 3, 2 / 3), "C": (2 / 3, 1 / 3)}
_BODY: Final = np.array([[0, 0, 0], [0.5, 0.5, 0.5]])
_FACES: Final = np.array([[0, 0, 0], [0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]])
_DIAGONALS: Final = np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]])


class ElementCrystal(NamedTuple):
    """A reference crystal: which element, what it is, the structure."""

    symbol: str
    name: str
    structure: Structure


@lru_cache(maxsize=1)
def element_crystals() -> tuple[ElementCrystal, ...]:
    """List the reference crystals; of an element with several the one of lowest energy counts.

    A diatomic gas is given as a lone molecule, and as four of them in the arrangement of solid nitrogen (Pa-3), at the
    bond length of the gas and with a few cell edges: the attraction between molecules is weak, and a potential differs
    from experiment in how far apart it wants them.
    """
    crystals: list[ElementCrystal] = []
    for symbol, length in BOND_LENGTHS.items():
        half = length / 2
        ends = [[_BOX / 2 + half, _BOX / 2, _BOX / 2], [_BOX / 2 - half, _BOX / 2, _BOX / 2]]
        molecule = Structure(Lattice.cubic(_BOX), [symbol, symbol], ends, coords_are_cartesian=True)
        crystals.append(ElementCrystal(symbol, f"{symbol}2 molecule", molecule))
        for factor in _AROUND:
            edge = _EDGES[symbol] * factor
            along = _DIAGONALS / np.sqrt(3) * half / edge
            crystal = Structure(Lattice.cubic(edge), [symbol] * 8, np.vstack([_FACES + along, _FACES - along]))
            crystals.append(ElementCrystal(symbol, f"{symbol}2 Pa-3 a={edge:.2f}", crystal))
    for symbol, edge in _BODY_CENTRED.items():
        crystals.append(ElementCrystal(symbol, f"{symbol} bcc", Structure(Lattice.cubic(edge), [symbol] * 2, _BODY)))
    for symbol, edge in _FACE_CENTRED.items():
        crystals.append(ElementCrystal(symbol, f"{symbol} fcc", Structure(Lattice.cubic(edge), [symbol] * 4, _FACES)))
    for symbol, (a, c, sequence) in _STACKED.items():
        sites = [[*_LAYERS[layer], i / len(sequence)] for i, layer in enumerate(sequence)]
        crystal = Structure(Lattice.hexagonal(a, c), [symbol] * len(sites), sites)
        crystals.append(ElementCrystal(symbol, f"{symbol} close-packed {sequence}", crystal))
    return tuple(crystals)
