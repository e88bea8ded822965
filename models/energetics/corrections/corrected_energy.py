"""What a correction scheme makes of an energy: the terms it adds, what it could not decide, or why it refuses.

It knows numbers and words only; `corrections` and `functional_mixing` make them.
"""

from __future__ import annotations

from dataclasses import dataclass

from .schemes import Scheme


@dataclass(frozen=True, slots=True)
class Adjustment:
    """One term of a correction: its name, eV for the whole cell, and the uncertainty (eV, None where unknown)."""

    name: str
    energy: float
    uncertainty: float | None = None


@dataclass(frozen=True, slots=True)
class Doubt:
    """A term that a scheme may have left out, or put in, wrongly: whether it belongs there could not be decided.

    Attributes
    ----------
    about
        Element whose state is open.
    reason
        Why.
    energy
        What the other decision would add to the energy, eV for the whole cell.
    """

    about: str
    reason: str
    energy: float


@dataclass(frozen=True, slots=True)
class CorrectedEnergy:
    """What a scheme makes of one entry.

    Attributes
    ----------
    entry_id
        The entry's own.
    scheme
        The scheme asked for.
    uncorrected_energy
        eV for the whole cell.
    atoms
        Atoms in the cell.
    adjustments
        Terms of the correction.
    doubts
        Terms that could not be decided; `energy` is by the scheme's own way out, the interval holds the others.
    refusal
        Why the scheme does not take the entry, all reasons; None when it does.
    notes
        Warnings given on the way, such as oxidation states that could not be guessed.
    """

    entry_id: str
    scheme: Scheme
    uncorrected_energy: float
    atoms: float
    adjustments: tuple[Adjustment, ...] = ()
    doubts: tuple[Doubt, ...] = ()
    refusal: str | None = None
    notes: tuple[str, ...] = ()

    @property
    def correction(self) -> float:
        """Sum of the adjustments, eV for the whole cell."""
        return sum(adjustment.energy for adjustment in self.adjustments)

    @property
    def energy(self) -> float | None:
        """Corrected energy, eV for the whole cell; None when refused."""
        return None if self.refusal else self.uncorrected_energy + self.correction

    @property
    def energy_per_atom(self) -> float | None:
        """Corrected energy in eV/atom; None when refused."""
        return None if self.energy is None else self.energy / self.atoms

    @property
    def spread(self) -> tuple[float, float]:
        """How far below (zero or less) and above `energy_per_atom` the energy may be, eV/atom, by what is in doubt."""
        low = sum(min(0.0, doubt.energy) for doubt in self.doubts)
        high = sum(max(0.0, doubt.energy) for doubt in self.doubts)
        return low / self.atoms, high / self.atoms
