"""Stiffness of crystals and layers by small strains, and whether it withstands every one of them.

A crystal does when all eigenvalues of its stiffness are positive (F. Mouhat, F.-X. Coudert, Phys. Rev. B 90, 224104
(2014)), for a layer those of the three in its plane, shear among them. Knows structures and what relaxes them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from pymatgen.core.lattice import Lattice
from pymatgen.core.structure import Structure

from ...structure.vacuum import thickest_gap
from ..interface import Potential
from .vibrations import FORCE_TOLERANCE, MAX_STEPS

STRAIN: Final = 0.005
"""To either side, as S. Haastrup et al., 2D Mater. 5, 042002 (2018), take 0.01: stresses are linear within it."""
_NEWTON_PER_METRE: Final = 0.1
"""1 GPa over 1 Å."""
_VOIGT: Final = ((0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1))
_IN_PLANE: Final = ((0, 0), (1, 1), (0, 1))

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Stiffness:
    """Stiffness of one structure, atoms relaxed under each strain.

    Attributes
    ----------
    tensor
        Of a crystal (6, 6) in GPa, in the order xx, yy, zz, yz, xz, xy; of a layer (3, 3) in N/m, xx, yy, xy with x
        along the first vector of its plane. Shears are engineering strains. None where `failure` says why.
    unit
        GPa or N/m.
    failure
        Why there is none.
    """

    tensor: Array | None
    unit: str
    failure: str | None = None

    @property
    def least(self) -> float:
        """Least eigenvalue: the stiffness against the strain that is resisted least."""
        if self.tensor is None:
            raise ValueError(f"no stiffness: {self.failure}")
        return float(np.linalg.eigvalsh(self.tensor)[0])


def stiffness(
    structures: Sequence[Structure],
    potential: Potential,
    *,
    monolayer: Sequence[bool],
    max_steps: int = MAX_STEPS,
) -> list[Stiffness]:
    """Stiffness of relaxed structures.

    Parameters
    ----------
    structures
        n structures, relaxed by the potential.
    potential
        What evaluates them.
    monolayer
        Whether each is a layer in vacuum.
    max_steps
        Of the relaxation of the atoms under each strain.

    Returns
    -------
    list of Stiffness
        n results, in order.

    Raises
    ------
    ValueError
        When `monolayer` is not one per structure.
    """
    strained: list[Structure] = []
    owners: list[int] = []
    frames = []
    for i, (structure, flat) in enumerate(zip(structures, monolayer, strict=True)):
        frame = _frame(structure) if flat else np.eye(3)
        frames.append(frame)
        for place in _IN_PLANE if flat else _VOIGT:
            for size in (STRAIN, -STRAIN):
                strained.append(_strained(structure, frame.T @ _unit_strain(place) @ frame, size))
                owners.append(i)
    ends = potential.relax(
        strained,
        monolayer=[monolayer[i] for i in owners],
        cell=False,
        max_steps=max_steps,
        force_tolerance=FORCE_TOLERANCE,
    )
    results = []
    for i, (structure, flat) in enumerate(zip(structures, monolayer, strict=True)):
        own = [end for owner, end in zip(owners, ends, strict=True) if owner == i]
        unit = "N/m" if flat else "GPa"
        failures = [end.failure or "; ".join(end.doubts) for end in own if not end.sane or end.stress_gpa is None]
        if failures:
            results.append(Stiffness(None, unit, f"under strain: {failures[0] or 'no stress'}"))
            continue
        stresses = np.array([_stress(end.stress_gpa, frames[i], flat=flat) for end in own])
        slopes = (stresses[::2] - stresses[1::2]) / (2 * STRAIN)
        scale = thickest_gap(structure).height * _NEWTON_PER_METRE if flat else 1.0
        results.append(Stiffness((slopes + slopes.T) / 2 * scale, unit))
    return results


def _frame(structure: Structure) -> Array:
    """Axes of a layer as rows: along its first vector, in its plane across that, and its normal."""
    axis = thickest_gap(structure).axis
    first, second = (structure.lattice.matrix[i] for i in range(3) if i != axis)
    normal = np.cross(first, second)
    along = first / np.linalg.norm(first)
    normal = normal / np.linalg.norm(normal)
    return np.array([along, np.cross(normal, along), normal])


def _unit_strain(place: tuple[int, int]) -> Array:
    """Strain tensor of an engineering strain of 1."""
    strain = np.zeros((3, 3))
    strain[place] += 0.5
    strain[place[::-1]] += 0.5
    return strain


def _strained(structure: Structure, strain: Array, size: float) -> Structure:
    lattice = Lattice(structure.lattice.matrix @ (np.eye(3) + size * strain))
    return Structure(lattice, [site.species for site in structure], structure.frac_coords)


def _stress(stress_gpa: Array | None, frame: Array, *, flat: bool) -> list[float]:
    turned = frame @ np.asarray(stress_gpa) @ frame.T
    return [float(turned[place]) for place in (_IN_PLANE if flat else _VOIGT)]
