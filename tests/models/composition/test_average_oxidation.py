"""Oxidation states that follow from a formula."""

import pytest
from exfolio.models.composition.average_oxidation import average_oxidation_state
from exfolio.models.composition.formula.single_formula import FormulaError


@pytest.mark.parametrize(
    ("formula", "element", "state"),
    [
        ("MgMn2O4", "Mn", 3.0),  # spinel
        ("MgMnO3", "Mn", 4.0),  # ilmenite
        ("Mg6MnO8", "Mn", 4.0),
        ("Mn3O4", "Mn", pytest.approx(8 / 3)),  # hausmannite
        ("Mn2O7", "Mn", 7.0),
        ("LiFePO4", "Fe", None),  # phosphorus has more than one state
        ("MgO", "Mn", None),
        ("MgMn2", "Mn", None),  # no anion
        ("LiMg2Mn", "Mn", None),
        ("Mn", "Mn", None),
    ],
)
def test_states_of_known_compounds(formula: str, element: str, state: float | None) -> None:
    assert average_oxidation_state(formula, element) == state


def test_a_formula_that_is_none_is_an_error() -> None:
    with pytest.raises(FormulaError):
        average_oxidation_state("Xx2O", "Mn")
