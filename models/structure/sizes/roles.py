"""What each element of a composition is, anion, cation or atom of a metal, and with which charge.

Knows compositions; structures, in which one element may be two things, are not looked at.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from itertools import combinations_with_replacement, product
from typing import Final, Literal, NamedTuple

from pymatgen.core.composition import Composition
from pymatgen.core.periodic_table import Element

from .bond_valence import OCCURRENCE

Kind = Literal["anion", "cation", "metal"]

USUAL_CHARGES: Final[Mapping[str, int]] = {
    "H": -1,
    "C": -4,
    "N": -3,
    "O": -2,
    "F": -1,
    "P": -3,
    "S": -2,
    "Cl": -1,
    "Se": -2,
    "Br": -1,
    "Te": -2,
    "I": -1,
}
"""Of the elements that make a compound a salt, or polar, whatever metal they are with. The heavier ones of groups 13 to
15 make alloys with transition metals, and salts only with the most electropositive metals."""
POLAR_DIFFERENCE: Final = 0.3
"""Of Pauling electronegativities, from which an element of these is an anion where no oxidation states are known."""
MAX_CHARGE: Final = 8.0
_NEUTRAL: Final = 0.01


class Role(NamedTuple):
    """What an element is in a compound.

    Attributes
    ----------
    kind
        "metal" stands for all that is neutral, the atoms of the elements too.
    charge
        In units of the elementary charge; the mean where it differs from site to site.
    """

    kind: Kind
    charge: float


METAL: Final = Role("metal", 0.0)


@lru_cache(maxsize=65536)
def likely_oxidation_states(formula: str) -> Mapping[str, float] | None:
    """Guess the oxidation states of a formula, or None where no charge-neutral choice exists.

    As pymatgen's `Composition.oxi_state_guesses`: states frequent in the ICSD, the likeliest choice; a single
    element is 0. Where those balance nothing the common states of textbooks may: Cl7+ of perchlorates is not frequent.
    What the atoms of each element may add up to is found once for all formulas, which takes most of the time.

    Raises
    ------
    ValueError
        When amounts are not whole.
    """
    composition = Composition(formula)
    if len(composition) == 1:
        return dict.fromkeys(composition.get_el_amt_dict(), 0.0)
    amounts = composition.reduced_composition.get_el_amt_dict()
    if any(amount != int(amount) for amount in amounts.values()):
        raise ValueError(f"oxidation states of {formula} want whole amounts")
    best = _likeliest(amounts, common=False) or _likeliest(amounts, common=True)
    if best is None:
        return None
    return {element: charge / amounts[element] for element, (charge, _) in zip(amounts, best, strict=True)}


def _likeliest(amounts: Mapping[str, float], *, common: bool) -> tuple[tuple[int, float], ...] | None:
    """Sums of each element that balance each other; `common` adds rarer states, but none against electronegativity."""
    best, most = None, 0.0
    for sums in product(*(_sums(element, int(amount), common=common) for element, amount in amounts.items())):
        if sum(charge for charge, _ in sums) == 0:
            frequency = sum(one for _, one in sums)
            if (best is None or frequency > most) and not (common and _reversed(amounts, sums)):
                best, most = sums, frequency
    return best


def _reversed(elements: Iterable[str], sums: Iterable[tuple[int, float]]) -> bool:
    """Whether a cation is more electronegative than an anion."""
    signed = [(Element(element).X, charge) for element, (charge, _) in zip(elements, sums, strict=True)]
    cations, anions = ([pauling for pauling, charge in signed if charge * sign > 0] for sign in (1, -1))
    return bool(cations and anions) and max(cations) > min(anions)


@lru_cache(maxsize=4096)
def _sums(element: str, amount: int, *, common: bool) -> tuple[tuple[int, float], ...]:
    """Charges that so many atoms of an element may have together, each with the frequency of its likeliest states."""
    states = Element(element).icsd_oxidation_states or Element(element).common_oxidation_states
    if common:
        states = tuple(sorted({*states, *Element(element).common_oxidation_states}))
    frequencies = {state: float(OCCURRENCE.get((element, state), 0)) for state in states}
    found: dict[int, float] = {}
    for chosen in combinations_with_replacement(states, amount):
        if common and chosen[0] * chosen[-1] < 0:
            continue  # an element as cation and anion: what is frequent may be both, as in N2O
        charge, frequency = sum(chosen), sum(frequencies[state] for state in chosen)
        if charge not in found or frequency > found[charge]:
            found[charge] = frequency
    return tuple(found.items())


@lru_cache(maxsize=65536)
def roles_of(formula: str) -> Mapping[str, Role]:
    """Tell the role of each element of a formula.

    By the likely oxidation states; where there are none, nonmetals take their usual charges and the others share what
    balances them. Elements and intermetallic compounds, also those for which charges can be written (CoSi as Co4+ and
    Si4-), are metals.

    Examples
    --------
    >>> roles_of("HfN")
    {'Hf': Role(kind='cation', charge=3.0), 'N': Role(kind='anion', charge=-3.0)}
    >>> {role.kind for role in roles_of("CoSi").values()}
    {'metal'}
    """
    amounts = Composition(formula).get_el_amt_dict()
    charges = likely_oxidation_states(formula)
    if charges is None or not any(charges.values()):
        charges = _balanced(amounts)
    anions = {element for element, charge in charges.items() if charge < -_NEUTRAL}
    others = amounts.keys() - anions
    if not anions or not others or _is_alloy(anions, others):
        return dict.fromkeys(amounts, METAL)
    return {element: Role(_kind(charges[element]), charges[element]) for element in amounts}


def _balanced(amounts: Mapping[str, float]) -> dict[str, float]:
    pauling = {element: Element(element).data.get("X") or 0.0 for element in amounts}  # 0: none, of noble gases
    lowest = min(pauling.values())
    anions = {e for e in amounts if e in USUAL_CHARGES and pauling[e] - lowest > POLAR_DIFFERENCE}
    cations = sum(amount for element, amount in amounts.items() if element not in anions)
    if not anions or not cations:
        return dict.fromkeys(amounts, 0.0)
    share = min(-sum(USUAL_CHARGES[element] * amounts[element] for element in anions) / cations, MAX_CHARGE)
    return {element: float(USUAL_CHARGES[element]) if element in anions else share for element in amounts}


def _is_alloy(anions: set[str], others: set[str]) -> bool:
    return anions.isdisjoint(USUAL_CHARGES) and any(Element(element).is_transition_metal for element in others)


def _kind(charge: float) -> Kind:
    if charge < -_NEUTRAL:
        return "anion"
    return "cation" if charge > _NEUTRAL else "metal"
