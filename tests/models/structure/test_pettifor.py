"""The modified Pettifor scale, checked on what its paper says of it."""

import pytest
from exfolio.models.structure.pettifor import MODIFIED_PETTIFOR_ORDER, ElementOffScaleError, position
from pymatgen.core import Element


def test_it_holds_each_of_the_first_103_elements_once():
    assert sorted(Element(symbol).Z for symbol in MODIFIED_PETTIFOR_ORDER) == list(range(1, 104))


@pytest.mark.parametrize(
    ("one", "other"), [("Ca", "Sr"), ("Li", "Na"), ("S", "Se"), ("Mo", "W"), ("Al", "Ga"), ("Cl", "Br")]
)
def test_elements_that_replace_each_other_are_neighbours(one, other):
    assert abs(position(one) - position(other)) == 1


def test_hydrogen_closes_the_scale_beside_fluorine_and_helium_opens_it():
    assert (position("He"), position("F"), position("H")) == (0, 101, 102)


@pytest.mark.parametrize("symbol", ["D", "Rf", "Xx", ""])
def test_what_is_not_on_the_scale_is_named(symbol):
    with pytest.raises(ElementOffScaleError, match=repr(symbol)):
        position(symbol)
