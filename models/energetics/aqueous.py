"""Gibbs energies of formation at 298 K of solids, as Pourbaix diagrams take them, from formation energies.

Formation energies, computed ones on the scale of measured enthalpies or measured ones, lack the entropies; here these
are added. It knows no ions and no diagrams.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from .convex_hull.composition_table import CompositionTable, composition_table
from .entropies import element_entropies, standard_entropies
from .entry import checked_energies, formula_of
from .ions import KJ_PER_MOL_PER_EV

TEMPERATURE: Final = 298.15
"""K."""

REFERENCE_STATE: Final = "Gibbs energies of formation at 298.15 K and 1 bar, elements in their standard states at zero"
"""What energies in a Pourbaix diagram are counted from."""

WATER_ENTHALPY: Final = -285.83 / KJ_PER_MOL_PER_EV
"""eV, measured enthalpy of formation of liquid water: CODATA Key Values (1989)."""

OF_HYDROXIDES: Final = 0.75
"""Error of a hydrogen atom in a hydroxide, as a share of that of one in water, in energies of the Materials Project.

Their hydroxides are too stable beside the oxides by 0.30 to 0.62, on average 0.48 eV per H (27 hydroxides of 2019, CRC
enthalpies), water by 0.605; of Mg, Ca, Li, Mn 0.45. Of today's corrections (MP2020) water is so by 0.45 and six
hydroxides, by CHGNet, by 0.34 on average.
"""


class AqueousEnergyError(ValueError):
    """Formation energies that can't be made Gibbs energies."""


@dataclass(frozen=True, slots=True)
class GibbsEnergy:
    """What becomes of one formation energy.

    Attributes
    ----------
    energy
        Gibbs energy of formation, eV/atom; None where there is none.
    entropy
        Source of the formula's entropy: a key of `entropies.SOURCES`, or `entropies.ESTIMATE`.
    refusal
        Why there is none.
    """

    energy: float | None
    entropy: str = ""
    refusal: str | None = None


def aqueous_formation_energies(
    formulas: Sequence[str | Mapping[str, float]],
    formation_energies: Sequence[float] | NDArray[np.float64],
    *,
    water: float | None = None,
) -> NDArray[np.float64]:
    """Gibbs energies of formation at 298 K, for Pourbaix diagrams, from formation energies of solids.

    Parameters
    ----------
    formulas
        n formulas, or mappings from element symbol to amount. All energies are of one method.
    formation_energies
        (n,) eV/atom against the elements: computed and corrected ones of the Materials Project's kind, which stand for
        enthalpies, or measured enthalpies at 298 K.
    water
        Formation energy of H2O by the same method, eV/atom; taken from the formulas if it is among them. Without it
        hydrogen that is bound to oxygen is taken as it is.

    Returns
    -------
    ndarray
        (n,) eV/atom against the elements in their standard states.

    Raises
    ------
    AqueousEnergyError
        One of them can't be converted; `gibbs_energies` answers for each.
    EnergyError
        When an energy is not finite, or their number is another than that of the formulas.
    FormulaError
        When a formula cannot be read.

    Notes
    -----
    ``g = e + T (sum of x_i S_i - S) - d h``, per atom. S is the standard entropy of the solid and S_i those of its
    elements (`entropies`): O2 gives 0.318 eV per O, H2 0.202 per H. d is the error of the method in water, per H, and h
    the hydrogen bound to oxygen: whole where an oxygen atom has two, three quarters of it where it has one. The idea is
    that of Persson, Waldwick, Lazic, Ceder, Phys. Rev. B 85, 235438 (2012), doi:10.1103/PhysRevB.85.235438; there
    entropies of solids are left out and all hydrogen has water's error, and pymatgen's
    ``MaterialsProjectAqueousCompatibility`` beside takes every two H and an O of a formula for a water molecule, which
    makes hydroxides unstable.

    Examples
    --------
    >>> aqueous_formation_energies(["MgO", "Mg", "Mg(OH)2"], [-3.118, 0.0, -1.916]).round(3)
    array([-2.951,  0.   , -1.728])
    """
    answers = gibbs_energies(formulas, formation_energies, water=water)
    refused = [i for i, answer in enumerate(answers) if answer.refusal]
    if refused:
        first = f"{formula_of(formulas[refused[0]])}: {answers[refused[0]].refusal}"
        message = f"{first} ({len(refused)} such in all): leave these out"
        raise AqueousEnergyError(message)
    return np.array([answer.energy for answer in answers], dtype=np.float64)


def gibbs_energies(
    formulas: Sequence[str | Mapping[str, float]],
    formation_energies: Sequence[float] | NDArray[np.float64],
    *,
    water: float | None = None,
) -> list[GibbsEnergy]:
    """As `aqueous_formation_energies`, with the source of each entropy, and the reason where there is no energy.

    Parameters
    ----------
    formulas, formation_energies, water
        As `aqueous_formation_energies`.

    Raises
    ------
    EnergyError, FormulaError
        As `aqueous_formation_energies`.
    """
    names = [formula_of(formula) for formula in formulas]
    energies = checked_energies(names, formation_energies)
    if not names:
        return []
    table = composition_table(formulas)
    of_elements = np.array([element_entropies().get(symbol, np.nan) for symbol in table.elements])
    unknown = {table.elements[j] for j in np.flatnonzero(np.isnan(of_elements))}
    sums = table.fractions @ np.nan_to_num(of_elements)
    if water is None:
        water = _water_among(table, energies)
    excess = error_per_hydrogen(water) * hydrogen_of_water(table) if water is not None else np.zeros(len(names))
    answers = []
    for i, entropy in enumerate(standard_entropies(table)):
        missing = unknown and sorted(unknown & {table.elements[j] for j in np.flatnonzero(table.fractions[i])})
        if missing or entropy is None:
            refusal = f"the standard entropy of {', '.join(missing or names[i : i + 1])} is not tabulated"
            answers.append(GibbsEnergy(None, refusal=refusal))
            continue
        change = TEMPERATURE * (sums[i] - entropy.per_atom) / (1000 * KJ_PER_MOL_PER_EV)
        answers.append(GibbsEnergy(float(energies[i] + change - excess[i]), entropy.source))
    return answers


def error_per_hydrogen(water: float) -> float:
    """How much lower than measured, negative then, a method has water, in eV per hydrogen atom.

    Parameters
    ----------
    water
        Formation energy of H2O by the method, eV/atom.
    """
    return (3 * water - WATER_ENTHALPY) / 2


def hydrogen_of_water(table: CompositionTable) -> NDArray[np.float64]:
    """Hydrogen per atom that is bound to oxygen, that of hydroxides counted with its share of water's error."""
    hydrogen, oxygen = _column(table, "H"), _column(table, "O")
    bound = np.minimum(hydrogen, 2 * oxygen)
    of_water = 2 * np.maximum(bound - oxygen, 0.0)
    weighted: NDArray[np.float64] = of_water + OF_HYDROXIDES * (bound - of_water)
    return weighted


def _water_among(table: CompositionTable, energies: NDArray[np.float64]) -> float | None:
    is_water = np.isclose(_column(table, "H"), 2 / 3) & np.isclose(_column(table, "O"), 1 / 3)
    return float(energies[is_water].min()) if is_water.any() else None


def _column(table: CompositionTable, symbol: str) -> NDArray[np.float64]:
    if symbol not in table.elements:
        return np.zeros(len(table.fractions))
    return table.fractions[:, table.elements.index(symbol)]
