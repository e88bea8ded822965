"""Entries of a Pourbaix diagram: solids from formation energies, dissolved species from published ions.

It knows what an entry is and how to make one; what is stable is worked out in `pourbaix`. Energies in eV.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from ..composition.formula.single_formula import read_one
from .entry import formula_of
from .ions import AqueousIon, ion_formation_energies, ions_of

CONCENTRATION = 1e-6
"""mol/l of dissolved ions, the usual bound of corrosion (Pourbaix, Atlas of Electrochemical Equilibria)."""

OPEN = frozenset({"H", "O"})
"""Elements that water supplies."""


class PourbaixError(ValueError):
    """Entries, target or conditions that do not make a Pourbaix problem."""


@dataclass(frozen=True, slots=True)
class PourbaixEntry:
    """A solid or a dissolved species.

    Parameters
    ----------
    name
        For lists of products: ``MnO2(s)``, ``Mg[2+]``.
    composition
        Amount of each element in the formula unit.
    energy
        Formation energy of the formula unit against the elements, eV, at unit concentration.
    charge
        Of the formula unit, 0 for a solid.
    phase
        "solid" or "ion" (which neutral dissolved species are too).
    entry_id
        Whose energy it is.
    """

    name: str
    composition: Mapping[str, float]
    energy: float
    charge: float = 0.0
    phase: Literal["solid", "ion"] = "solid"
    entry_id: str = ""

    def __post_init__(self) -> None:
        if self.phase not in ("solid", "ion"):
            message = f"{self.name}: {self.phase=}, give 'solid' or 'ion'"
            raise PourbaixError(message)
        if not math.isfinite(self.energy):
            message = f"{self.name}: the energy is {self.energy}"
            raise PourbaixError(message)

    @property
    def elements(self) -> frozenset[str]:
        """Elements other than hydrogen and oxygen."""
        return frozenset(self.composition) - OPEN


def solid_entry(
    composition: str | Mapping[str, float], formation_energy: float, *, entry_id: str = ""
) -> PourbaixEntry:
    """Make an entry of a solid from its formation energy in eV/atom.

    Raises
    ------
    FormulaError
        When the formula cannot be read.
    """
    amounts = read_one(composition) if isinstance(composition, str) else dict(composition)
    energy = formation_energy * sum(amounts.values())
    return PourbaixEntry(f"{formula_of(composition)}(s)", amounts, energy, entry_id=entry_id)


def entries_with_ions(
    formation_energies: Mapping[str, float], ions: Iterable[AqueousIon], elements: Iterable[str]
) -> list[PourbaixEntry]:
    """Make the entries of a chemical system from solids and published ions.

    Parameters
    ----------
    formation_energies
        eV/atom by formula; must hold the reference solids of the ions, those outside the system (Na2SO4 for the ions of
        sulfur) included.
    ions
        Published ions, such as `ions.bundled_ions`.
    elements
        Elements of the system; hydrogen and oxygen always belong to it.

    Raises
    ------
    MissingReferenceSolidError
        When a reference solid is missing.
    FormulaError
        When a formula cannot be read.
    """
    metals = frozenset(elements) - OPEN
    dissolved = ions_of(ions, metals)
    energies = ion_formation_energies(dissolved, formation_energies)
    solids = [solid_entry(formula, energy) for formula, energy in formation_energies.items()]
    return [
        *(solid for solid in solids if solid.elements and solid.elements <= metals),
        *(
            PourbaixEntry(ion.formula, ion.composition, energy, ion.charge, "ion")
            for ion, energy in zip(dissolved, energies, strict=True)
        ),
    ]


def concentration_of(entry: PourbaixEntry, concentration: float | Mapping[str, float]) -> float:
    """Concentration of an entry, mol/l; 1 for a solid.

    Parameters
    ----------
    entry
        Solid or ion.
    concentration
        Of dissolved metal atoms, or that by element. An ion of one element has its share of it, one of several the
        single value, or `CONCENTRATION`.

    Raises
    ------
    PourbaixError
        When it is not above zero.
    """
    if entry.phase == "solid":
        return 1.0
    if len(entry.elements) == 1:
        (element,) = entry.elements
        total = concentration.get(element, CONCENTRATION) if isinstance(concentration, Mapping) else concentration
        value = total / entry.composition[element]
    else:
        value = CONCENTRATION if isinstance(concentration, Mapping) else concentration
    if not (math.isfinite(value) and value > 0):
        message = f"concentration of {entry.name} is {value} mol/l: it must be above zero"
        raise PourbaixError(message)
    return float(value)


def conditions(ph: tuple[float, float], potential: float, concentration: float, *, filter_solids: bool) -> str:
    """Write the conditions of a Pourbaix energy.

    Parameters
    ----------
    ph
        Lowest and highest.
    potential
        Against the reversible hydrogen electrode, V.
    concentration
        Of ions, mol/l.
    filter_solids
        Whether only solids on the hull were taken.

    Examples
    --------
    >>> conditions((0, 14), 1.5, 1e-6, filter_solids=False)
    'pH 0-14, 1.5 V vs RHE, 1e-06 mol/l'
    """
    text = f"pH {ph[0]:g}-{ph[1]:g}, {potential:g} V vs RHE, {concentration:g} mol/l"
    return f"{text}, filtered solids" if filter_solids else text
