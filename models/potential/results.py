"""What a potential says of a structure: of one as it stands, and of one that was relaxed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from pymatgen.core.structure import Structure

GPA: Final = 160.21766208
"""GPa in 1 eV/Å^3, as CHGNet itself converts."""

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Static:
    """What the potential says of one structure as it stands; numbers are None where `failure` says why.

    Attributes
    ----------
    energy, energy_per_atom
        eV of the cell, and eV/atom.
    forces
        eV/Å, (n, 3); None when not asked for.
    stress_gpa
        GPa, (3, 3), positive under tension; None when not asked for.
    failure
        Why there is no energy.
    """

    energy: float | None = None
    energy_per_atom: float | None = None
    forces: Array | None = None
    stress_gpa: Array | None = None
    failure: str | None = None

    @classmethod
    def of(cls, energy: float, atoms: int, forces: Array | None = None, stress_gpa: Array | None = None) -> Static:
        """Result of an evaluation, a failure where a number is not finite.

        Parameters
        ----------
        energy
            eV of the cell.
        atoms
            n, of the cell.
        forces
            eV/Å, (n, 3); None when not asked for.
        stress_gpa
            GPa, (3, 3), positive under tension; None when not asked for, or not known.
        """
        if not all(np.isfinite(numbers).all() for numbers in (energy, forces, stress_gpa) if numbers is not None):
            return cls(failure=f"the energy or a force is not finite (energy {energy} eV)")
        return cls(energy, energy / atoms, forces, stress_gpa)

    @property
    def max_force(self) -> float | None:
        """Largest force on an atom, eV/Å."""
        return None if self.forces is None else float(np.linalg.norm(self.forces, axis=1).max())


@dataclass(frozen=True, slots=True)
class Relaxed:
    """What became of one structure; numbers are None where `failure` says why.

    Attributes
    ----------
    structure
        Relaxed, or as far as it came.
    energy, energy_per_atom
        eV of the cell, and eV/atom.
    max_force
        Largest force on an atom, eV/Å.
    stress_gpa
        GPa, (3, 3), positive under tension.
    steps
        Steps taken.
    converged
        Whether forces and stress came below the tolerance.
    volume_change, area_change
        Volume over that before; for a monolayer area over that before.
    doubts
        What makes the result another structure than was asked about: a cell out of bounds, an atom torn off, a
        vacuum lost. Empty for a sane one.
    failure
        Why it ended early: exploded, out of time, or not fit for the potential.
    seconds
        Its share of the time spent.
    """

    structure: Structure
    energy: float | None = None
    energy_per_atom: float | None = None
    max_force: float | None = None
    stress_gpa: Array | None = None
    steps: int = 0
    converged: bool = False
    volume_change: float | None = None
    area_change: float | None = None
    doubts: tuple[str, ...] = ()
    failure: str | None = None
    seconds: float = 0.0

    @property
    def sane(self) -> bool:
        """Whether the structure is still the one that was asked about."""
        return self.failure is None and not self.doubts
