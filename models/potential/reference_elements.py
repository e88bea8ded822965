"""Reference crystals of elements that tables of compounds seldom hold: molecular ones, heavy alkalis, lanthanides.

They let a potential give energies of formation and hulls of its own. Each is the form that is known to be the most
stable, since the lowest by a potential need not be: CHGNet puts a lone F2 molecule 0.1 eV/atom below the crystal.
`believable` checks energies of elements against tabulated ones; geometry and these are all that is kept here.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from pymatgen.core.lattice import Lattice
from pymatgen.core.structure import Structure

BOND_LENGTHS: Final = {"H": 0.7414, "N": 1.0977, "O": 1.2075, "F": 1.4119, "Cl": 1.9879, "Br": 2.2811, "I": 2.717}
"""Å, of the gas: K. P. Huber, G. Herzberg, Constants of Diatomic Molecules (1979); of I2 in its crystal, where it is
longer by 0.05."""
_AROUND: Final = (0.95, 1.0, 1.05, 1.1)
"""Cell edges that are tried, as parts of the measured ones: the attraction between molecules is weak, and a potential
differs from experiment in how far apart it wants them."""

_CUBIC: Final = {"H": 5.3, "N": 5.65}
"""Å. Pa-3, four molecules along the diagonals: N2 as T. H. Jordan et al., J. Chem. Phys. 41, 756 (1964); ordered H2 is
alike, with about this edge."""
_OXYGEN: Final = (5.403, 3.433, 4.247, 117.84)
_OXYGEN_SITE: Final = (0.067, 0.0, 0.173)
"""Å, degrees, fractions. Alpha-O2, C2/m: R. J. Meier, R. B. Helmholdt, Phys. Rev. B 29, 1387 (1984)."""
_FLUORINE: Final = (5.4780, 3.2701, 7.2651, 102.088)
"""Å, degrees. Alpha-F2, C2/c: S. I. Ivlev et al., Chem. Eur. J. 25, 3310 (2019), doi 10.1002/chem.201805298."""
_FLUORINE_TILT: Final = 18.0
"""Degrees between molecule and normal of the basal plane, towards b. Between 0 and 25 it changes CHGNet's energy by
2 meV/atom."""
_IODINE: Final = (7.1191, 4.66, 9.7956)
_IODINE_SITE: Final = (0.0, 0.1548, 0.1175)
"""Å, fractions. I2, Cmce: C. Petrillo, O. Moze, R. M. Ibberson, Physica B 180-181, 639 (1992); Cl2 and Br2 are like
it."""
_HALOGEN_EDGES: Final = {"Cl": 6.6, "Br": 6.8, "I": 6.875}
"""Å. Edge of the cube that four molecules fill: of I2 the measured one, of the others between that and PBE's, which
lacks their attraction."""
_SULFUR: Final = (10.4646, 12.8660, 24.4860)
_SULFUR_SITES: Final = (
    (0.14415, 0.70268, 0.70140),
    (0.29277, 0.72690, 0.75406),
    (0.21598, 0.78022, 0.82618),
    (0.21405, 0.65761, 0.87947),
)
"""Å, fractions, half a ring. Alpha-S8, Fddd: S. J. Rettig, J. Trotter, Acta Cryst. C 43, 2260 (1987), as AFLOW's
A_oF128_70_4h has it (M. J. Mehl et al., Comput. Mater. Sci. 136, S1 (2017))."""
_SULFUR_RING: Final = (0.125, 0.625, 0.79028)
"""Centre of the ring, on a twofold axis."""

_TABLE: Final = """
H -3.3927, He -0.0091, Li -1.9089, Be -3.7394, B -6.6794, C -9.2268, N -8.3365, O -4.9480, F -1.9115, Ne -0.0259,
Na -1.3225, Mg -1.6003, Al -3.7456, Si -5.4253, P -5.4133, S -4.1364, Cl -1.8485, Ar -0.0688, K -1.1104,
Ca -2.0056, Sc -6.3325, Ti -7.8955, V -9.0839, Cr -9.6530, Mn -9.1620, Fe -8.4700, Co -7.1083, Ni -5.7801,
Cu -4.0992, Zn -1.2597, Ga -3.0281, Ge -4.6230, As -4.6591, Se -3.4959, Br -1.6369, Kr -0.0567, Rb -0.9805,
Sr -1.6895, Y -6.4665, Zr -8.5477, Nb -10.1013, Mo -10.8456, Tc -10.3606, Ru -9.2744, Rh -7.3643, Pd -5.1799,
Ag -2.8326, Cd -0.9229, In -2.7517, Sn -4.0096, Sb -4.1290, Te -3.1433, I -1.5240, Xe -0.0362, Cs -0.8954,
Ba -1.9190, La -4.9360, Ce -5.9331, Pr -4.7809, Nd -4.7681, Pm -4.7505, Sm -4.7186, Eu -10.2920, Gd -14.0761,
Tb -4.6344, Dy -4.6068, Ho -4.5824, Er -4.5677, Tm -4.4758, Yb -1.5396, Lu -4.5210, Hf -9.9572, Ta -11.8578,
W -12.9581, Re -12.4445, Os -11.2274, Ir -8.8384, Pt -6.0709, Au -3.2739, Hg -0.3037, Tl -2.3626, Pb -3.7126,
Bi -3.8900, Ac -4.1212, Th -7.4139, Pa -9.5147, U -11.2914, Np -12.9478, Pu -14.2678
"""
TABULATED: Final = {symbol: float(energy) for symbol, energy in map(str.split, _TABLE.split(","))}
"""eV/atom of the most stable form of each element, PBE as the Materials Project computes it (database of September
2022, CC BY 4.0), as listed by Matbench Discovery: J. Riebesell et al., doi 10.1038/s42256-025-01055-1."""

TOO_LOW: Final = 0.05
"""eV/atom below the tabulated energy from which on an element's energy by a potential trained on such energies is taken
for an error. Of 38 crystals of the Materials Project CHGNet puts none lower than 0.04 as they stand; relaxed by it, F2
falls to 0.09 and I2 to 0.06 below, and the crystals here do not. Some lie up to 0.2 above."""

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


class ElementCrystal(NamedTuple):
    """A reference crystal: which element, what it is, the structure."""

    symbol: str
    name: str
    structure: Structure


def believable(symbol: str, energy: float) -> bool:
    """Whether an energy of an element, eV/atom by a potential trained on PBE, may be that of a form that exists.

    Examples
    --------
    CHGNet's lone F2 molecule, and its crystal:

    >>> believable("F", -2.010), believable("F", -1.909)
    (False, True)
    """
    return symbol not in TABULATED or energy >= TABULATED[symbol] - TOO_LOW


@lru_cache(maxsize=1)
def element_crystals() -> tuple[ElementCrystal, ...]:
    """List the reference crystals; of an element with several, which differ in their edges, the lowest counts.

    Molecules have the bond length of the gas.
    """
    crystals: list[ElementCrystal] = []
    for factor in _AROUND:
        for symbol, edge in _CUBIC.items():
            crystals.append(_molecular(symbol, "Pa-3", Lattice.cubic(edge * factor), [1, 1, 1], centre=(0, 0, 0)))
        crystals += [_oxygen(factor), _fluorine(factor), _sulfur(factor)]
        crystals += [_halogen(symbol, edge * factor) for symbol, edge in _HALOGEN_EDGES.items()]
    for symbol, edge in _BODY_CENTRED.items():
        crystals.append(ElementCrystal(symbol, f"{symbol} bcc", Structure(Lattice.cubic(edge), [symbol] * 2, _BODY)))
    for symbol, edge in _FACE_CENTRED.items():
        crystals.append(ElementCrystal(symbol, f"{symbol} fcc", Structure(Lattice.cubic(edge), [symbol] * 4, _FACES)))
    for symbol, (a, c, sequence) in _STACKED.items():
        sites = [[*_LAYERS[layer], i / len(sequence)] for i, layer in enumerate(sequence)]
        crystal = Structure(Lattice.hexagonal(a, c), [symbol] * len(sites), sites)
        crystals.append(ElementCrystal(symbol, f"{symbol} close-packed {sequence}", crystal))
    return tuple(crystals)


def _oxygen(factor: float) -> ElementCrystal:
    a, b, c, beta = _OXYGEN
    axis = Lattice.monoclinic(a, b, c, beta).get_cartesian_coords(_OXYGEN_SITE)
    cell = Lattice.monoclinic(a * factor, b * factor, c * factor, beta)
    return _molecular("O", "C2/m", cell, axis, centre=(0.0, 0.0, 0.0))


def _fluorine(factor: float) -> ElementCrystal:
    a, b, c, beta = _FLUORINE
    cell = Lattice.monoclinic(a * factor, b * factor, c * factor, beta)
    normal = np.cross(cell.matrix[0], cell.matrix[1])
    tilt = np.radians(_FLUORINE_TILT)
    axis = np.cos(tilt) * normal / np.linalg.norm(normal) + np.sin(tilt) * cell.matrix[1] / cell.b
    return _molecular("F", "C2/c", cell, axis, centre=(0.25, 0.25, 0.0))


def _sulfur(factor: float) -> ElementCrystal:
    a, b, c = (edge * factor for edge in _SULFUR)
    centre = np.array(_SULFUR_RING)
    sites = centre + (np.array(_SULFUR_SITES) - centre) / factor  # rings stay what they are
    crystal = Structure.from_spacegroup("Fddd:2", Lattice.orthorhombic(a, b, c), ["S"] * len(sites), sites)
    return ElementCrystal("S", f"S8 Fddd a={a:.2f}", crystal.get_primitive_structure())


def _halogen(symbol: str, edge: float) -> ElementCrystal:
    measured = Lattice.orthorhombic(*_IODINE)
    cell = measured.scale(edge**3)
    return _molecular(symbol, "Cmce", cell, measured.get_cartesian_coords(_IODINE_SITE), centre=(0.0, 0.0, 0.0))


def _molecular(
    symbol: str, group: str, cell: Lattice, axis: ArrayLike, *, centre: tuple[float, float, float]
) -> ElementCrystal:
    """Crystal of diatomic molecules.

    Parameters
    ----------
    symbol
        Element.
    group
        Space group.
    cell
        Conventional cell.
    axis
        (3,) direction of a molecule, of any length.
    centre
        Its centre, fractions of the cell: an inversion centre of the group.
    """
    half = np.asarray(axis) / np.linalg.norm(axis) * BOND_LENGTHS[symbol] / 2
    site = np.asarray(centre) + cell.get_fractional_coords(half)
    crystal = Structure.from_spacegroup(group, cell, [symbol], [site]).get_primitive_structure()
    return ElementCrystal(symbol, f"{symbol}2 {group} a={cell.a:.2f}", crystal)
