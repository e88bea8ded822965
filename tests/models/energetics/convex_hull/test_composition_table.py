"""Compositions as atomic fractions, and which are equal."""

import numpy as np
import pytest
from exfolio.models.composition.formula.single_formula import FormulaError
from exfolio.models.energetics.convex_hull.composition_table import composition_table


def test_fractions_stand_under_their_elements() -> None:
    table = composition_table(["MgMn2O4", {"O": 3, "Mg": 1, "Mn": 1}, "O2"])
    assert table.elements == ("O", "Mg", "Mn")
    np.testing.assert_allclose(table.fractions, [[4 / 7, 1 / 7, 2 / 7], [0.6, 0.2, 0.2], [1.0, 0.0, 0.0]])
    assert table.systems == [0b111, 0b111, 0b001]


def test_equal_compositions_are_known_however_they_are_written() -> None:
    table = composition_table(["TiO2", "O8Ti4", "Ti(O)2", {"Ti": 1 / 3, "O": 2 / 3}, "Ti2O3", "Ti0.5O1.0"])
    assert table.identity.tolist() == [0, 0, 0, 0, 1, 0]


def test_a_subset_counts_its_own_compositions() -> None:
    table = composition_table(["TiO2", "Ti2O3", "Ti2O4", "MnO"]).subset([1, 3, 1])
    assert table.elements == ("O", "Ti", "Mn")
    assert table.identity.tolist() == [0, 1, 0]


@pytest.mark.parametrize("formula", ["", "Xx2", "Mg-2", {"Mg": -1.0}, {}])
def test_what_is_no_composition_is_refused(formula: str | dict[str, float]) -> None:
    with pytest.raises(FormulaError):
        composition_table(["MgO", formula])
