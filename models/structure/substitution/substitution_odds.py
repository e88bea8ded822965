"""How likely a structure stays one when elements are replaced by others of their group.

``data_mined.json`` beside this file holds what ions replace each other in known crystals;
``tests/learnt/fit_substitutions.py`` writes it. Knows formulas; makes no structures.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from math import exp, log
from pathlib import Path
from typing import Final

from ..covalent_radii import covalent_radius
from ..pettifor import position
from ..sizes.ions import anion_radius, cation_radius
from ..sizes.roles import Role, roles_of
from .element_mapping import substitution_costs

LEARNT: Final = Path(__file__).with_name("data_mined.json")
NEVER_SEEN: Final = -5.0
"""Logarithmic weight of ions that were never seen to replace each other (Hautier et al. 2011)."""
LEAST_RADIUS: Final = 0.1  # Å: of ions as small as C4+ and N5+, and of H+
CONSTANT: Final = 1.007
LIKENESS_WEIGHT: Final = 0.465
RADIUS_WEIGHT: Final = 0.643
MINED_WEIGHT: Final = 0.031
"""Logistic regression of 15,892 substitutions within groups between known formulas: whether the new one is known with
the structure. Crystals of the bundled handbook and of Petretto et al., Sci. Data 5, 180065 (2018), and monolayers of
2DMatPedia, Zhou et al., Sci. Data 6, 86 (2019). For formulas left out the logarithmic loss is 0.624, 0.593 and 0.605,
by likeness alone 0.629, 0.608 and 0.615; the areas under the curve are 0.72, 0.75 and 0.66, and 0.73, 0.73 and 0.68."""


@dataclass(frozen=True, slots=True)
class SubstitutionOdds:
    """What speaks for and against a substitution.

    Attributes
    ----------
    likeness
        Sum over the elements of the cost of replacing each, by `element_mapping.substitution_costs`.
    radius_mismatch
        By how much more one element's radius grows than another's: the difference of the largest and the least
        logarithm of new over old radius, ionic for ions (Shannon, by charge); of a single element its logarithm.
    mined
        Sum over the elements of minus the logarithmic weight with which known crystals have both.
    """

    likeness: float
    radius_mismatch: float
    mined: float

    @property
    def cost(self) -> float:
        """All three by their weights, 0 where nothing is replaced and radii stay."""
        return LIKENESS_WEIGHT * self.likeness + RADIUS_WEIGHT * self.radius_mismatch + MINED_WEIGHT * self.mined

    @property
    def chance(self) -> float:
        """Probability that the new compound has the structure, as it was found for known ones."""
        return 1 / (1 + exp(self.cost - CONSTANT))


def substitution_odds(old: str, new: str, mapping: Mapping[str, str]) -> SubstitutionOdds:
    """Odds of a substitution.

    Parameters
    ----------
    old, new
        Reduced formulas.
    mapping
        Each element of the old one to that in its place, those that stay among them.

    Examples
    --------
    >>> sulfide, selenide = {"Mo": "Mo", "S": "S"}, {"Mo": "Mo", "S": "Se"}
    >>> oxide = {"Mo": "Mo", "S": "O"}
    >>> substitution_odds("MoS2", "MoSe2", selenide).chance > substitution_odds("MoS2", "MoO2", oxide).chance
    True
    """
    before, after = roles_of(old), roles_of(new)
    grown = [log(_radius(b, after[b]) / _radius(a, before[a])) for a, b in mapping.items()]
    changed = [(a, b) for a, b in mapping.items() if a != b]
    costs = substitution_costs()
    return SubstitutionOdds(
        likeness=sum(float(costs[position(a), position(b)]) for a, b in changed),
        radius_mismatch=max(grown) - min(grown) if len(grown) > 1 else abs(grown[0]),
        mined=-sum(mined_weight(a, b) for a, b in changed),
    )


def mined_weight(first: str, second: str) -> float:
    """Logarithmic weight with which two elements of a group replace each other, in the oxidation state that suits best.

    G. Hautier et al., Inorg. Chem. 50, 656 (2011), doi 10.1021/ic102031h.
    """
    one, other = sorted((first, second))
    return _mined().get(one, {}).get(other, NEVER_SEEN)


def _radius(element: str, role: Role) -> float:
    if role.kind == "metal":
        return covalent_radius(element)
    return anion_radius(element) if role.kind == "anion" else max(cation_radius(element, role.charge), LEAST_RADIUS)


@lru_cache(maxsize=1)
def _mined() -> Mapping[str, Mapping[str, float]]:
    mined: Mapping[str, Mapping[str, float]] = json.loads(LEARNT.read_text(encoding="utf-8"))
    return mined
