"""How much deeper a hull would be with the compounds that it lacks, by formation energies that know them all.

Energies of two methods never meet: what is taken from such energies is the difference between two hulls of their own,
one of the compounds that are there, one of these and of those that are missing.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from math import isnan
from typing import Final, NamedTuple

from ...composition.formula.elements import ATOMIC_NUMBERS
from ...composition.formula.single_formula import read_one
from ...composition.oxidation_states import SMACT_ELECTRONEGATIVITIES
from ..entry import Entry
from ..hull import hull_positions

TOO_WEAKLY_BOUND: Final = {"Br": 0.534, "I": 0.379, "Se": 0.472, "Te": 0.422, "Sb": 0.192}
"""eV per atom of an anion by which MP2020 lowers energies (A. Wang et al., Sci. Rep. 11, 15496 (2021)), of those that
uncorrected energies of the Materials Project lack: in the median these lie above measured enthalpies by 0.49 for
bromides, 0.29 for iodides, 0.44 for selenides, 0.35 for tellurides (22, 18, 7, 11 binary ones); those of chlorides,
oxides and sulfides don't."""


class DeeperHull(NamedTuple):
    """A hull with all known compounds, at one composition.

    Attributes
    ----------
    by
        How much deeper it is than without those that are missing, eV/atom; at least 0.
    products
        Formulas of the phases that lie on it there, with their shares of the atoms.
    """

    by: float
    products: dict[str, float]


def hull_deeper_by(
    targets: Sequence[Mapping[str, float]],
    formulas: Sequence[str],
    formation_energies: Sequence[float],
    there: Collection[str],
) -> list[DeeperHull]:
    """How much deeper the hull of all compounds is than that of those that are there, at each composition.

    Parameters
    ----------
    targets
        Amounts of the elements, of one chemical system; (n,).
    formulas, formation_energies
        Compounds, and their formation energies by one method, eV/atom; (m,) each.
    there
        Formulas of the compounds that the shallower hull has.

    Returns
    -------
    list of DeeperHull
        (n,).
    """
    symbols = {symbol for target in targets for symbol in target}
    elements = [Entry({symbol: 1}, 0.0, symbol) for symbol in sorted(symbols)]
    compounds = [
        Entry(read_one(formula), energy, formula) for formula, energy in zip(formulas, formation_energies, strict=True)
    ]
    asked = [Entry(target, 0.0, str(number)) for number, target in enumerate(targets)]
    deep, shallow = (
        hull_positions(asked, [*elements, *entries])
        for entries in (compounds, [entry for entry in compounds if entry.entry_id in there])
    )
    return [
        DeeperHull(max(0.0, one.energy - other.energy), {product.name: product.amount for product in one.products})
        for one, other in zip(deep, shallow, strict=True)
    ]


def with_anions_corrected(
    formula: str, formation_energy: float, symbols: Collection[str] = TOO_WEAKLY_BOUND.keys()
) -> float:
    """A formation energy, eV/atom, lowered by MP2020's corrections of some of the anions in `TOO_WEAKLY_BOUND`.

    An element is an anion where another one of the compound attracts electrons less (Pauling's scale).
    """
    amounts = read_one(formula)
    attractions = {symbol: _attraction(symbol) for symbol in amounts}
    least = min(attractions.values())
    anions = [symbol for symbol in sorted(amounts.keys() & set(symbols)) if attractions[symbol] > least]
    return formation_energy - sum(TOO_WEAKLY_BOUND[symbol] * amounts[symbol] for symbol in anions) / sum(
        amounts.values()
    )


def _attraction(symbol: str) -> float:
    """Electronegativity; an element without one attracts nothing."""
    value = float(SMACT_ELECTRONEGATIVITIES[ATOMIC_NUMBERS[symbol]])
    return 0.0 if isnan(value) else value
