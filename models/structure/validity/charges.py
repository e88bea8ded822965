"""Charges of the elements of a formula, for bonds to be added up to: ions of one state keep it, others balance them.

Knows formulas; where in a crystal an ion sits is not looked at.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from pymatgen.core.composition import Composition
from pymatgen.core.periodic_table import Element

from ..sizes.roles import USUAL_CHARGES, likely_oxidation_states, roles_of

_NEVER_CATIONS: Final = frozenset({"O", "F"})
_OF_METALLOIDS: Final = -4.0
"""Charge of anions that have no usual one, as silicon's."""
_LEAST: Final = 0.01
_MOST: Final = 8.0


@lru_cache(maxsize=65536)
def charges_of(formula: str) -> Mapping[str, float]:
    """Charge of each element of a formula, the mean where it differs from site to site; empty for what has no ions.

    The likely oxidation states; where no choice is neutral, cations that have one state only (Inorganic Crystal
    Structure Database, as pymatgen lists it) keep it and the others share the rest. Where these would need more than
    any of them ever has, the least electronegative anion is a cation too, as phosphorus of phosphates. Anions that
    cations can't satisfy share what there is, as those bonded to each other do.

    Examples
    --------
    >>> charges_of("Li3FeO4")
    {'O': -2.0, 'Li': 1.0, 'Fe': 5.0}
    >>> charges_of("K2O2")
    {'O': -1.0, 'K': 1.0}
    >>> charges_of("LaNi5")
    {}
    """
    roles = roles_of(formula)
    anions = {element for element, role in roles.items() if role.kind == "anion"}
    if not anions:
        return {}
    states = likely_oxidation_states(formula)
    if states is not None and any(states.values()):
        return {element: float(charge) for element, charge in states.items()}
    amounts = Composition(formula).get_el_amt_dict()
    while True:
        negative = sum(-_anion_charge(element) * amounts[element] for element in anions)
        kept = {e: _only_state(e) for e in amounts if e not in anions and _only_state(e)}
        free = [element for element in amounts if element not in anions and element not in kept]
        positive = sum(kept[element] * amounts[element] for element in kept)
        share = (negative - positive) / sum(amounts[element] for element in free) if free else 0.0
        most = max((max(Element(element).oxidation_states or (_MOST,)) for element in free), default=0)
        mildest = min(anions, key=lambda element: Element(element).X)
        lacking = share > most if free else negative > positive + _LEAST
        if not lacking or len(anions) == 1 or mildest in _NEVER_CATIONS:
            break
        anions.remove(mildest)
    charges = {element: _anion_charge(element) for element in anions} | kept
    if share > _LEAST:
        return charges | dict.fromkeys(free, min(share, _MOST))
    scale = positive / negative if positive else 1.0
    return {e: charge * scale if e in anions else charge for e, charge in charges.items()} | dict.fromkeys(free, 0.0)


def has_full_charge(element: str, charge: float) -> bool:
    """Whether an anion has all the charge that it takes, so that nothing is left for bonds among such anions."""
    return charge < 0 and charge <= _anion_charge(element) + _LEAST


def _anion_charge(element: str) -> float:
    return float(USUAL_CHARGES.get(element, _OF_METALLOIDS))


@lru_cache(maxsize=128)
def _only_state(element: str) -> float:
    states = Element(element).icsd_oxidation_states
    return float(states[0]) if len(states) == 1 and states[0] > 0 else 0.0
