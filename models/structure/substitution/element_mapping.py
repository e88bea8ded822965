"""Which element takes which place: what it costs to put one element where another was, and whose states fit.

Knows elements and amounts; knows no structures and no templates.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from math import log
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray
from pymatgen.core.periodic_table import Element

from ..cells.decorations import Split
from ..comparison.prototype_index import canonical_slots, slot_orders
from ..covalent_radii import covalent_radius
from ..pettifor import MODIFIED_PETTIFOR_ORDER, position
from ..sizes.ions import anion_radius, cation_radius

OxidationMatch = Literal["matched", "unmatched", "unknown"]
"""Whether the new elements can take the oxidation states of those they replace; unknown where a side has none."""

SCALE_WEIGHT: Final = 0.82
GROUP_WEIGHT: Final = 3.09
ELECTRONEGATIVITY_WEIGHT: Final = 2.08
OXIDATION_WEIGHT: Final = 0.61
"""Weights of the four parts of `substitution_costs`: the root of the distance on the modified Pettifor scale in tens of
steps, another group of the periodic table, the difference of Pauling electronegativities, and the share of common
oxidation states the two do not have in common. Found by maximum likelihood: each of 980 records of 2DMatPedia (Zhou et
al., Sci. Data 6, 86 (2019)) left out in turn and looked for among the rest (``tests/accuracy/recovery.py fit``)."""

SPLIT_COST: Final = 2.85
SPLIT_WEIGHT: Final = 0.81
"""What it costs that two elements share the sites of one in an ordered decoration: the first, and the second times the
cost of putting one of the two in the place of the other. Found by maximum likelihood, from the 64 of the 219 ternary
and quaternary records of 2DMatPedia at hand of which a template is left, of 10 only one to decorate. Either half of the
records gives 2.95 and 0.72, 2.51 and 1.07; the 852 of 959 bulk crystals 1.81 and 0.53."""

RADIUS_WEIGHT: Final = 2.0
"""Weight of unlike radii (`radius_mismatches`) in bulk crystals, in addition to the four. Of 1,094 crystals of the
Materials Project at hand, each left out, it puts 36 into the first place and takes 9 from there, of 562 of the bundled
handbook, left out with their formula, 17 and 6; all five weights fitted to either half of these give 2.1 to 2.7. Of 468
monolayers it would put 8 there and take 13 away."""

_UNKNOWN_RADIUS: Final = 1.9
_LEAST_RADIUS: Final = 0.2  # Å; those of Shannon's that are less (C4+, N5+) are no size of a thing

_UNKNOWN_ELECTRONEGATIVITY: Final = 2.5  # noble gases and a few actinides have no Pauling value


@lru_cache(maxsize=1)
def substitution_features() -> NDArray[np.float64]:
    """Four measures of how unlike two elements are.

    Returns
    -------
    ndarray of shape (4, 103, 103)
        By place on the modified Pettifor scale, in the order of the weights: root of the scale distance, other group,
        difference of electronegativity, common oxidation states not shared. 0 on the diagonal.
    """
    elements = [Element(symbol) for symbol in MODIFIED_PETTIFOR_ORDER]
    places = np.arange(len(elements))
    groups = np.array([element.group for element in elements])
    pauling = np.array([float(element.X) for element in elements])
    pauling = np.where(np.isnan(pauling), _UNKNOWN_ELECTRONEGATIVITY, pauling)
    states = [_common_states(element) for element in elements]
    shared = np.array([[len(own & other) / len(own | other) for other in states] for own in states])
    features = np.stack(
        [
            np.sqrt(np.abs(places[:, None] - places) / 10),
            (groups[:, None] != groups).astype(float),
            np.abs(pauling[:, None] - pauling),
            1 - shared,
        ]
    )
    features.setflags(write=False)
    return features


@lru_cache(maxsize=1)
def substitution_costs() -> NDArray[np.float64]:
    """Cost of putting one element in the place of another: minus the logarithm of how likely the crystal stays.

    Returns
    -------
    ndarray of shape (103, 103)
        By place on the modified Pettifor scale; symmetric, 0 on the diagonal.
    """
    weights = np.array([SCALE_WEIGHT, GROUP_WEIGHT, ELECTRONEGATIVITY_WEIGHT, OXIDATION_WEIGHT])
    costs: NDArray[np.float64] = np.tensordot(weights, substitution_features(), axes=1)
    costs.setflags(write=False)
    return costs


@lru_cache(maxsize=1)
def costs_in_bulk() -> NDArray[np.float64]:
    """Cost (103, 103) of putting one element in the place of another in a bulk crystal, where sizes have to fit too."""
    costs: NDArray[np.float64] = substitution_costs() + RADIUS_WEIGHT * radius_mismatches()
    costs.setflags(write=False)
    return costs


@lru_cache(maxsize=1)
def radius_mismatches() -> NDArray[np.float64]:
    """How unlike two elements are in size.

    Returns
    -------
    ndarray of shape (103, 103)
        By place on the modified Pettifor scale: difference of the logarithms of the radii as ions, the mean over the
        common oxidation states that both have; where they share none, the least of any two. 0 on the diagonal.
    """
    sizes = [
        {state: log(_radius(element.symbol, state)) for state in _common_states(element)}
        for element in map(Element, MODIFIED_PETTIFOR_ORDER)
    ]
    mismatches = np.zeros((len(sizes), len(sizes)))
    for first, own in enumerate(sizes):
        for second, other in enumerate(sizes[:first]):
            shared = [abs(own[state] - other[state]) for state in own.keys() & other.keys()]
            least = min(abs(one - two) for one in own.values() for two in other.values())
            mismatches[first, second] = mismatches[second, first] = np.mean(shared) if shared else least
    mismatches.setflags(write=False)
    return mismatches


def _radius(element: str, charge: int) -> float:
    """Å, of an ion with six neighbours, or of an atom of charge 0."""
    if charge > 0:
        return max(cation_radius(element, charge), _LEAST_RADIUS)
    radius = anion_radius(element) if charge else float(covalent_radius(element))
    return _UNKNOWN_RADIUS if np.isnan(radius) else radius


def _common_states(element: Element) -> set[int]:
    return set(element.common_oxidation_states) or set(element.oxidation_states) or {0}


def cost_row(name: str, costs: NDArray[np.float64], split: Split | None = None) -> NDArray[np.float64]:
    """Cost (103,) of putting an element, or two in one, in the place of each other one.

    Parameters
    ----------
    name
        Symbol, or ``split.name``.
    costs
        As of `substitution_costs`.
    split
        The two elements that share the sites of one.
    """
    if split is None or name != split.name:
        own: NDArray[np.float64] = costs[position(name)]
        return own
    first, second = (position(element) for element in split.elements)
    both: NDArray[np.float64] = (costs[first] + costs[second]) / 2 + SPLIT_COST + SPLIT_WEIGHT * costs[first, second]
    return both


def scale_distance(mapping: Mapping[str, str], amounts: Mapping[str, float]) -> float:
    """Mean distance that the atoms are moved along the modified Pettifor scale.

    Parameters
    ----------
    mapping
        Old element to new one.
    amounts
        Atoms of each old element.

    Returns
    -------
    float
        Scale steps per atom; never less than the element mover's distance of the two compositions.
    """
    steps = sum(amount * abs(position(old) - position(mapping[old])) for old, amount in amounts.items())
    return float(steps / sum(amounts.values()))


def least_distance_mapping(
    template: Mapping[str, float], target: Mapping[str, float], states: Mapping[str, float] | None = None
) -> tuple[dict[str, str], OxidationMatch]:
    """Map a template's elements to a composition's at the least total distance on the scale, stoichiometry kept.

    Where oxidation states of the template are given, the least among those mappings that keep them comes before any
    that does not.

    Parameters
    ----------
    template, wanted
        Atoms of each element of the template and of the composition wanted.
    states
        Oxidation state of each element of the template.

    Returns
    -------
    mapping
        Old element to new one.
    match
        Whether oxidation states are kept.

    Raises
    ------
    ValueError
        When the two are not of the same anonymous formula.

    Examples
    --------
    >>> least_distance_mapping({"Ca": 1, "Ti": 1, "O": 3}, {"Ba": 1, "Zr": 1, "S": 3})[0]
    {'Ca': 'Ba', 'Ti': 'Zr', 'O': 'S'}
    """
    old, amounts = canonical_slots(template)
    new, new_amounts = canonical_slots(target)
    if amounts != new_amounts:
        raise ValueError(f"{dict(template)} and {dict(target)} are not of the same anonymous formula")
    mappings: list[tuple[bool, float, dict[str, str], OxidationMatch]] = []
    for order in slot_orders(amounts):
        mapping = {element: new[place] for element, place in zip(old, order, strict=True)}
        match = oxidation_match(states, mapping)
        mappings.append((match == "unmatched", scale_distance(mapping, template), mapping, match))
    _, _, mapping, match = min(mappings, key=lambda entry: entry[:2])
    return mapping, match


def oxidation_match(states: Mapping[str, float] | None, mapping: Mapping[str, str]) -> OxidationMatch:
    """Tell whether the element put in each place is known in the oxidation state of the one it replaces.

    Stoichiometry is kept, so charges then balance as they did before.

    Parameters
    ----------
    states
        Oxidation state of each element that is replaced, if they are known.
    mapping
        From these elements to those put in their places. It works in both directions: where only the new
        composition's states are known, give those and the mapping from new to old.
    """
    if not states or not set(mapping) <= set(states):
        return "unknown"
    kept = (states[old] in (0, *Element(new).oxidation_states) for old, new in mapping.items())
    return "matched" if all(kept) else "unmatched"
