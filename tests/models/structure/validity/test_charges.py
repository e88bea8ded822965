"""Charges that bonds have to add up to."""

import pytest
from exfolio.models.structure.validity.charges import charges_of, has_full_charge


@pytest.mark.parametrize(
    ("formula", "charges"),
    [
        ("V6O7", {"V": 7 / 3, "O": -2}),
        ("MgMn2O4", {"Mg": 2, "Mn": 3, "O": -2}),
        ("Li3FeO4", {"Li": 1, "Fe": 5, "O": -2}),  # no neutral choice of usual states
        ("K2O2", {"K": 1, "O": -1}),
        ("KO2", {"K": 1, "O": -0.5}),
        ("Li2Fe(PO4)2", {"Li": 1, "Fe": 14 / 3, "P": 14 / 3, "O": -2}),  # phosphorus is no anion beside oxygen
        ("LaNi5", {}),
    ],
)
def test_ions_of_one_state_keep_it(formula: str, charges: dict[str, float]) -> None:
    assert charges_of(formula) == pytest.approx(charges)


def test_peroxide_ions_have_not_all_the_charge_of_oxide_ions() -> None:
    assert has_full_charge("O", -2)
    assert not has_full_charge("O", -1)
    assert not has_full_charge("Mg", 2)
