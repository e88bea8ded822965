"""Average oxidation state of one element of a compound whose other elements have but one usual state.

Knows formulas only.
"""

from __future__ import annotations

from typing import Final

from .formula.single_formula import read_one

USUAL_STATES: Final = {
    **dict.fromkeys(("Li", "Na", "K", "Rb", "Cs", "H"), 1),
    **dict.fromkeys(("Be", "Mg", "Ca", "Sr", "Ba", "Zn", "Cd"), 2),
    **dict.fromkeys(("B", "Al", "Ga", "Sc", "Y", "La"), 3),
    "F": -1,
    "O": -2,
}
"""Elements with one state in nearly all their oxides and fluorides (Greenwood, Earnshaw, Chemistry of the Elements, 2nd
ed., 1997). Peroxides and hydrides are exceptions that a formula alone does not show."""


def average_oxidation_state(formula: str, element: str) -> float | None:
    """Average oxidation state of an element, the one that makes a formula neutral.

    Parameters
    ----------
    formula
        Formula, need not be reduced.
    element
        Symbol of the element asked about.

    Returns
    -------
    float or None
        The state; None when the element is not in the formula, is alone in it, another one has no single usual state,
        or none of the others is an anion: metals among themselves have no oxidation states.

    Raises
    ------
    FormulaError
        When the formula can't be read.

    Examples
    --------
    >>> average_oxidation_state("MgMn2O4", "Mn"), average_oxidation_state("Mn3O4", "Mn")
    (3.0, 2.6666666666666665)
    """
    amounts = read_one(formula)
    own = amounts.pop(element, 0.0)
    if not own or not amounts or not amounts.keys() <= USUAL_STATES.keys():
        return None
    if not any(USUAL_STATES[other] < 0 for other in amounts):
        return None
    return -sum(USUAL_STATES[other] * amount for other, amount in amounts.items()) / own
