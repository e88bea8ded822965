"""Is a crystal structure one that can be: not denser than matter is, no two atoms nearer than their elements come.

Errs on the side of yes: what it refuses has a wrong cell, a wrong setting or atoms twice. Knows no sources.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Final, NamedTuple

import numpy as np
from pymatgen.core.composition import Composition
from pymatgen.core.periodic_table import Element

from .atom_overlap import MIN_DISTANCE, cell_volume, close_pairs_within
from .covalent_radii import COVALENT_RADII, LAST_RADIUS
from .serialization import Arrays

MAX_DENSITY: Final = 25.0
"""g/cm^3. The densest element, osmium, has 22.59 (CRC Handbook of Chemistry and Physics, 97th ed., 4-121)."""
LEAST_VOLUME_SHARE: Final = 0.25
"""Of the volumes in `ATOMIC_VOLUMES`. Of 4,179 crystals of databases and handbooks none takes less than 0.32 (ReSi2)
but beryllium's; metals take 0.33 (Os) to 0.5, diamond 0.40, H3S at 150 GPa 0.33."""
LEAST_DISTANCE_SHARE: Final = 0.5
"""Of the sum of two covalent radii. The least in the same crystals is 0.65; N2 has 0.77, Cr-Cr at its
shortest 0.62."""
LONGEST_DISTANCE: Final = 8.0
"""Å. The largest metallic radius in pymatgen's table is cesium's, 2.65 Å: even its atoms are 5.3 Å apart."""
OCCUPANCY_ROUNDING: Final = 0.02
GRAMS_PER_CM3: Final = 1.66053906660
"""One atomic mass unit per Å^3, in g/cm^3 (CODATA 2018)."""

# Mean volumes in crystals of molecules: D. W. M. Hofmann, Acta Cryst. B 58, 489 (2002), table 2; noble gases, Pm and
# what lies beyond Np have none. Beryllium's (36, from few crystals) is left out for that of the metal, 8.1 / 0.4.
ATOMIC_VOLUMES: Final[Mapping[str, float]] = {
    "H": 5.08, "Li": 22.6, "Be": 20.0, "B": 13.24, "C": 13.87, "N": 11.8, "O": 11.39, "F": 11.17, "Na": 26.0,
    "Mg": 36.0, "Al": 39.6, "Si": 37.3, "P": 29.5, "S": 25.2, "Cl": 25.8, "K": 36.0, "Ca": 45.0, "Sc": 42.0,
    "Ti": 27.3, "V": 24.0, "Cr": 28.1, "Mn": 31.9, "Fe": 30.4, "Co": 29.4, "Ni": 26.0, "Cu": 26.9, "Zn": 39.0,
    "Ga": 37.8, "Ge": 41.6, "As": 36.4, "Se": 30.3, "Br": 32.7, "Rb": 42.0, "Sr": 47.0, "Y": 44.0, "Zr": 27.0,
    "Nb": 37.0, "Mo": 38.0, "Tc": 38.0, "Ru": 37.3, "Rh": 31.2, "Pd": 35.0, "Ag": 35.0, "Cd": 51.0, "In": 55.0,
    "Sn": 52.8, "Sb": 48.0, "Te": 46.7, "I": 46.2, "Xe": 45.0, "Cs": 46.0, "Ba": 66.0, "La": 58.0, "Ce": 54.0,
    "Pr": 57.0, "Nd": 50.0, "Sm": 50.0, "Eu": 53.0, "Gd": 56.0, "Tb": 45.0, "Dy": 50.0, "Ho": 42.0, "Er": 54.0,
    "Tm": 49.0, "Yb": 59.0, "Lu": 35.0, "Hf": 40.0, "Ta": 43.0, "W": 38.8, "Re": 42.7, "Os": 41.9, "Ir": 34.3,
    "Pt": 38.0, "Au": 43.0, "Hg": 38.0, "Tl": 54.0, "Pb": 52.0, "Bi": 60.0, "Ac": 74.0, "Th": 56.0, "Pa": 60.0,
    "U": 58.0, "Np": 45.0,
}  # fmt: skip
"""Å^3 that an atom takes, by element."""


class _Site(NamedTuple):
    """What a mixture comes to: least covalent radius (Å; 0: not known), volume (Å^3), mass (u), occupancy."""

    radius: float
    volume: float
    mass: float
    occupancy: float


def implausible(crystal: Arrays) -> str | None:
    """Say in one line why a crystal can't be, or None where it can.

    Parameters
    ----------
    crystal
        Cell and atoms; `Arrays.of` lays a structure out.
    """
    # Few mixtures, shared by many sites; hashing one takes as long as all else that is done for a site.
    known = {key: _site(mixture) for key, mixture in {id(mixture): mixture for mixture in crystal.species}.items()}
    sites = [known[id(mixture)] for mixture in crystal.species]
    # Across a layer a cell ends where it likes: it says nothing of density.
    volume = cell_volume(crystal.matrix) if all(crystal.pbc) else math.inf
    mass_per_volume = sum([site.mass for site in sites]) / volume * GRAMS_PER_CM3
    if mass_per_volume > MAX_DENSITY:
        return f"its density is {mass_per_volume:.4g} g/cm^3; no matter is denser than {MAX_DENSITY:g}"
    least = LEAST_VOLUME_SHARE * sum([site.volume for site in sites])
    if volume < least:
        formula = sum(crystal.species, Composition()).formula.replace(" ", "")
        return (
            f"{formula} fills {volume:.4g} Å^3 ({mass_per_volume:.4g} g/cm^3), less than the {least:.4g} Å^3 "
            "that atoms of these elements need"
        )
    return _too_near(crystal, sites) or _too_far(crystal, volume)


def _too_far(crystal: Arrays, volume: float) -> str | None:
    matrix, pbc, fractional, species = crystal
    # Balls of equal size fill no more than 1 / sqrt(2) of the cubes of their diameter, one each.
    if volume / len(species) < LONGEST_DISTANCE**3 / np.sqrt(2):
        return None
    if len(close_pairs_within(matrix, fractional, pbc, np.full(len(species), LONGEST_DISTANCE / 2))[0]):
        return None
    return f"no two atoms are within {LONGEST_DISTANCE:g} Å of each other: is the cell in Å?"


def density(amounts: Mapping[str, float], volume: float) -> float:
    """Density in g/cm^3 of atoms by element, isotopes by their own symbols, in a volume in Å^3."""
    mass = sum(_mass(element) * amount for element, amount in amounts.items())
    return mass / volume * GRAMS_PER_CM3


def _too_near(crystal: Arrays, sites: Sequence[_Site]) -> str | None:
    matrix, pbc, fractional, species = crystal
    limits = np.array([max(LEAST_DISTANCE_SHARE * site.radius, MIN_DISTANCE / 2) for site in sites])
    first, second, distances = close_pairs_within(matrix, fractional, pbc, limits)
    if not len(distances):
        return None
    # Sites that are never occupied at once, such as the halves of a split one, may be as near as they like.
    occupancies = np.array([site.occupancy for site in sites])
    apart = (occupancies[first] + occupancies[second] <= 1 + OCCUPANCY_ROUNDING) & (distances >= MIN_DISTANCE)
    if apart.all():
        return None
    worst = np.flatnonzero(~apart)[(distances / (limits[first] + limits[second]))[~apart].argmin()]
    i, j = int(first[worst]), int(second[worst])
    return (
        f"atoms overlap: {species[i].formula} (site {i}) and {species[j].formula} (site {j}) are "
        f"{distances[worst]:.3f} Å apart; these elements come no nearer than {limits[i] + limits[j]:.2f} Å"
    )


@lru_cache(maxsize=4096)
def _site(mixture: Composition) -> _Site:
    numbers = [member.Z for member in mixture]
    radius = min(np.nan_to_num(COVALENT_RADII[number]) if number <= LAST_RADIUS else 0.0 for number in numbers)
    amounts = [(Element.from_Z(member.Z).symbol, float(amount)) for member, amount in mixture.items()]
    volume = sum(ATOMIC_VOLUMES.get(symbol, 0.0) * amount for symbol, amount in amounts)
    mass = sum(_mass(symbol) * amount for symbol, amount in amounts)
    return _Site(float(radius), volume, mass, float(mixture.num_atoms))


@lru_cache
def _mass(element: str) -> float:
    return float(Element(element).atomic_mass)
